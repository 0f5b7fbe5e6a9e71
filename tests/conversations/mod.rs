//! Conversations of any size, made from a seed: the sessions that the benchmarks read and write.
//!
//! The same plan gives the same bytes, on every machine and at any time. An entry is about 1 KiB in the mean, as in real
//! sessions, and the lines are of pi's form, written from scratch and not by the code that is measured.
//!
//! | file | idea |
//! |---|---|
//! | `text` | prose and program text, escaped already |
//! | `message` | what is said: users, replies with calls, results |
//! | `tree` | who says it after whom: turns, branches, compactions |
//!
//! Limits: 2^32 entries; nothing is damaged, and nobody else writes in between.

mod message;
mod text;
mod tree;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::workload::Numbers;

/// How a conversation is grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// With a compaction every 400 entries or so, branches that were left, labels, entries of extensions.
    Mixed,
    /// One branch without a compaction: nearly everything is in its context.
    Linear,
}

impl Shape {
    /// Its name in tables and file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Linear => "linear",
        }
    }
}

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Conversations of other seeds are others.
    pub seed: u64,
    /// Entries, the header not counted.
    pub entries: u64,
    /// Its shape.
    pub shape: Shape,
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Bytes written, the header among them.
    pub bytes: u64,
    /// How often it was compacted.
    pub compactions: u64,
    /// How often it went back to an earlier entry.
    pub branches: u64,
}

/// Writes a conversation, line by line.
///
/// # Errors
/// Those of `out`.
pub fn write(plan: Plan, out: &mut impl Write) -> io::Result<Made> {
    tree::Tree::new(plan, out).grow()
}

/// Writes a conversation into a new file.
///
/// # Errors
/// When the file is there already or cannot be written.
pub fn write_file(plan: Plan, path: &Path) -> io::Result<Made> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create_new(path)?);
    let made = write(plan, &mut out)?;
    out.flush()?;
    Ok(made)
}

/// So many messages of about 900 bytes, each the text of a JSON object: what the appenders append.
#[must_use]
pub fn messages(seed: u64, count: usize) -> Vec<String> {
    let mut numbers = Numbers(seed);
    let mut all = Vec::with_capacity(count);
    for number in 0..count {
        let at_ms = 1_767_600_000_000 + 700 * number as i64;
        all.push(message::of_about(&mut numbers, number, 850, at_ms));
    }
    all
}

#[cfg(test)]
mod tests {
    use latchwork_format::{Kind, Role, Tail, Transcript, context};

    use super::*;

    fn made(seed: u64, entries: u64, shape: Shape) -> (Vec<u8>, Made) {
        let mut bytes = Vec::new();
        let plan = Plan {
            seed,
            entries,
            shape,
        };
        let made = write(plan, &mut bytes).unwrap();
        assert_eq!(made.bytes, bytes.len() as u64);
        (bytes, made)
    }

    /// FNV-1a: enough to see that a byte has changed.
    fn sum(bytes: &[u8]) -> u64 {
        let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
    }

    #[test]
    fn the_same_plan_gives_the_same_bytes_today_and_tomorrow() {
        let mixed = sum(&made(1, 500, Shape::Mixed).0);
        let linear = sum(&made(1, 500, Shape::Linear).0);
        assert_eq!(mixed, sum(&made(1, 500, Shape::Mixed).0));
        assert_ne!(mixed, sum(&made(2, 500, Shape::Mixed).0));
        assert_eq!(
            (mixed, linear),
            (3_115_178_016_205_569_299, 2_075_866_614_487_880_957)
        );
    }

    #[test]
    fn every_line_is_whole_and_of_about_a_kibibyte_and_every_parent_is_there() {
        for shape in [Shape::Mixed, Shape::Linear] {
            let (bytes, _) = made(3, 4_000, shape);
            let transcript = Transcript::parse(&bytes);
            assert_eq!(transcript.tail(), Tail::Clean);
            assert!(
                transcript.damage().is_empty() && latchwork_format::flaws(&transcript).is_empty()
            );
            assert_eq!(transcript.entry_count(), 4_000);
            let mean = bytes.len() as f64 / 4_000.0;
            assert!((920.0..1_130.0).contains(&mean), "{shape:?}: {mean}");
        }
    }

    #[test]
    fn a_mixed_conversation_is_compacted_and_branched_and_its_context_stays_small() {
        let (bytes, made) = made(4, 4_000, Shape::Mixed);
        let transcript = Transcript::parse(&bytes);
        let count = |kind: &Kind| transcript.entries().filter(|e| e.kind() == kind).count();
        assert_eq!(count(&Kind::Compaction) as u64, made.compactions);
        assert!((8..=11).contains(&made.compactions), "{made:?}");
        assert!(
            made.branches > 20 && count(&Kind::BranchSummary) > 10,
            "{made:?}"
        );
        assert!(count(&Kind::Label) > 0 && count(&Kind::Custom) > 0);
        let shown = context(&transcript, None).messages.len();
        assert!((10..600).contains(&shown), "{shown}");
    }

    #[test]
    fn nearly_all_of_a_linear_conversation_is_in_its_context() {
        let (bytes, made) = made(5, 4_000, Shape::Linear);
        let transcript = Transcript::parse(&bytes);
        assert_eq!((made.compactions, made.branches), (0, 0));
        let shown = context(&transcript, None).messages.len();
        assert!(shown > 3_600, "{shown}");
    }

    #[test]
    fn messages_are_objects_of_all_roles_and_about_equally_long() {
        let all = messages(1, 30);
        let parsed: Vec<serde_json::Value> = all
            .iter()
            .map(|text| serde_json::from_str(text).unwrap())
            .collect();
        for role in [Role::User, Role::Assistant, Role::ToolResult] {
            assert_eq!(
                parsed.iter().filter(|m| m["role"] == role.as_str()).count(),
                10
            );
        }
        assert!(all.iter().all(|text| (700..1_400).contains(&text.len())));
        assert_eq!(all, messages(1, 30));
    }
}
