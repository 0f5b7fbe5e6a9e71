//! Sessions whose turns are taken and given back, and looked at in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use latchwork_filelock::{Latches, Site};
use latchwork_lock::{TurnClaim, Wait};
use latchwork_openclaw::SessionIndex;
use latchwork_tests::workload::Numbers;

use crate::{Arguments, Failure, index, latches, say};

/// The longest pause between two moves, in microseconds.
const PAUSE_US_MAX: u64 = 1_500;

struct Worker<'a> {
    arguments: &'a Arguments,
    latches: Latches,
    index: SessionIndex,
    /// Sessions that are in a turn of ours.
    held: BTreeMap<String, TurnClaim>,
    turns: u64,
}

/// Takes and gives back turns until standard input ends.
pub(crate) async fn live(arguments: &Arguments) -> Result<(), Failure> {
    let over = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&over);
    std::thread::spawn(move || {
        let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        ends.store(true, Ordering::SeqCst);
    });
    let mut numbers = Numbers(arguments.seed);
    let mut worker = Worker {
        arguments,
        latches: latches(),
        index: index(arguments)?,
        held: BTreeMap::new(),
        turns: 0,
    };
    for id in arguments.ids.iter().step_by(2) {
        worker.begin(id).await?;
    }
    say("ready")?;
    while !over.load(Ordering::SeqCst) {
        let Some(id) = numbers.of(&arguments.ids) else {
            break;
        };
        if worker.held.contains_key(id) {
            worker.end(id).await?;
        } else {
            worker.begin(id).await?;
        }
        let pause = Duration::from_micros(numbers.below(PAUSE_US_MAX));
        tokio::time::sleep(pause).await;
    }
    for id in &arguments.ids {
        worker.end(id).await?;
    }
    say(&format!("done {}", worker.turns))
}

impl Worker<'_> {
    /// Takes the turn of a session, if it is there and free.
    async fn begin(&mut self, id: &str) -> Result<(), Failure> {
        let site = Site::new(&self.arguments.folder, id, &format!("{id}.jsonl"))?;
        if let Ok(claim) = self.latches.claim(&site, "live", Wait::Never).await {
            if self.is_whole(id)?.is_none() {
                self.held.insert(id.to_owned(), claim);
                self.turns += 1;
            } else {
                claim.release().await?;
            }
        }
        Ok(())
    }

    /// Looks whether a session was left alone, and gives its turn back.
    async fn end(&mut self, id: &str) -> Result<(), Failure> {
        if let Some(claim) = self.held.remove(id) {
            if let Some(lost) = self.is_whole(id)? {
                say(&format!("lost {id} {lost}"))?;
            }
            claim.release().await?;
        }
        Ok(())
    }

    /// What of a session is not there.
    fn is_whole(&self, id: &str) -> Result<Option<&'static str>, Failure> {
        let transcript = self.arguments.folder.join(format!("{id}.jsonl"));
        if !transcript.exists() {
            return Ok(Some("its transcript"));
        }
        let rows = self.index.read()?.unwrap_or_default();
        let row = rows.get(&format!("agent:main:{id}"));
        Ok(row.is_none().then_some("its row"))
    }
}
