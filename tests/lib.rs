//! What the benchmarks count with and write about, and the writer of the crash campaigns. The whole-program tests themselves live in `tests/`, the benchmarks in `benches/`.
//!
//! It is here, and not beside the benchmark or the campaign, so that it is tested like everything else.

pub mod conversations;
pub mod measure;
pub mod workload;
