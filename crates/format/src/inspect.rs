//! A session at a glance, in the shape in which pi's own answers are recorded, so that anyone can compare.

use std::collections::BTreeMap;

use crate::context::{Context, context};
use crate::id::EntryId;
use crate::transcript::Transcript;

/// What a session is at one leaf.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// The leaf.
    pub leaf_id: Option<EntryId>,
    /// The session's name.
    pub name: Option<String>,
    /// The labels of entries that are there.
    pub labels: BTreeMap<EntryId, String>,
    /// How many entries the file has.
    pub entry_count: usize,
    /// What the model is shown.
    pub context: Context,
}

/// Inspects a session at `leaf`, or at the transcript's own leaf.
///
/// Turn it into text with `serde_json::to_string`: that keeps messages in the bytes they were written in, while
/// a `serde_json::Value` refuses what JavaScript may have put there.
#[must_use]
pub fn inspect(transcript: &Transcript, leaf: Option<&EntryId>) -> Inspection {
    let labels = transcript
        .labels()
        .iter()
        .filter(|(id, _)| transcript.entry(id).is_some());
    Inspection {
        leaf_id: leaf
            .filter(|id| transcript.entry(id).is_some())
            .or_else(|| transcript.leaf())
            .cloned(),
        name: transcript.name().map(str::to_owned),
        labels: labels
            .map(|(id, label)| (id.clone(), label.clone()))
            .collect(),
        entry_count: transcript.entry_count(),
        context: context(transcript, leaf),
    }
}
