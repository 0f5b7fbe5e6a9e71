//! Many sessions in turn in one process: what one costs while nobody holds it, and whether anything is left behind.
//!
//! The process is asked what the kernel knows of it: resident memory, threads, descriptors. Limit: memory is counted in
//! pages and includes what the allocator keeps.

use std::fs;
use std::path::Path;
use std::time::Duration;

use latchwork_filelock::{Latches, SIDECARS, Site};
use latchwork_lock::{Phase, Wait};
use serde_json::{Value, json};

use crate::lock::{self, Kind};
use crate::{Failure, clock, protocol};

/// After so many cycles it says that it is still at work.
const PIECE: usize = 50_000;

/// Takes and releases each session once, then `cycles` times in turn, and tells what the process needed before, between
/// and after.
pub(crate) async fn measure(
    kind: Kind,
    folder: &Path,
    count: usize,
    cycles: usize,
) -> Result<Value, Failure> {
    let Kind::Ours(peer_lock) = kind else {
        return Err("sessions: only --impl ours has sessions".into());
    };
    let sites = sites(folder, count)?;
    let latches = lock::latches(peer_lock);
    let mut turns = Cycles {
        latches,
        sites,
        next: 0,
    };
    // The first ones pay for what is there once: the stand-in, the runtime's timer, the allocator's first pages.
    turns.run(200, Manners::Yields).await?;
    let before = usage().await?;
    turns.run(count, Manners::Yields).await?;
    let idle = usage().await?;
    let start = clock::now();
    for done in (0..cycles).step_by(PIECE) {
        turns.run(PIECE.min(cycles - done), Manners::Yields).await?;
        protocol::say(&format!("working {done}"))?;
    }
    let took = clock::now() - start;
    let after = usage().await?;
    turns.run(IMPATIENT, Manners::NeverYields).await?;
    let unyielding = usage_now()?;
    Ok(json!({
        "before": before, "idle": idle, "after": after, "unyielding": unyielding,
        "tookNs": took, "left": left_behind(folder)?,
    }))
}

/// How many cycles are made at last without giving the runtime a turn: what piles up then is told apart from leaks.
const IMPATIENT: usize = 10_000;
/// In which a runtime ends what it still has to end.
const SETTLE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manners {
    /// As a server does, which awaits something between two sessions.
    Yields,
    NeverYields,
}

struct Cycles {
    latches: Latches,
    sites: Vec<Site>,
    next: usize,
}

impl Cycles {
    async fn run(&mut self, cycles: usize, manners: Manners) -> Result<(), Failure> {
        for _ in 0..cycles {
            let site = &self.sites[self.next % self.sites.len()];
            self.next += 1;
            let wait = Wait::at_most(Duration::from_secs(60));
            let latched = self.latches.latch(site, Phase::RECORD, wait).await?;
            latched.release().await;
            if manners == Manners::Yields {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }
}

fn sites(folder: &Path, count: usize) -> Result<Vec<Site>, Failure> {
    fs::create_dir_all(folder)?;
    let mut sites = Vec::with_capacity(count);
    for number in 0..count {
        let name = format!("s{number}");
        let file = format!("{name}.jsonl");
        fs::write(folder.join(&file), b"")?;
        sites.push(Site::new(folder, &name, &file)?);
    }
    Ok(sites)
}

async fn usage() -> Result<Value, Failure> {
    tokio::time::sleep(SETTLE).await;
    usage_now()
}

/// What the kernel knows of this process; memory in bytes.
fn usage_now() -> Result<Value, Failure> {
    let memory = fs::read_to_string("/proc/self/smaps_rollup")?;
    let field = |name: &str| -> Option<u64> {
        let line = memory.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    };
    Ok(json!({
        "rss": field("Rss:"), "anonymous": field("Anonymous:"),
        "threads": fs::read_dir("/proc/self/task")?.count(),
        // Less the one that is open for this very look.
        "descriptors": fs::read_dir("/proc/self/fd")?.count() - 1,
    }))
}

/// Files beside the transcripts that should not outlive a latch, such as temporary ones and lock files of peers.
fn left_behind(folder: &Path) -> Result<usize, Failure> {
    let mut left = 0;
    for (folder, expected) in [
        (folder.to_path_buf(), ".jsonl"),
        (folder.join(SIDECARS), ".latch"),
    ] {
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            left += usize::from(!name.ends_with(expected) && name != SIDECARS);
        }
    }
    Ok(left)
}
