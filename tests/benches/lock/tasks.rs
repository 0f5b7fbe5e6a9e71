//! Many tasks of one process want one lock: OpenClaw broke there, since it tells processes apart and not tasks.

use std::fs;

use latchwork_tests::measure::contention;

use crate::contender::Contender;
use crate::crowd::faults;
use crate::size::Size;
use crate::stage::Stage;
use crate::worker::{self, Done};
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "tasks";
pub(crate) const TOTAL: &str = "total, ms";
pub(crate) const BROKEN: &str = "overlaps + lost + doubled + torn";
pub(crate) const ERRORS: &str = "errors at callers";

pub(crate) const CONTENDERS: [Contender; 4] = [
    Contender::Never,
    Contender::Always,
    Contender::AlwaysThreaded,
    Contender::OpenClaw,
];
const TASKS: u32 = 16;

pub(crate) fn case(size: &Size) -> String {
    format!("{TASKS} tasks, {} operations", TASKS * size.task_ops)
}

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let case = case(size);
    for _ in 0..size.long_runs {
        for who in stage.available(&CONTENDERS) {
            let file = stage.file()?;
            let mut worker = stage.worker(who, &file, 0)?;
            let command = format!("tasks {TASKS} {} 1000", size.task_ops);
            let all: Vec<Done> = serde_json::from_str(&worker.ask(&command, "tasks")?)?;
            worker.end();
            let (ops, errors) = worker::split(all);
            let found = contention(&ops, &fs::read_to_string(&file)?);
            let mut add = |metric, value| {
                results
                    .figures
                    .add(SECTION, &case, who.name(), metric, value);
            };
            add(TOTAL, found.total_ms);
            add(BROKEN, f64::from(faults(&found)));
            results.count_errors(SECTION, &case, who, ERRORS, &errors);
        }
    }
    Ok(())
}
