//! `cargo xtask`: the only task runner of the project.

fn main() {}
