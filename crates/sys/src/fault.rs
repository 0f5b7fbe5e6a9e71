//! Faults, made to order (feature `fault-points`): for tests, never for a release.

mod directive;
mod disk;
mod file;
mod power_off;
mod rules;
mod sim;
mod steps;
mod sweep;
mod trace;

pub use directive::{BadDirective, steps_from_directive};
pub use disk::FaultDisk;
pub use power_off::lose_power;
pub use rules::{Fault, FaultOutcome, Fired, Operation};
pub use sim::{Change, Choice, Dice, Odometer, OpLog, PowerLoss, SimDisk, SimProcess};
pub use steps::{FileSteps, KillAt};
pub use sweep::{Swept, sweep};
pub use trace::{Broken, Trace, TraceDisk, TraceRules};
