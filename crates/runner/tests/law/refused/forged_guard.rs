//! A guard cannot be made by hand.
use std::time::Instant;

use latchwork_lock::{LockScope, Phase, PhaseGuard};

fn forge(scope: &mut LockScope) -> PhaseGuard<'_> {
    PhaseGuard { scope, claim: None, held: None, phase: Phase::RECORD, taken: Instant::now() }
}

fn main() {}
