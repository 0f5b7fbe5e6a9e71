//! Every named step of the lock and of the transcript, with what a worker must do to come there.
//!
//! A new step is covered by adding its line. A test below fails until that is done, and when a step is gone.

use std::collections::BTreeSet;

use crate::source::{rust_below, text_of};

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Appends to a session that is there.
    Append,
    /// Makes the session.
    Birth,
    /// Appends to a session whose last line is torn.
    Mend,
    /// Claims a turn and appends under it.
    Turn,
    /// Has the turn, asks for it as somebody else, gets it after the grace and appends under it.
    Asking,
    /// Holds the lock for a command, gives it back and appends.
    Command,
    /// Leaves a message in the inbox.
    Inbox,
}

impl Act {
    /// Whether it has to do with whose turn it is.
    pub(crate) fn is_a_turn(self) -> bool {
        matches!(self, Self::Turn | Self::Asking)
    }
}

/// Who is kept out while a worker stands at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Nobody.
    Nobody,
    /// Other writers, as long as the sidecars are there.
    OutByLatch,
    /// Other writers, even if the sidecars are deleted.
    OutByInode,
}

/// A step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) act: Act,
    pub(crate) keeps: Keeps,
}

const fn step(name: &'static str, act: Act, keeps: Keeps) -> Step {
    Step { name, act, keeps }
}

/// All of them, in the order of a write.
pub(crate) const STEPS: &[Step] = &[
    step("inbox:before-write", Act::Inbox, Keeps::Nobody),
    step("inbox:written", Act::Inbox, Keeps::Nobody),
    step("inbox:synced", Act::Inbox, Keeps::Nobody),
    step("claim:free", Act::Turn, Keeps::Nobody),
    step("claim:linked", Act::Turn, Keeps::Nobody),
    step("claim:asked", Act::Asking, Keeps::Nobody),
    step("lock:quiet", Act::Command, Keeps::OutByInode),
    step("latch:queued", Act::Append, Keeps::Nobody),
    step("latch:taken", Act::Append, Keeps::OutByLatch),
    step("latch:inode-locked", Act::Append, Keeps::OutByInode),
    step("peer:staged", Act::Append, Keeps::OutByInode),
    step("latch:peer-written", Act::Append, Keeps::OutByInode),
    step("latch:granted", Act::Append, Keeps::OutByInode),
    step("commit:began", Act::Append, Keeps::OutByInode),
    step("read:before", Act::Append, Keeps::OutByInode),
    step("tail:closed", Act::Mend, Keeps::OutByInode),
    step("tail:quarantined", Act::Mend, Keeps::OutByInode),
    step("tail:blanked", Act::Mend, Keeps::OutByInode),
    step("commit:rendered", Act::Append, Keeps::OutByInode),
    step("commit:before-write", Act::Append, Keeps::OutByInode),
    step("latch:staged", Act::Birth, Keeps::OutByLatch),
    step("latch:in-place", Act::Birth, Keeps::OutByInode),
    step("commit:written", Act::Append, Keeps::OutByInode),
    step("commit:head-saved", Act::Append, Keeps::OutByInode),
    step("latch:releasing", Act::Append, Keeps::OutByInode),
    step("peer:releasing", Act::Append, Keeps::OutByInode),
    step("latch:peer-removed", Act::Append, Keeps::OutByInode),
    step("sync:before", Act::Append, Keeps::Nobody),
    step("sync:done", Act::Append, Keeps::Nobody),
];

/// Steps at which another program must be in the play, each with the test that holds it there.
const ELSEWHERE: &[(&str, &str)] = &[
    ("joined:turn", "tests/tests/locks/turns.rs"),
    (
        "migrate:staged",
        "crates/transcript/tests/store/old_versions.rs",
    ),
    ("unlock:handle", "crates/filelock/tests/all/unlock.rs"),
    ("leftovers:removed", "tests/tests/doctor/killed.rs"),
    ("aside:moved", "tests/tests/doctor/killed.rs"),
    ("away:folder-made", REMOVED),
    ("away:transcript-moved", REMOVED),
    ("away:inbox-moved", REMOVED),
    ("away:moved", REMOVED),
    ("erase:begun", REMOVED),
    ("erase:removed", REMOVED),
    ("back:begun", ARCHIVED),
    ("back:inbox-moved", ARCHIVED),
    ("back:sidecars-moved", ARCHIVED),
    ("back:transcript-moved", ARCHIVED),
    (
        "rewrite:staged",
        "crates/transcript/tests/store/in_place.rs",
    ),
    (
        "rewrite:in-place",
        "crates/transcript/tests/store/in_place.rs",
    ),
    ("blob:before-write", BLOBS),
    ("blob:written", BLOBS),
    ("blob:removed", BLOBS),
    ("inbox:before-blank", INDEXED),
    ("inbox:blanked", INDEXED),
];

/// Killed at each of its steps in turn.
const BLOBS: &str = "tests/tests/program/blobs.rs";
const REMOVED: &str = "tests/tests/program/housekeeping/removed.rs";
const INDEXED: &str = "tests/tests/program/housekeeping/indexed.rs";
const ARCHIVED: &str = "tests/tests/program/housekeeping/archived.rs";

const REACHED: &str = "steps.reach(\"";

/// The names of the steps that a text reaches.
fn reached_in(text: &str) -> BTreeSet<String> {
    text.split(REACHED)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

#[test]
fn every_step_that_the_source_reaches_is_in_the_matrix_and_every_one_of_the_matrix_is_reached() {
    let sources = rust_below(&["crates/filelock/src", "crates/transcript/src"]);
    let reached: BTreeSet<String> = sources
        .iter()
        .flat_map(|(_, text)| reached_in(text))
        .collect();
    let all = STEPS.iter().map(|step| step.name);
    let all = all.chain(ELSEWHERE.iter().map(|(name, _)| *name));
    let listed: BTreeSet<String> = all.map(str::to_owned).collect();
    assert_eq!(
        reached, listed,
        "add the new step to STEPS, or take the lost one out"
    );
    assert_eq!(
        listed.len(),
        STEPS.len() + ELSEWHERE.len(),
        "one line for each step"
    );
    for (name, test) in ELSEWHERE {
        assert!(
            text_of(test).contains(name),
            "{test} holds nobody at {name}"
        );
    }
    let hidden = sources
        .iter()
        .find(|(_, text)| text.matches(".reach(").count() != text.matches(REACHED).count());
    assert!(
        hidden.is_none(),
        "a step whose name is not a literal: {:?}",
        hidden.unwrap().0
    );
}

#[test]
fn a_step_that_is_not_listed_would_be_noticed() {
    let text = "self.shared.system.steps.reach(\"latch:new\"); steps.reach(\"b\")";
    let expected = ["b", "latch:new"].map(str::to_owned);
    assert_eq!(reached_in(text), BTreeSet::from(expected));
}
