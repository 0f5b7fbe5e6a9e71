//! Each operation killed at each of its system calls, and each call failing, once or from then on: all of them, or a share.

use latchwork_tests::workload::Numbers;

use super::judge::Reference;
use super::operations::{ALL, Operation};
use super::stage::{Came, Fault};
use super::world;
use crate::transcript::figures::Done;

/// In the ordinary tests, so many calls of each operation: killed at, and failing in each way.
const KILLS_FEW: u64 = 4;
const FAILURES_FEW: u64 = 1;
/// More calls than any operation has.
const CALLS_MAX: u64 = 2_000;
/// The ways to fail.
const FAILURES: [(&str, bool); 4] = [
    ("EIO", false),
    ("EIO", true),
    ("ENOSPC", false),
    ("ENOSPC", true),
];

/// Why programs cannot be stopped at their calls here, if they cannot.
pub(crate) fn refused() -> Option<String> {
    super::stage::traced_nothing()
}

/// Killed at each call, or at a few of them.
pub(crate) fn killed(seed: u64, all: bool) -> Done {
    let mut done = Done::begin(seed);
    for operation in chosen() {
        let reference = Reference::of(&operation);
        each(
            &operation,
            &reference,
            ("kill", false),
            (!all).then_some((KILLS_FEW, seed)),
            &mut done,
        );
    }
    done.end()
}

/// Failing at each call, or at a few of them.
pub(crate) fn failing(seed: u64, all: bool) -> Done {
    let mut done = Done::begin(seed);
    for operation in chosen() {
        let reference = Reference::of(&operation);
        for (number, how) in FAILURES.into_iter().enumerate() {
            let few = (FAILURES_FEW, seed.wrapping_add(number as u64));
            each(
                &operation,
                &reference,
                how,
                (!all).then_some(few),
                &mut done,
            );
        }
    }
    done.end()
}

fn chosen() -> impl Iterator<Item = Operation> {
    let only = crate::choice::only();
    ALL.into_iter().filter(move |one| {
        only.as_ref()
            .is_none_or(|only| one.name.contains(only.as_str()))
    })
}

/// Each call of the operation in turn, or so many, evenly spread from a place that the seed decides.
fn each(
    operation: &Operation,
    reference: &Reference,
    (how, for_ever): (&'static str, bool),
    few: Option<(u64, u64)>,
    done: &mut Done,
) {
    let fault = |number| Fault {
        how,
        number,
        for_ever,
    };
    let counted = reference.prepared.copied().with_fault(operation, fault(0));
    assert_eq!(counted.finished.code(), Some(0), "{}", counted.finished);
    done.calls += 1;
    match few {
        None => {
            // The number of calls differs a little from run to run: until it is not stopped any more.
            let mut number = 1;
            while number < CALLS_MAX && once(operation, reference, fault(number), done) {
                number += 1;
            }
        }
        Some((few, seed)) => {
            let few = few.min(counted.calls);
            let begin = Numbers(seed ^ operation.name.len() as u64).below(counted.calls.max(1));
            for part in 0..few {
                let number = 1 + (begin + part * counted.calls / few) % counted.calls;
                once(operation, reference, fault(number), done);
            }
        }
    }
}

/// Whether it came to the call.
fn once(operation: &Operation, reference: &Reference, fault: Fault, done: &mut Done) -> bool {
    let stage = reference.prepared.copied();
    let came = stage.with_fault(operation, fault);
    let Some(call) = &came.stopped else {
        return false;
    };
    done.faults += 1;
    let for_ever = if fault.for_ever {
        " and from then on"
    } else {
        ""
    };
    let at = format!(
        "{}: {} at change {} ({call}){for_ever}",
        operation.name, fault.how, fault.number
    );
    if fault.how != "kill" {
        done.found(mannerly(&came), &at);
    }
    done.acknowledgements += usize::from(came.finished.code() == Some(0));
    done.found(
        reference.raw(operation, &stage, &came),
        &format!("raw, {at}"),
    );
    done.found(reference.again(operation, &stage), &at);
    done.torn += u64::from(world::temporaries(&stage.data()) > 0);
    true
}

/// It ends by itself, and says why where it failed.
fn mannerly(came: &Came) -> Vec<String> {
    let finished = &came.finished;
    let is_well = match finished.code() {
        Some(0) => true,
        Some(101 | 137) | None => false,
        Some(_) => !finished.stderr.trim().is_empty() && !finished.stderr.contains("panicked at"),
    };
    if is_well {
        Vec::new()
    } else {
        vec![format!("it ended without manners: {finished}")]
    }
}
