//! From recorded times to figures, and from figures to goals met or not met. Pure: nothing here runs or reads anything.
//!
//! | file | idea |
//! |---|---|
//! | `sample` | quantiles of one run; median and range of several |
//! | `exclusion` | did the lock exclude? what did contention cost? |
//! | `figures` | all figures of a measurement, to be looked up |
//! | `goal` | a figure against its limit |
//! | `table` | figures and goals as text |

mod exclusion;
mod figures;
mod goal;
mod sample;
mod table;

pub use exclusion::{Contention, Op, contention};
pub use figures::{Figure, Figures};
pub use goal::{Goal, Limit, Verdict, ratio};
pub use sample::{Sample, Spread};
pub use table::{Table, number};
