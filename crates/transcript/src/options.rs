//! What can be set about a store of files.

use serde::{Deserialize, Serialize};

/// Options of a [`FileStore`](crate::FileStore).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How sessions are locked.
    pub locks: latchwork_filelock::Options,
}
