//! The settings of this run: from which files they come, and what is wrong with them, shown.
//!
//! | file | idea |
//! |---|---|
//! | `files` | which settings files there are, and that nobody else may write them |
//! | `json` | what is said of settings, for programs |
//! | `log` | what is logged |
//! | `report` | a fault with the lines around it |
//! | `veil` | a line without what may be a secret in it |

pub(crate) mod files;
pub(crate) mod json;
pub(crate) mod log;
pub(crate) mod report;
mod veil;
