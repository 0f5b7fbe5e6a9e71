//! One entry in 64 bytes.
//!
//! Limits: the names of kinds and roles that we do not know are not kept.

use super::names::{Form, Name};
use crate::entry::{RawEntry, RawLine};
use crate::kind::{Kind, Role};

/// The size of a row.
pub(super) const ROW_BYTES: usize = 64;
/// No entry.
pub(super) const NONE: u32 = u32::MAX;

/// What an outline knows of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub(super) offset: u64,
    pub(super) bits: [u64; 2],
    pub(super) len: u32,
    pub(super) number: u32,
    pub(super) sum: u32,
    /// What it hung below when it was read.
    pub(super) parent: u32,
    /// An entry further up, or itself where it is a root.
    pub(super) jump: u32,
    /// How many entries are above it.
    pub(super) depth: u32,
    /// The nearest compaction, thinking level and model at or above it.
    pub(super) boundary: u32,
    pub(super) level: u32,
    pub(super) model: u32,
    pub(super) kind: u8,
    pub(super) role: u8,
    pub(super) form: Form,
    pub(super) flags: u8,
}

pub(super) const OURS: u8 = 1;
pub(super) const ASIDE: u8 = 2;
pub(super) const HEAD: u8 = 4;
pub(super) const KEYED: u8 = 8;
/// It names itself as its parent.
pub(super) const ITSELF: u8 = 16;
/// The parent that it names was not there when it was read.
pub(super) const MISSING: u8 = 32;
/// Its line ends with its message.
pub(super) const LAST: u8 = 64;

impl Row {
    /// The first byte of its line.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes of its line, without the newline.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no entry's line is empty")]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Its line, counted from 1 (and no further than 2^32 - 1).
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The entry of its line, if `line` [is](Row::fits) that. What was checked when the row was made is not checked again.
    #[must_use]
    pub fn entry(&self, line: &[u8]) -> Option<RawEntry> {
        if !self.fits(line) {
            return None;
        }
        let known = match self.has(LAST) {
            true => RawEntry::known(line, self.kind()),
            false => None,
        };
        known.or_else(|| match RawLine::parse(line) {
            Ok(RawLine::Entry(entry)) => Some(entry),
            _ => None,
        })
    }

    /// The CRC-32 of its line.
    #[must_use]
    pub fn sum(&self) -> u32 {
        self.sum
    }

    /// Whether `line` has the length and the CRC-32 of the line that was read.
    #[must_use]
    pub fn fits(&self, line: &[u8]) -> bool {
        line.len() == self.len as usize && crc32fast::hash(line) == self.sum
    }

    /// What sort of entry this is; a name that we do not know is empty here.
    #[must_use]
    pub fn kind(&self) -> Kind {
        kind_of(self.kind, self.role)
    }

    /// Whether it carries our mark.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.flags & OURS != 0
    }

    /// Whether our mark says that it was written beside the active branch.
    #[must_use]
    pub fn is_aside(&self) -> bool {
        self.flags & ASIDE != 0
    }

    /// Whether it speaks of our head: a move of it, or a word that it stayed.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.flags & HEAD != 0
    }

    /// Whether its message has a key.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.flags & KEYED != 0
    }

    /// The entry that it hung below when it was read. In a crooked outline only [`hang`](super::Outline::hang) knows.
    #[must_use]
    pub fn parent(&self) -> Option<u32> {
        there(self.parent)
    }

    /// How many entries are above it; of a crooked outline's row this is not to be believed, and neither are the three
    /// entries that follow.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The nearest compaction at or above it.
    #[must_use]
    pub fn boundary(&self) -> Option<u32> {
        there(self.boundary)
    }

    /// The nearest entry at or above it that says how hard the model is to think.
    #[must_use]
    pub fn level(&self) -> Option<u32> {
        there(self.level)
    }

    /// The nearest entry at or above it that says which model answers.
    #[must_use]
    pub fn model(&self) -> Option<u32> {
        there(self.model)
    }

    /// The row as bytes. A long name is the number of a string that is kept elsewhere.
    pub(super) fn bytes(&self) -> [u8; ROW_BYTES] {
        let mut bytes = [0; ROW_BYTES];
        let wide = [self.offset, self.bits[0], self.bits[1]];
        let narrow = [
            self.len,
            self.number,
            self.sum,
            self.parent,
            self.jump,
            self.depth,
            self.boundary,
            self.level,
            self.model,
        ];
        let (wide_part, rest) = bytes.split_at_mut(24);
        for (place, value) in wide_part.chunks_exact_mut(8).zip(wide) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        for (place, value) in rest.chunks_exact_mut(4).zip(narrow) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        rest[36..].copy_from_slice(&[self.kind, self.role, self.form as u8, self.flags]);
        bytes
    }

    /// A row from its bytes; `None` if they are of no row. What it refers to is not looked at.
    pub(super) fn of_bytes(bytes: &[u8; ROW_BYTES]) -> Option<Self> {
        let wide = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let narrow = |at: usize| {
            let at = 24 + 4 * at;
            Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
        };
        let (kind, role) = (bytes[60], bytes[61]);
        (usize::from(kind) < KINDS && usize::from(role) < ROLES).then_some(())?;
        Some(Row {
            offset: wide(0)?,
            bits: [wide(8)?, wide(16)?],
            len: narrow(0)?,
            number: narrow(1)?,
            sum: narrow(2)?,
            parent: narrow(3)?,
            jump: narrow(4)?,
            depth: narrow(5)?,
            boundary: narrow(6)?,
            level: narrow(7)?,
            model: narrow(8)?,
            kind,
            role,
            form: Form::of(bytes[62])?,
            flags: bytes[63],
        })
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn name(&self) -> Name {
        Name {
            form: self.form,
            bits: self.bits,
        }
    }

    pub(super) fn is_compaction(&self) -> bool {
        self.kind == kind_code(&Kind::Compaction)
    }
}

fn there(entry: u32) -> Option<u32> {
    (entry != NONE).then_some(entry)
}

/// How many codes kinds and roles have.
pub(super) const KINDS: usize = 12;
pub(super) const ROLES: usize = 9;

/// The code of messages.
pub(super) const MESSAGE: u8 = 0;

pub(super) fn kind_code(kind: &Kind) -> u8 {
    match kind {
        Kind::Message(_) => MESSAGE,
        Kind::ThinkingLevelChange => 1,
        Kind::ModelChange => 2,
        Kind::Compaction => 3,
        Kind::BranchSummary => 4,
        Kind::Custom => 5,
        Kind::CustomMessage => 6,
        Kind::Label => 7,
        Kind::SessionInfo => 8,
        Kind::ContextEdit => 9,
        Kind::Usage => 10,
        Kind::Unknown(_) => 11,
    }
}

pub(super) fn role_code(role: &Role) -> u8 {
    match role {
        Role::System => 0,
        Role::User => 1,
        Role::Assistant => 2,
        Role::ToolResult => 3,
        Role::BashExecution => 4,
        Role::Custom => 5,
        Role::BranchSummary => 6,
        Role::CompactionSummary => 7,
        Role::Other(_) => 8,
    }
}

fn kind_of(kind: u8, role: u8) -> Kind {
    match kind {
        0 => Kind::Message(role_of(role)),
        1 => Kind::ThinkingLevelChange,
        2 => Kind::ModelChange,
        3 => Kind::Compaction,
        4 => Kind::BranchSummary,
        5 => Kind::Custom,
        6 => Kind::CustomMessage,
        7 => Kind::Label,
        8 => Kind::SessionInfo,
        9 => Kind::ContextEdit,
        10 => Kind::Usage,
        _ => Kind::Unknown("".into()),
    }
}

fn role_of(role: u8) -> Role {
    match role {
        0 => Role::System,
        1 => Role::User,
        2 => Role::Assistant,
        3 => Role::ToolResult,
        4 => Role::BashExecution,
        5 => Role::Custom,
        6 => Role::BranchSummary,
        7 => Role::CompactionSummary,
        _ => Role::Other("".into()),
    }
}

const _: () = assert!(size_of::<Row>() == ROW_BYTES);
