//! One state after one fault, held against the invariants.

use super::entries::Entries;
use super::image::Image;
use super::kept;
use super::story::{Anew, Story, When};

/// What a fault leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survives {
    /// A process died: everything that was written is there.
    Process,
    /// The machine lost its power: what was acknowledged as durable is there.
    Device,
}

/// A story up to a moment: what was told later had not happened.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The story.
    pub story: &'a Story,
    /// The last moment that counts, as in `op`.
    pub until: u64,
    /// The fault that came after that moment.
    pub survives: Survives,
}

impl Told<'_> {
    /// What is left: what only the memory of the system had may be gone as well once the device has failed.
    pub(super) fn leaves(&self) -> Survives {
        if self.is_sick() {
            Survives::Device
        } else {
            self.survives
        }
    }

    /// Whether the device had failed by then.
    pub(super) fn is_sick(&self) -> bool {
        self.story.sick.is_some_and(|op| op <= self.until)
    }
}

/// One state to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What was there before any of the stories.
    pub planted: &'a Image,
    /// A state since then of which nothing may be lost.
    pub before: Option<&'a Image>,
    /// What is there.
    pub now: &'a Image,
    /// What the writers did.
    pub told: &'a [Told<'a>],
    /// A writer has put the end in order since the fault.
    pub settled: bool,
    /// How many damages an open of it has reported; `None` if nobody has opened it.
    pub reported: Option<usize>,
}

impl Case<'_> {
    /// Every invariant that is broken: its name, and what is wrong.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let entries = Entries::read(self.now);
        entries.well_formed(self, &mut broken);
        entries.known(self, &mut broken);
        entries.present(self, &mut broken);
        entries.in_order(self, &mut broken);
        entries.seen(self, &mut broken);
        kept::peers(self, &entries, &mut broken);
        kept::planted(self, &entries, &mut broken);
        kept::before(self, &mut broken);
        kept::accepted(self, &mut broken);
        kept::forks(self, &mut broken);
        broken
    }

    /// How many calls had begun that write anew what is there, in this way.
    pub(super) fn anew(&self, how: Anew) -> usize {
        let begun = self.told.iter().flat_map(|told| {
            let calls = told.story.calls.iter();
            calls.filter(|call| call.began.op <= told.until)
        });
        begun.filter(|call| call.anew == Some(how)).count()
    }

    /// Whether a repair went on or was begun after this moment of this story, or in a later one.
    pub(super) fn repaired_since(&self, number: usize, when: When) -> bool {
        let mut stories = self.told.iter().enumerate().skip(number);
        stories.any(|(other, told)| {
            let calls = told.story.calls.iter();
            let mut repairs = calls.filter(|call| call.anew == Some(Anew::Repair));
            repairs.any(|call| {
                let end = call.end.as_ref().map(|(end, _)| end.t);
                other > number || end.is_none_or(|end| end >= when.t)
            })
        })
    }

    /// Whether what was there is of an old version, which the first write brings up to date.
    pub(super) fn is_old(image: &Image) -> bool {
        let header = image.bytes().split(|byte| *byte == b'\n').next();
        let header = header.and_then(super::image::value);
        header.is_some_and(|header| header["type"] == "session" && header["version"] != 3)
    }
}
