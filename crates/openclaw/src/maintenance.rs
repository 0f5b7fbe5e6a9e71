//! Maintenance of a store and of the files beside it: a plan that says what would go and why, and its execution.
//!
//! | file | idea |
//! |---|---|
//! | `options` | what can be set |
//! | `seen` | what is found beside a store |
//! | `references` | what is in use, or leads to what is: never removed |
//! | `plan` | rows and files, each with what becomes of it |
//! | `planner`, `rows`, `files` | how it is made |
//! | `budget` | the limit of room |
//! | `report` | what is asked of a cleanup, and its receipt |
//! | `execute`, `hold` | carrying a plan out, session by session, under their locks |
//!
//! Invariants: the plan is pure, and planning again after it was carried out finds nothing more to do. Nothing that is active, held,
//! referred to, or younger than the age floor goes. Nothing outside the store's folder is touched, and no link is followed.

mod budget;
mod execute;
mod files;
pub(crate) mod hold;
mod options;
mod plan;
mod planner;
pub(crate) mod references;
mod report;
mod rows;
pub(crate) mod seen;

pub use options::{MaintenanceMode, MaintenanceOptions};
pub use plan::{Asked, DiskPlan, FileAction, FilePlan, Plan, RowAction, RowPlan, Why, plan};
pub use references::InUse;
pub use report::{Cleanup, CleanupError, CleanupReport, FileDone, RowDone};
pub use seen::{Seen, SeenFile};
