//! What is wrong with a transcript, in words: damaged lines, what is cut off, parents that are lost, ids that come twice.
//!
//! None of it stops reading. Deliberately absent: doing anything about it (see [`repair`](mod@crate::repair)).

use std::fmt;

use crate::fault::LineFault;
use crate::transcript::{Tail, Transcript, TreeFault};

/// One thing that is wrong. Displayed as a sentence: where, what, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// A line, or one object of it, cannot be read.
    Line {
        /// The line, counted from 1.
        line: u64,
        /// Its first byte.
        offset: u64,
        /// Its bytes.
        len: usize,
        /// Why.
        why: LineFault,
    },
    /// The file ends with the beginning of a line.
    CutOff {
        /// Its first byte.
        offset: u64,
        /// Its bytes.
        len: usize,
    },
    /// Where an entry hangs.
    Tree(TreeFault),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line {
                line,
                offset,
                len,
                why,
            } => write!(
                f,
                "line {line} ({len} bytes at {offset}) cannot be read: {why}; it was left in place"
            ),
            Self::CutOff { offset, len } => write!(
                f,
                "{len} bytes at {offset} are the beginning of a line: a write that is under way or was cut off"
            ),
            Self::Tree(fault) => fault.fmt(f),
        }
    }
}

impl fmt::Display for TreeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridged {
                child,
                missing,
                to: Some(to),
            } => write!(
                f,
                "entry {child} hangs below {missing}, which is not there; it is shown below {to}, the nearest that can be read"
            ),
            Self::Bridged {
                child,
                missing,
                to: None,
            } => write!(
                f,
                "entry {child} hangs below {missing}, which is not there, nor anything before it; it is shown as a beginning"
            ),
            Self::Circle { at } => {
                write!(f, "entry {at} is above itself; it is shown as a beginning")
            }
            Self::Hidden { id, line } => write!(
                f,
                "the entry {id} in line {line} has the id of a later one and cannot be referred to"
            ),
        }
    }
}

/// Everything that is wrong, in the order of the file; of the tree last.
#[must_use]
pub fn flaws(transcript: &Transcript) -> Vec<Flaw> {
    let lines = transcript.damage().iter().map(|damage| Flaw::Line {
        line: damage.line,
        offset: damage.offset,
        len: damage.len,
        why: damage.why.clone(),
    });
    let cut_off = match transcript.tail() {
        Tail::Fragment { offset, len } => Some(Flaw::CutOff { offset, len }),
        _ => None,
    };
    let tree = transcript.tree_faults().into_iter().map(Flaw::Tree);
    lines.chain(cut_off).chain(tree).collect()
}
