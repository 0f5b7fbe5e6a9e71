//! What the benchmarks count with. The whole-program tests themselves live in `tests/`, the benchmarks in `benches/`.
//!
//! It is here, and not beside the benchmark, so that it is tested like everything else.

pub mod measure;
