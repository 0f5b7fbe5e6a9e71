//! The models, explored: small ones in every test run, the large ones by `cargo xtask torture model`.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "tests panic when something is not as it should be, and say what they explored"
)]

mod campaign;
mod claims;
mod fair;
mod join;
mod latch;
mod limits;
mod polite;

use latchwork_checks::explore::Explored;

/// Prints what was explored, and fails if a promise was broken.
fn holds(name: &str, explored: &Explored) {
    println!("{}", explored.line(name));
    if let Some((promise, way)) = &explored.broken {
        panic!("{name}: {promise}: {}", way.join(", "));
    }
}

/// A control: that very promise must have been found broken.
fn breaks(name: &str, promise: &str, explored: &Explored) {
    println!("{}", explored.line(name));
    let found = explored.broken.as_ref().map(|(promise, _)| *promise);
    assert_eq!(
        found,
        Some(promise),
        "{name} is a fault that nothing noticed"
    );
}
