//! The parts that a turn works with: one of each seam, shared by all turns.

use std::sync::Arc;

use latchwork_session::{
    ContextEngine, Inbox, ModelProvider, SessionLocks, ToolHost, TranscriptStore,
};
use latchwork_sys::System;

use crate::Options;

/// The parts that a turn works with. Cloning is cheap and shares them.
#[derive(Clone)]
pub struct Runtime {
    /// Guards and claims.
    pub locks: Arc<dyn SessionLocks>,
    /// Transcripts.
    pub store: Arc<dyn TranscriptStore>,
    /// Accepted messages.
    pub inbox: Arc<dyn Inbox>,
    /// What the model is shown.
    pub engine: Arc<dyn ContextEngine>,
    /// The model.
    pub model: Arc<dyn ModelProvider>,
    /// The tools.
    pub tools: Arc<dyn ToolHost>,
    /// Clocks, randomness, and the named steps of the protocol.
    pub system: System,
    /// What can be set; expected to be [valid](Options::validate).
    pub options: Options,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
