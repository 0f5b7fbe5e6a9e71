//! The bundle of seams that every layer above takes instead of touching the machine itself.
//!
//! Deliberately not here: configuration, logging, the environment. Those are values that callers pass.

use std::sync::Arc;

use crate::{
    Clock, Disk, Entropy, NoSteps, Processes, RealClock, RealDisk, RealEntropy, RealProcesses,
    Steps,
};

/// The machine, as far as this project touches it.
///
/// Cloning is cheap and shares the parts. A test replaces one field and keeps the others.
#[derive(Clone, Debug)]
pub struct System {
    /// Files and directories.
    pub disk: Arc<dyn Disk>,
    /// Wall, monotonic and boot-time clocks.
    pub clock: Arc<dyn Clock>,
    /// This process and the others.
    pub processes: Arc<dyn Processes>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Named protocol steps; nothing in production.
    pub steps: Arc<dyn Steps>,
}

impl System {
    /// The real machine, with no steps watched.
    #[must_use]
    pub fn real() -> Self {
        Self {
            disk: Arc::new(RealDisk),
            clock: Arc::new(RealClock),
            processes: Arc::new(RealProcesses::new()),
            entropy: Arc::new(RealEntropy),
            steps: Arc::new(NoSteps),
        }
    }
}

impl Default for System {
    fn default() -> Self {
        Self::real()
    }
}
