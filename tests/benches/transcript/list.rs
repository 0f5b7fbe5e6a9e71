//! A folder of sessions, listed the first time in a process and again when nothing has changed.

use latchwork_tests::measure::{Ask, names};

use crate::contender::Contender;
use crate::size::Size;
use crate::stage::Stage;
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "list";
pub(crate) const MS: &str = "the first time, ms";
pub(crate) const AGAIN_MS: &str = "again, ms";
const READ: &str = "bytes read";
const MORE_MIB: &str = "memory at its peak, MiB more";
const ITEMS: &str = "sessions listed";

const CONTENDERS: [Contender; 4] = [
    Contender::Ours,
    Contender::Pi,
    Contender::NewPi,
    Contender::OpenClaw,
];

/// The name of the case.
pub(crate) fn case(size: &Size) -> String {
    let (sessions, entries) = size.list;
    format!("{sessions} sessions of {entries} entries")
}

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let (sessions, entries) = size.list;
    let (folder, case) = (stage.list(sessions, entries)?, case(size));
    for _ in 0..size.runs {
        for contender in stage.available(&CONTENDERS) {
            for file in std::fs::read_dir(&folder)? {
                let path = file?.path();
                if path.is_file() {
                    std::fs::read(path)?;
                }
            }
            let answer = stage.ask(
                contender,
                &Ask::List {
                    who: contender.who(),
                    folder: folder.clone(),
                },
            )?;
            for (metric, name) in [
                (MS, names::MS),
                (AGAIN_MS, names::AGAIN_MS),
                (READ, names::READ),
                (MORE_MIB, names::MORE_MIB),
                (ITEMS, names::ITEMS),
            ] {
                let value = answer.get(name).copied();
                results
                    .figures
                    .add(SECTION, &case, contender.name(), metric, value);
            }
        }
    }
    Ok(())
}
