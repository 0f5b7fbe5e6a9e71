//! How a conversation grows: turns of a user, replies and results; now and then a branch, a compaction, something of an
//! extension. Ids are the numbers of entries, mixed so that they look like any other and never meet.

use std::fmt::Write as _;
use std::io::{self, Write};

use latchwork_format::time::iso_from_millis;

use super::message::{self, MODELS};
use super::text::{path, prose, skewed};
use super::{Made, Plan, Shape};
use crate::workload::Numbers;

/// The mean length of a line, in bytes.
const MEAN: u64 = 1_024;
/// Entries between two compactions; up to 80 more.
const COMPACT_AFTER: u64 = 360;

pub(super) struct Tree<'w, W> {
    plan: Plan,
    out: &'w mut W,
    numbers: Numbers,
    made: Made,
    written: u64,
    now_ms: i64,
    /// The active branch since the last compaction.
    branch: Vec<u32>,
    /// The last entry of the active branch.
    leaf: Option<u32>,
    /// The user's messages among `branch`.
    users: Vec<u32>,
    since_compaction: u64,
    compact_after: u64,
    model: [&'static str; 3],
    line: String,
}

impl<'w, W: Write> Tree<'w, W> {
    pub(super) fn new(plan: Plan, out: &'w mut W) -> Self {
        let mut numbers =
            Numbers(plan.seed ^ plan.entries.rotate_left(40) ^ ((plan.shape as u64) << 63));
        let compact_after = COMPACT_AFTER + numbers.below(80);
        Self {
            plan,
            out,
            made: Made::default(),
            written: 0,
            now_ms: 1_767_600_000_000 + i64::try_from(numbers.below(86_400_000)).unwrap_or(0),
            branch: Vec::new(),
            leaf: None,
            users: Vec::new(),
            since_compaction: 0,
            compact_after,
            model: MODELS[0],
            line: String::new(),
            numbers,
        }
    }

    pub(super) fn grow(mut self) -> io::Result<Made> {
        self.header()?;
        self.put("model_change", |tree| {
            let [provider, model, _] = tree.model;
            let _ = write!(tree.line, r#","provider":"{provider}","modelId":"{model}""#);
        })?;
        self.put("thinking_level_change", |tree| {
            tree.line.push_str(r#","thinkingLevel":"medium""#);
        })?;
        self.put("session_info", |tree| {
            tree.line
                .push_str(r#","name":"A session of the benchmark""#);
        })?;
        while !self.is_full() {
            if self.plan.shape == Shape::Mixed {
                self.leave_branch()?;
                self.compact()?;
            }
            self.aside()?;
            self.turn()?;
        }
        Ok(self.made)
    }

    fn is_full(&self) -> bool {
        self.written >= self.plan.entries
    }

    fn header(&mut self) -> io::Result<()> {
        let (session, now) = (
            format!("{:016x}", self.numbers.draw()),
            iso_from_millis(self.now_ms),
        );
        self.line = format!(
            r#"{{"type":"session","version":3,"id":"{session}","timestamp":"{now}","cwd":"/home/dev/project"}}"#
        );
        self.end_line()
    }

    /// Writes an entry below the leaf, unless there are enough; `fields` adds what it says.
    fn put(&mut self, kind: &str, fields: impl FnOnce(&mut Self)) -> io::Result<()> {
        if self.is_full() {
            return Ok(());
        }
        let number = u32::try_from(self.written).map_err(io::Error::other)?;
        self.now_ms += 200 + i64::try_from(self.numbers.below(4_000)).unwrap_or(0);
        self.line.clear();
        let _ = write!(
            self.line,
            r#"{{"type":"{kind}","id":"{:08x}","parentId":"#,
            self.id(number)
        );
        let _ = match self.leaf {
            Some(leaf) => write!(self.line, r#""{:08x}""#, self.id(leaf)),
            None => write!(self.line, "null"),
        };
        let _ = write!(
            self.line,
            r#","timestamp":"{}""#,
            iso_from_millis(self.now_ms)
        );
        fields(self);
        self.line.push('}');
        self.written += 1;
        self.since_compaction += 1;
        self.leaf = Some(number);
        self.branch.push(number);
        self.end_line()
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.push('\n');
        self.made.bytes += self.line.len() as u64;
        self.out.write_all(self.line.as_bytes())
    }

    fn message(&mut self, say: impl FnOnce(&mut Numbers, i64, &mut String)) -> io::Result<()> {
        self.put("message", |tree| {
            tree.line.push_str(r#","message":"#);
            say(&mut tree.numbers, tree.now_ms, &mut tree.line);
        })
    }

    fn turn(&mut self) -> io::Result<()> {
        self.message(message::user)?;
        self.users.extend(self.leaf);
        let model = self.model;
        for _ in 0..=skewed(&mut self.numbers, 2) {
            let mut calls = vec![message::call(&mut self.numbers)];
            if self.numbers.one_in(5) {
                calls.push(message::call(&mut self.numbers));
            }
            self.message(|numbers, now, out| message::assistant(numbers, model, &calls, now, out))?;
            for call in &calls {
                let bytes = self.result_bytes();
                self.message(|numbers, now, out| message::result(numbers, call, bytes, now, out))?;
            }
        }
        self.message(|numbers, now, out| message::assistant(numbers, model, &[], now, out))
    }

    /// Results are as long as it takes for the mean of all lines to come out.
    fn result_bytes(&mut self) -> usize {
        let wanted = (self.written + 1) * MEAN;
        let mean = (1_100 + wanted.saturating_sub(self.made.bytes) / 12)
            .saturating_sub(self.made.bytes.saturating_sub(wanted) / 12);
        24 + skewed(&mut self.numbers, mean.clamp(100, 9_000))
    }

    /// What stands between two turns and says nothing to the model, or little.
    fn aside(&mut self) -> io::Result<()> {
        if self.numbers.one_in(50) {
            self.model = self.numbers.of(&MODELS).copied().unwrap_or(MODELS[0]);
            let [provider, model, _] = self.model;
            self.put("model_change", |tree| {
                let _ = write!(tree.line, r#","provider":"{provider}","modelId":"{model}""#);
            })?;
        }
        if self.numbers.one_in(25) {
            self.put("custom", |tree| {
                tree.line
                    .push_str(r#","customType":"tasks","data":{"open":[""#);
                prose(&mut tree.numbers, 60, &mut tree.line);
                tree.line.push_str(r#""],"done":2}"#);
            })?;
        }
        if self.numbers.one_in(30) {
            self.put("custom_message", |tree| {
                tree.line
                    .push_str(r#","customType":"reminder","content":""#);
                prose(&mut tree.numbers, 120, &mut tree.line);
                tree.line.push_str(r#"","display":true"#);
            })?;
        }
        match self
            .users
            .last()
            .copied()
            .filter(|_| self.numbers.one_in(50))
        {
            Some(target) => self.put("label", |tree| {
                let _ = write!(
                    tree.line,
                    r#","targetId":"{:08x}","label":"here""#,
                    tree.id(target)
                );
            }),
            None => Ok(()),
        }
    }

    /// Now and then goes back some entries, mostly with a summary of what is left behind.
    fn leave_branch(&mut self) -> io::Result<()> {
        let back = 2 + usize::try_from(self.numbers.below(12)).unwrap_or(0);
        if !self.numbers.one_in(20) || self.branch.len() < back + 30 || self.is_full() {
            return Ok(());
        }
        let from = self.leaf.unwrap_or(0);
        self.branch.truncate(self.branch.len() - back);
        self.leaf = self.branch.last().copied();
        let end = self.leaf.unwrap_or(0);
        self.users.retain(|user| *user <= end);
        self.made.branches += 1;
        if self.numbers.one_in(3) {
            return Ok(());
        }
        self.put("branch_summary", |tree| {
            let _ = write!(
                tree.line,
                r#","fromId":"{:08x}","summary":""#,
                tree.id(from)
            );
            let bytes = 200 + skewed(&mut tree.numbers, 300);
            prose(&mut tree.numbers, bytes, &mut tree.line);
            tree.line.push('"');
        })
    }

    /// A summary for all but the last turns, when it is time.
    fn compact(&mut self) -> io::Result<()> {
        let kept = self.users.iter().rev().nth(2).copied();
        let Some(kept) = kept.filter(|_| self.since_compaction >= self.compact_after) else {
            return Ok(());
        };
        if self.is_full() {
            return Ok(());
        }
        self.put("compaction", |tree| {
            tree.line.push_str(r#","summary":"The goal: "#);
            let bytes = 900 + skewed(&mut tree.numbers, 900);
            prose(&mut tree.numbers, bytes, &mut tree.line);
            let _ = write!(
                tree.line,
                r#"","firstKeptEntryId":"{:08x}","tokensBefore":{},"details":{{"readFiles":["{}"],"modifiedFiles":[]}}"#,
                tree.id(kept),
                90_000 + tree.numbers.below(90_000),
                path(&mut tree.numbers)
            );
        })?;
        self.made.compactions += 1;
        self.branch.clear();
        self.users.clear();
        self.since_compaction = 0;
        self.compact_after = COMPACT_AFTER + self.numbers.below(80);
        Ok(())
    }

    /// The id of an entry: each step can be undone, so two numbers never have one.
    fn id(&self, number: u32) -> u32 {
        let seed = (self.plan.seed as u32).wrapping_mul(0x9e37_79b9);
        let mut id = number.wrapping_add(seed).wrapping_mul(0x85eb_ca6b);
        id = (id ^ (id >> 16)).wrapping_mul(0xc2b2_ae35);
        id ^ (id >> 15)
    }
}
