//! The end of a branch read from the end of its file: what a context needs, and no more of the file than that.
//!
//! Walks from the leaf towards the root with one id in mind at a time. Read from behind, the first line of an id is the
//! one that counts. Invariant: what is found is what the whole file, read forwards, gives. Wherever that cannot be known
//! (an old version, a parent that is not there or stands later, a line that may be the one and cannot be read), the answer
//! is [`FromEnd::NeedAll`] and never a guess.
//!
//! Deliberately absent: files (the caller reads), repairs of the tree (a reading of all lines makes them).
//! Limits: what is found is held, one block of the file or one line within the limits, and some three bytes for
//! each entry passed (sixteen where its id is not one of pi's).

mod blocks;
mod seen;

#[cfg(test)]
mod tests;

use crate::context::Context;
use crate::entry::{RawEntry, RawLine};
use crate::fault::Limits;
use crate::id::EntryId;
use crate::kind::{Kind, Role};
use crate::scan::{Facts, Scanner, quick};
use crate::transcript::{Tail, find_names, is_blank, side_by_side};
use blocks::{Blocks, ReadAt};
use seen::Ids;

/// In so many bytes from its beginning a file must say which version it has; nearly each does in the first of these.
const HEADS: [usize; 2] = [4 << 10, 64 << 10];

/// More bytes than these are not gathered from behind for a context: forwards they are read faster.
const SHOWN_MAX: usize = 4 << 20;

/// How far up a branch is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that a context needs: what is shown, and further up the entries that say how hard to think and which model
    /// answers, however far away they are.
    Context,
    /// What a context shows. Of the thinking level and the model only what the shown entries say is found.
    Shown,
    /// The last entries of the branch, so many; one at least.
    Last(usize),
}

/// What was made of the end of a file.
#[derive(Clone, Debug)]
pub enum FromEnd {
    /// What was asked for.
    Found(Found),
    /// Only a reading of all lines can tell.
    NeedAll(NeedAll),
}

/// Why the end of a file is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NeedAll {
    /// It is of version 1 or 2, or says too late which one it is.
    #[error("the file's version is old or not said at its beginning")]
    Version,
    /// An entry's id is not there, or a line above it is lost.
    #[error("an entry that is named is not there")]
    Missing,
    /// An entry's parent stands later in the file, or its id twice.
    #[error("an entry stands behind one that is below it, or twice")]
    Later,
    /// Entries share a line.
    #[error("entries share a line")]
    Shared,
    /// So much is shown that reading all lines forwards is quicker.
    #[error("more is shown than is read from the end")]
    Much,
    /// What stands after the last newline is beyond the limits.
    #[error("the last line is too long to be looked at")]
    LongTail,
}

/// The end of a branch.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Entries further up that say how hard the model is to think and which one it is, where no entry of `part` does;
    /// empty unless [`Reach::Context`] was asked for.
    pub above: Vec<RawEntry>,
    /// The entries of the part, from the one nearest to the root to the leaf.
    pub part: Vec<Placed>,
    /// Whether `part` begins with an entry that names no parent. (The parent that another names may be lost for all that is
    /// known here.)
    pub from_root: bool,
    /// What stands after the last newline.
    pub tail: Tail,
    /// Where the last newline ends.
    pub saved_through: u64,
    /// How many bytes were read.
    pub read: u64,
}

impl Found {
    /// The context, if [`Reach::Context`] was asked for.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::of_part(&self.above, self.part.iter().map(|placed| &placed.entry))
    }
}

/// An entry and its place. Which line it is, nobody counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The entry.
    pub entry: RawEntry,
    /// Its first byte.
    pub offset: u64,
    /// Its bytes, without the newline.
    pub len: usize,
}

/// Reads the end of the branch at `leaf`, or at the last entry of the file, whose first `size` bytes count.
///
/// `read_at` fills its slice with the bytes from that offset on; it is never asked for bytes behind `size`.
///
/// # Errors
/// Those of `read_at`, as they come.
pub fn read<E>(
    size: u64,
    leaf: Option<&EntryId>,
    reach: Reach,
    limits: Limits,
    mut read_at: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
) -> Result<FromEnd, E> {
    let mut walk = Walk::new(leaf, reach, limits);
    walk.run(size, &mut read_at)
}

struct Walk {
    limits: Limits,
    reach: Reach,
    /// The id looked for; none as long as the file's own leaf is.
    wanted: Option<EntryId>,
    passed: Ids,
    /// From the leaf up.
    part: Vec<Placed>,
    above: Vec<RawEntry>,
    /// Where the last compaction stands in `part`, and what it keeps from.
    boundary: Option<(usize, Option<EntryId>)>,
    /// The bytes of `part`.
    held: usize,
    /// Whether `part` is whole, so that only settings are still looked for.
    whole: bool,
    /// Whether the last of `part` is a root.
    top_is_root: bool,
    has_level: bool,
    has_model: bool,
}

/// Whether the walk goes on.
enum Step {
    On,
    Done,
    Stuck(NeedAll),
}

impl Walk {
    fn new(leaf: Option<&EntryId>, reach: Reach, limits: Limits) -> Self {
        Walk {
            limits,
            reach,
            wanted: leaf.cloned(),
            passed: Ids::default(),
            part: Vec::new(),
            above: Vec::new(),
            boundary: None,
            held: 0,
            whole: false,
            top_is_root: false,
            has_level: false,
            has_model: false,
        }
    }

    fn run<E>(&mut self, size: u64, read_at: &mut ReadAt<'_, E>) -> Result<FromEnd, E> {
        let mut read = 0;
        let mut of_today = false;
        for most in HEADS {
            if !of_today {
                let mut head = vec![0; most.min(usize::try_from(size).unwrap_or(most))];
                read_at(0, &mut head)?;
                read += head.len() as u64;
                of_today = self.is_of_today(&head);
            }
        }
        if !of_today {
            return Ok(FromEnd::NeedAll(NeedAll::Version));
        }
        let mut blocks = Blocks::new(size, self.limits.line_bytes);
        let mut tail = Tail::Clean;
        while let Some(piece) = blocks.previous(read_at)? {
            let is_tail = piece.is_tail;
            let (step, whole) = match piece.bytes {
                Some(bytes) => self.line(bytes, piece.offset),
                None if is_tail => (Step::Stuck(NeedAll::LongTail), false),
                None => (Step::On, false),
            };
            if is_tail {
                tail = blocks.tail(whole);
            }
            match step {
                Step::On => {}
                Step::Stuck(why) => return Ok(FromEnd::NeedAll(why)),
                Step::Done => {
                    let found = self.found(tail, blocks.saved_through());
                    return Ok(FromEnd::Found(Found {
                        read: blocks.read + read,
                        ..found
                    }));
                }
            }
        }
        Ok(FromEnd::NeedAll(NeedAll::Missing))
    }

    /// Whether the file that begins like this has lines that speak for themselves.
    fn is_of_today(&self, head: &[u8]) -> bool {
        let mut scanner = Scanner::with_limits(self.limits);
        let mut lines = head.split_inclusive(|&byte| byte == b'\n');
        lines.any(|line| {
            scanner.push(line, &mut |_| {});
            scanner.lines_speak_for_themselves()
        })
    }

    /// Takes a line; tells whether it is whole.
    fn line(&mut self, line: &[u8], offset: u64) -> (Step, bool) {
        if let Some(step) = self.pass_quickly(line) {
            return (step, true);
        }
        if line.len() <= self.limits.line_bytes
            && let Some(facts) = quick::entry(line, self.limits.depth)
        {
            return (self.entry(&facts, line, offset), true);
        }
        match RawLine::parse_within(line, self.limits) {
            Ok(RawLine::Entry(entry)) => (self.entry(&Facts::of(&entry), line, offset), true),
            Ok(RawLine::Header(_)) => (Step::On, true),
            Err(_) if side_by_side(line).is_some() => (Step::Stuck(NeedAll::Shared), true),
            Err(_) => (self.damaged(line), is_blank(line)),
        }
    }

    /// A line that may have been the one that is looked for: whether it stands elsewhere as well, all lines tell.
    fn damaged(&self, line: &[u8]) -> Step {
        let id = find_names(line).map(|(id, _)| id);
        match &self.wanted {
            Some(wanted) if id.as_ref() == Some(wanted) => Step::Stuck(NeedAll::Missing),
            _ => Step::On,
        }
    }

    /// Passes an entry that can only be on the way to another one, by what its line begins with. If the line is damaged behind that, all
    /// lines would bridge it to the very parent that it names here.
    fn pass_quickly(&mut self, line: &[u8]) -> Option<Step> {
        if !self.whole || line.len() > self.limits.line_bytes || line.last() != Some(&b'}') {
            return None;
        }
        let begins = quick::beginning(line)?;
        // What may say what is looked for is read.
        let says = match begins.kind {
            b"message" => !self.has_model,
            b"compaction" | b"custom" | b"custom_message" | b"branch_summary" | b"label" => false,
            _ => true,
        };
        let wanted = self.wanted.as_ref()?.as_str() == begins.id;
        if wanted && says {
            return None;
        }
        self.passed.add(begins.id);
        if !wanted {
            return Some(Step::On);
        }
        match begins.parent.filter(|parent| *parent != begins.id) {
            Some(parent) if self.passed.may_hold(parent) => Some(Step::Stuck(NeedAll::Later)),
            Some(parent) => {
                self.wanted = Some(EntryId::new(parent));
                Some(Step::On)
            }
            None => Some(Step::Done),
        }
    }

    fn entry(&mut self, facts: &Facts<'_>, line: &[u8], offset: u64) -> Step {
        self.passed.add(&facts.id);
        if self
            .wanted
            .as_ref()
            .is_some_and(|wanted| wanted.as_str() != facts.id)
        {
            return Step::On;
        }
        let Ok(RawLine::Entry(entry)) = RawLine::parse_within(line, self.limits) else {
            return Step::Stuck(NeedAll::Missing);
        };
        let parent = facts.parent.as_ref().filter(|parent| **parent != facts.id);
        if !self.whole {
            self.top_is_root = parent.is_none();
        }
        self.keep(facts, entry, offset, line.len());
        if self.is_done() {
            return Step::Done;
        }
        if self.held > SHOWN_MAX && !matches!(self.reach, Reach::Last(_)) {
            return Step::Stuck(NeedAll::Much);
        }
        match parent {
            Some(parent) => {
                if self.passed.may_hold(parent) {
                    return Step::Stuck(NeedAll::Later);
                }
                self.wanted = Some(EntryId::new(parent));
                Step::On
            }
            None => Step::Done,
        }
    }

    fn keep(&mut self, facts: &Facts<'_>, entry: RawEntry, offset: u64, len: usize) {
        let level = facts.sets_level && !self.has_level;
        let model = sets_model(&entry) && !self.has_model;
        (self.has_level, self.has_model) = (self.has_level || level, self.has_model || model);
        if self.whole {
            if level || model {
                self.above.push(entry);
            }
            return;
        }
        self.held += len;
        let id = entry.id().clone();
        self.part.push(Placed { entry, offset, len });
        if self.reach == Reach::Context || self.reach == Reach::Shown {
            self.whole = self.meets_boundary(facts, &id);
        }
    }

    /// Whether the part begins with this entry, which was just added.
    fn meets_boundary(&mut self, facts: &Facts<'_>, id: &EntryId) -> bool {
        if self.boundary.is_none() && facts.kind == Kind::Compaction {
            let kept = facts.first_kept.as_deref().map(EntryId::new);
            let nothing = kept.as_ref().is_none_or(|kept| kept == id);
            self.boundary = Some((self.part.len() - 1, kept));
            return nothing;
        }
        let kept = self.boundary.as_ref().and_then(|(_, kept)| kept.as_ref());
        kept == Some(id)
    }

    fn is_done(&self) -> bool {
        match self.reach {
            Reach::Context => self.whole && self.has_level && self.has_model,
            Reach::Shown => self.whole,
            Reach::Last(count) => self.part.len() >= count,
        }
    }

    fn found(&mut self, tail: Tail, saved_through: u64) -> Found {
        let mut part = std::mem::take(&mut self.part);
        let mut above = std::mem::take(&mut self.above);
        let mut hidden = Vec::new();
        // What the compaction keeps from is not on the branch, so nothing before it is shown.
        if let (Some((at, _)), false) = (&self.boundary, self.whole) {
            hidden = part.split_off(at + 1);
        }
        let from_root = self.top_is_root && hidden.is_empty();
        if self.reach == Reach::Context {
            above.extend(settings_beyond(&part, hidden));
        }
        part.reverse();
        above.reverse();
        Found {
            above,
            part,
            from_root,
            tail,
            saved_through,
            read: 0,
        }
    }
}

/// Of the entries that are not shown, given from below, those that say what no shown one does.
fn settings_beyond(shown: &[Placed], hidden: Vec<Placed>) -> Vec<RawEntry> {
    let mut level = shown
        .iter()
        .any(|placed| placed.entry.thinking_level().is_some());
    let mut model = shown.iter().any(|placed| sets_model(&placed.entry));
    let mut says = |placed: &Placed| {
        let new_level = !level && placed.entry.thinking_level().is_some();
        let new_model = !model && sets_model(&placed.entry);
        (level, model) = (level || new_level, model || new_model);
        new_level || new_model
    };
    let saying = hidden.into_iter().filter(|placed| says(placed));
    saying.map(|placed| placed.entry).collect()
}

fn sets_model(entry: &RawEntry) -> bool {
    matches!(
        entry.kind(),
        Kind::ModelChange | Kind::Message(Role::Assistant)
    )
}
