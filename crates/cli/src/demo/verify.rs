//! What must be true of the transcript when the demo is over, read from the file anew.

use std::collections::HashSet;

use latchwork::Session;
use latchwork::format::{EntryId, RawEntry};

use crate::demo::others::Sent;
use crate::failure::Failure;

/// What was verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verified {
    /// How many entries.
    pub(crate) entries: usize,
}

/// Verifies; the failure says what is not as it should be.
pub(crate) async fn verify(session: &Session, sent: &[Sent]) -> Result<Verified, Failure> {
    let snapshot = session.snapshot().await?;
    let (transcript, report) = (&snapshot.transcript, &snapshot.report);
    let wrong = |what: String| {
        Err(Failure::new(format!(
            "the transcript of the demo is not as it should be: {what}"
        )))
    };
    if report.restored != report.of || !report.damage.is_empty() {
        return wrong(format!(
            "restored {} of {}: {:?}",
            report.restored, report.of, report.damage
        ));
    }
    let mut seen: HashSet<&EntryId> = HashSet::new();
    for entry in transcript.entries() {
        if let Some(parent) = entry.parent().filter(|parent| !seen.contains(parent)) {
            return wrong(format!(
                "the parent {parent} of {} stands nowhere before it",
                entry.id()
            ));
        }
        if !seen.insert(entry.id()) {
            return wrong(format!("{} stands twice", entry.id()));
        }
    }
    let head = snapshot.head.leaf.as_ref();
    let path = head
        .and_then(|head| transcript.branch(head))
        .unwrap_or_default();
    for sent in sent {
        let named = |entry: &&&RawEntry| entry.key().as_deref() == Some(sent.key.as_str());
        let places = if sent.message {
            path.iter().filter(named).count()
        } else {
            count(transcript.entries(), &sent.key)
        };
        if places != 1 {
            return wrong(format!("{} stands {places} times", sent.key));
        }
    }
    Ok(Verified {
        entries: transcript.entry_count(),
    })
}

fn count<'a>(entries: impl Iterator<Item = &'a RawEntry>, key: &str) -> usize {
    entries
        .filter(|entry| entry.key().as_deref() == Some(key))
        .count()
}
