//! Appending until the device has it. What it costs is told in times of one line and one `fdatasync` by bare calls, taken in
//! turns with ours in the same process.

use latchwork_tests::measure::{Ask, names};

use crate::contender::Contender;
use crate::size::Size;
use crate::stage::Stage;
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "device";
pub(crate) const ONE: &str = "one writer";
pub(crate) const SHARED: &str = "32 writers, a round";
const WRITERS: usize = 32;

pub(crate) const MICROS: &str = "us";
/// In times of one line and one `fdatasync`.
pub(crate) const UNITS: &str = "in lines and fdatasyncs";

/// The columns.
pub(crate) const HELD: &str = "ours, under one guard";
const CYCLE: &str = "ours, a guard each";
const BARE: &str = "raw: a line, fdatasync";
const BARE_BATCH: &str = "raw: all lines, fdatasync";

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let messages = stage.messages(1_000)?;
    for run in 0..size.runs {
        for (case, writers, rounds) in [
            (ONE, 1, size.device_appends),
            (SHARED, WRITERS, size.shared_rounds),
        ] {
            let folder = stage.folder().join(format!("device-{writers}-{run}"));
            std::fs::create_dir(&folder)?;
            let answer = stage.ask(
                Contender::Ours,
                &Ask::Device {
                    file: folder.join("s.jsonl"),
                    messages: messages.clone(),
                    writers,
                    rounds,
                },
            )?;
            std::fs::remove_dir_all(folder)?;
            let unit = answer.get(names::BARE_US).copied();
            for (of, name) in [
                (BARE, names::BARE_US),
                (BARE_BATCH, names::BARE_BATCH_US),
                (HELD, names::HELD_US),
                (CYCLE, names::CYCLE_US),
            ] {
                let micros = answer.get(name).copied();
                let units = micros.zip(unit).map(|(micros, unit)| micros / unit);
                results.figures.add(SECTION, case, of, MICROS, micros);
                results.figures.add(SECTION, case, of, UNITS, units);
            }
        }
    }
    Ok(())
}
