//! What sort of entry a line is, and what that means for the conversation.
//!
//! Peers add sorts under the same version number, so an unknown one is kept by name and never refused.

use std::fmt;

/// Who a message is from, as the file names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Standing instructions and tools (pi 0.87).
    System,
    /// A person, or a program speaking for one.
    User,
    /// The model.
    Assistant,
    /// The outcome of one tool call.
    ToolResult,
    /// A command that the user ran beside the conversation.
    BashExecution,
    /// Text put in by an extension.
    Custom,
    /// What happened on a branch that was left. Exists in contexts, not in files.
    BranchSummary,
    /// What came before a compaction. Exists in contexts, not in files.
    CompactionSummary,
    /// A role we do not know; empty where there is none.
    Other(Box<str>),
}

impl Role {
    /// Reads a role's name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "system" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "toolResult" => Role::ToolResult,
            "bashExecution" => Role::BashExecution,
            "custom" => Role::Custom,
            "branchSummary" => Role::BranchSummary,
            "compactionSummary" => Role::CompactionSummary,
            other => Role::Other(other.into()),
        }
    }

    /// The role's name as a file has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::ToolResult => "toolResult",
            Role::BashExecution => "bashExecution",
            Role::Custom => "custom",
            Role::BranchSummary => "branchSummary",
            Role::CompactionSummary => "compactionSummary",
            Role::Other(name) => name,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sort of an entry. The header is not an entry: see [`Header`](crate::Header).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A message of the conversation.
    Message(Role),
    /// How hard the model is to think from here on.
    ThinkingLevelChange,
    /// Which model answers from here on.
    ModelChange,
    /// A summary that stands for everything before a boundary.
    Compaction,
    /// A summary of a branch that was left.
    BranchSummary,
    /// State of an extension; never shown to the model.
    Custom,
    /// Text of an extension, shown to the model.
    CustomMessage,
    /// A name that the user gave to an entry.
    Label,
    /// The session's name.
    SessionInfo,
    /// A later change of what an earlier entry shows to the model.
    ContextEdit,
    /// Tokens used outside the conversation.
    Usage,
    /// A sort we do not know; empty where there is none.
    Unknown(Box<str>),
}

/// What an entry's kind means to someone who wants to add a reply after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Part of what was said.
    Conversational,
    /// A boundary: it may or may not change what came before a given entry.
    Compaction,
    /// Says something about the session, not in it.
    Metadata,
}

impl Kind {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "message" => Kind::Message(Role::Other("".into())),
            "thinking_level_change" => Kind::ThinkingLevelChange,
            "model_change" => Kind::ModelChange,
            "compaction" => Kind::Compaction,
            "branch_summary" => Kind::BranchSummary,
            "custom" => Kind::Custom,
            "custom_message" => Kind::CustomMessage,
            "label" => Kind::Label,
            "session_info" => Kind::SessionInfo,
            "context_edit" => Kind::ContextEdit,
            "usage" => Kind::Usage,
            other => Kind::Unknown(other.into()),
        }
    }

    /// The value of the line's `type`.
    #[must_use]
    pub fn type_name(&self) -> &str {
        match self {
            Kind::Message(_) => "message",
            Kind::ThinkingLevelChange => "thinking_level_change",
            Kind::ModelChange => "model_change",
            Kind::Compaction => "compaction",
            Kind::BranchSummary => "branch_summary",
            Kind::Custom => "custom",
            Kind::CustomMessage => "custom_message",
            Kind::Label => "label",
            Kind::SessionInfo => "session_info",
            Kind::ContextEdit => "context_edit",
            Kind::Usage => "usage",
            Kind::Unknown(name) => name,
        }
    }

    /// What this kind means for a reply that is to follow.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Kind::Message(_) | Kind::CustomMessage | Kind::BranchSummary => Class::Conversational,
            Kind::Compaction => Class::Compaction,
            _ => Class::Metadata,
        }
    }

    /// Part of what was said: a message, an extension's message, a branch summary.
    #[must_use]
    pub fn is_conversational(&self) -> bool {
        self.class() == Class::Conversational
    }

    /// Neither part of what was said nor a compaction. Unknown kinds count as metadata, as pi shows them to no model.
    #[must_use]
    pub fn is_metadata(&self) -> bool {
        self.class() == Class::Metadata
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Message(role) => write!(f, "message ({role})"),
            other => f.write_str(other.type_name()),
        }
    }
}
