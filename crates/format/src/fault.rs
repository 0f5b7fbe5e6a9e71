//! Why a line cannot be read as part of a session, and how much a line may hold.

/// Bounds on one line. A line beyond them is reported and left, and its neighbours are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a line, without its newline.
    pub line_bytes: usize,
    /// The most levels of nesting in a line.
    pub depth: usize,
}

impl Default for Limits {
    /// 64 MiB, which holds several large images, and 512 levels.
    fn default() -> Self {
        Limits {
            line_bytes: 64 << 20,
            depth: 512,
        }
    }
}

impl Limits {
    /// Whether a line of JSON is within them.
    pub(crate) fn allow(self, line: &[u8]) -> Result<(), LineFault> {
        if line.len() > self.line_bytes {
            return Err(LineFault::TooLong {
                bytes: line.len(),
                max: self.line_bytes,
            });
        }
        match crate::json::deeper_than(line, self.depth) {
            true => Err(LineFault::TooDeep { max: self.depth }),
            false => Ok(()),
        }
    }
}

/// What is wrong with one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum LineFault {
    /// The text is not JSON.
    #[error("not JSON at byte {column} of the line: {reason}")]
    NotJson {
        /// Where reading stopped, counted from 1.
        column: usize,
        /// The reader's words.
        reason: String,
    },
    /// JSON, but no object.
    #[error("a line holds one JSON object, this one holds something else")]
    NotAnObject,
    /// An entry that nothing could refer to.
    #[error("the entry has no id")]
    NoId,
    /// A header that names no session.
    #[error("the session header has no id")]
    HeaderWithoutId,
    /// More bytes than the limit.
    #[error("the line has {bytes} bytes, more than the {max} that are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// More nesting than the limit.
    #[error("the line nests deeper than {max} levels")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// More keys than an entry can sensibly have.
    #[error("the line's object has more than {max} keys")]
    TooWide {
        /// The limit.
        max: usize,
    },
}

impl LineFault {
    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // The place is a field of ours; a line is always line 1 of itself.
        let reason = text
            .split_once(" at line ")
            .map_or(text.as_str(), |(reason, _)| reason);
        LineFault::NotJson {
            column: error.column(),
            reason: reason.to_owned(),
        }
    }
}
