//! From recorded times to figures, and from figures to goals met or not met, tables, pictures and documents. Nothing here
//! measures anything; only `machine` looks at the machine, and a document can be written.
//!
//! | file | idea |
//! |---|---|
//! | `sample` | quantiles of one run; median and range of several |
//! | `exclusion` | did the lock exclude? what did contention cost? |
//! | `figures` | all figures of a measurement, to be looked up |
//! | `goal` | a figure against its limit |
//! | `table` | figures and goals as text |
//! | `chart` | the pictures |
//! | `machine` | on what it was measured |
//! | `ask` | what one process is asked to measure of transcripts |
//! | `document` | all of it, for the terminal and as a document |

mod ask;
pub mod chart;
mod document;
mod exclusion;
mod figures;
mod goal;
mod machine;
mod sample;
mod table;

pub use ask::{Answer, Ask, Show, Who, names};
pub use document::{Part, Report, Words};
pub use exclusion::{Contention, Op, contention};
pub use figures::{Figure, Figures};
pub use goal::{Goal, Limit, Verdict, ratio};
pub use machine::Machine;
pub use sample::{Sample, Spread};
pub use table::{Table, number};
