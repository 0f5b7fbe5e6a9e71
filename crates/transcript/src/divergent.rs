//! Branches that others began beside the active one. Pure.

use std::collections::HashSet;

use latchwork_format::{EntryId, Transcript};
use latchwork_session::Divergence;

/// Branches of conversation that others began after we first wrote here, and that are not the active one.
pub(crate) fn divergent(transcript: &Transcript, head: Option<&EntryId>) -> Vec<Divergence> {
    let mut found: Vec<Divergence> = Vec::new();
    let ours = transcript
        .entries()
        .position(|entry| entry.mark().is_some());
    let (Some(head), Some(ours)) = (head, ours) else {
        return found;
    };
    // One walk for all of them.
    let active: HashSet<&EntryId> = transcript
        .branch(head)
        .unwrap_or_default()
        .iter()
        .map(|entry| entry.id())
        .collect();
    for line in transcript.lines().get(ours..).unwrap_or_default() {
        let entry = &line.entry;
        if !entry.kind().is_conversational()
            || entry.mark().is_some()
            || active.contains(entry.id())
        {
            continue;
        }
        let parent = transcript
            .parent_of(entry.id())
            .map(|parent| parent.id().clone());
        match found
            .iter_mut()
            .find(|known| Some(&known.leaf) == parent.as_ref())
        {
            Some(known) => {
                known.leaf = entry.id().clone();
                known.entries += 1;
            }
            None => found.push(Divergence {
                from: parent,
                leaf: entry.id().clone(),
                entries: 1,
            }),
        }
    }
    found
}
