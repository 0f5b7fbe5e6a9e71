//! The first line of a session file: which session, which version of the format, where it was started.

use std::sync::Arc;

use crate::fault::LineFault;
use crate::json::Fields;

/// The version of the format that a header names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// Linear, without ids. Also a header that names no version.
    One,
    /// A tree, with `hookMessage` for what is now `custom`.
    Two,
    /// The present one, and the only one that is written.
    Three,
    /// Something newer, or nothing that we understand (the value as written). Read as version 3, never written.
    Unknown(String),
}

/// The number, as written where it is not known.
impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One => f.write_str("1"),
            Self::Two => f.write_str("2"),
            Self::Three => f.write_str("3"),
            Self::Unknown(written) => f.write_str(written),
        }
    }
}

impl Version {
    /// The number we write.
    pub const CURRENT: u64 = 3;
}

/// A session's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The version of the format.
    pub version: Version,
    /// The session's id, as written: a peer's need not be a valid [`SessionId`](crate::SessionId).
    pub id: String,
    /// When the session began, as written; empty if it is not said.
    pub timestamp: String,
    /// Where it was started; empty if it is not said.
    pub cwd: String,
    /// The file that it was forked from.
    pub parent_session: Option<String>,
    /// The line's text.
    pub raw: Arc<str>,
}

impl Header {
    pub(crate) fn read(text: &str, fields: &Fields<'_>) -> Result<Self, LineFault> {
        let string = |key| fields.str(key).map(std::borrow::Cow::into_owned);
        Ok(Header {
            version: version(fields),
            id: string("id").ok_or(LineFault::HeaderWithoutId)?,
            timestamp: string("timestamp").unwrap_or_default(),
            cwd: string("cwd").unwrap_or_default(),
            parent_session: string("parentSession"),
            raw: Arc::from(text),
        })
    }
}

/// pi's thresholds: what is below 2 is version 1, what is below 3 is version 2.
fn version(fields: &Fields<'_>) -> Version {
    let Some(written) = fields.get("version").filter(|value| !value.is_null()) else {
        return Version::One;
    };
    match written.as_f64() {
        Some(number) if number < 2.0 => Version::One,
        Some(number) if number < 3.0 => Version::Two,
        Some(3.0) => Version::Three,
        _ => Version::Unknown(written.text().to_owned()),
    }
}
