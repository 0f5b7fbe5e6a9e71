//! A part of a message, as the mappings of programs whose messages have blocks take it apart. What becomes of it is theirs.

/// One part of a message.
pub(crate) enum Part {
    /// Text.
    Text { block: String, text: String },
    /// Something else that is shown.
    Block(String),
    /// A call.
    Call {
        id: String,
        name: String,
        block: String,
    },
    /// What a call gave.
    Outcome {
        call: String,
        content: String,
        failed: bool,
    },
}

impl Part {
    pub(crate) fn is_outcome(&self) -> bool {
        matches!(self, Self::Outcome { .. })
    }

    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Text { text, .. } => Some(text.clone()),
            _ => None,
        }
    }
}
