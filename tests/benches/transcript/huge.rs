//! A session of 10 GB, made for this alone: what opening it needs. Only on request, and where there is room.

use latchwork_tests::conversations::{self, Plan, Shape};
use latchwork_tests::measure::{Ask, Show, names};
use rustix::fs::statvfs;

use crate::contender::Contender;
use crate::size::Size;
use crate::stage::Stage;
use crate::{Failure, Results, say};

pub(crate) const SECTION: &str = "huge";
const MS: &str = "to the context, ms";
pub(crate) const PEAK_MB: &str = "memory at its peak, MB";
pub(crate) const CASE: &str = "the largest session";
const GIB: &str = "size of the file, GiB";

/// More than this is not given to whoever opens it: the machine has others to serve.
const ADDRESS_SPACE: u64 = 6 << 30;
/// What must be left on the disk beside it.
const SPARE: u64 = 4 << 30;

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let wanted = size.huge_bytes;
    if wanted == 0 {
        let why = "huge: a session of 10 GB is opened with --huge only";
        results.missing.push(why.to_owned());
        return Ok(());
    }
    let disk = statvfs(stage.folder())?;
    let free = disk.f_bavail * disk.f_frsize;
    if free < wanted + SPARE {
        results.missing.push(format!(
            "huge: {} bytes are free where the sessions lie, and {} are needed",
            free,
            wanted + SPARE
        ));
        return Ok(());
    }
    let folder = stage.folder().join("huge");
    std::fs::create_dir(&folder)?;
    let file = folder.join("s.jsonl");
    say(&format!("making a session of {wanted} bytes"));
    let plan = Plan {
        seed: 1,
        entries: wanted / 1_024,
        shape: Shape::Mixed,
    };
    let made = conversations::write_file(plan, &file)?;
    let ask = Ask::Open {
        who: Contender::Ours.who(),
        file: file.clone(),
        show: Show::Context,
        again: 0,
    };
    let name = Contender::Ours.name();
    let gib = made.bytes as f64 / f64::from(1 << 30);
    results.figures.add(SECTION, CASE, name, GIB, gib);
    match stage.ask_within(ADDRESS_SPACE, &ask) {
        Ok(answer) => {
            let get = |name: &str| answer.get(name).copied();
            let megabytes = get(names::PEAK_MIB).map(|mebibytes| mebibytes * 1.048_576);
            results.figures.add(SECTION, CASE, name, MS, get(names::MS));
            results.figures.add(SECTION, CASE, name, PEAK_MB, megabytes);
        }
        Err(failure) => results.errors.push(format!(
            "huge: opening {:.1} GiB in {} GiB of address space failed: {failure}",
            gib,
            ADDRESS_SPACE >> 30
        )),
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
