//! Listing a folder of sessions: the first time in this process, and again by the same store when nothing has changed.

use std::path::Path;
use std::time::Instant;

use latchwork_tests::measure::{Answer, names};

use crate::ours::Folder;
use crate::process::{Io, forget_peak, memory};
use crate::{Failure, ms_since, numbers};

pub(crate) async fn measure(folder: &Path) -> Result<Answer, Failure> {
    let before = forget_peak()?;
    let io = Io::so_far()?;
    let start = Instant::now();
    let folder = Folder::of(folder);
    let (found, titled) = folder.list().await?;
    let first = ms_since(start);
    let (read, peak) = (Io::since(io)?.read, memory()?.peak);
    if titled == 0 {
        return Err("no session was listed with a title".into());
    }
    let start = Instant::now();
    folder.list().await?;
    Ok(numbers([
        (names::MS, first),
        (names::AGAIN_MS, ms_since(start)),
        (names::ITEMS, found as f64),
        (names::READ, read),
        (names::MORE_MIB, peak - before),
    ]))
}
