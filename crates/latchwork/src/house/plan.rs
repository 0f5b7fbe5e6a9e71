//! What is due in a home, and why. Pure.
//!
//! Due is what is older than is kept; beyond the number that is kept, the oldest; over the room that may be taken, the oldest. Never what
//! somebody is at work on, in which messages wait, what is younger than the floor, or what a session that stays descends from. What
//! goes may free its parent, so it is looked again until nothing changes; hence planning again over what stayed finds nothing.

use std::fmt;

/// What is to be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// What was not changed for so long is due, in milliseconds.
    pub older_than_ms: Option<u64>,
    /// So many may stay.
    pub keep: Option<usize>,
    /// So much room may the transcripts take, in bytes.
    pub max_bytes: Option<u64>,
    /// What was changed in the last so many milliseconds stays in any case.
    pub floor_ms: u64,
}

/// A session as it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// When it was changed last, milliseconds since 1970.
    pub modified_ms: i64,
    /// What its transcript takes, in bytes.
    pub bytes: u64,
    /// Whether messages wait in it.
    pub waits: bool,
    /// Whether somebody has its lock or its turn, waits or asks for it.
    pub live: bool,
    /// The one that it descends from, by its place among those that were seen.
    pub parent: Option<usize>,
}

/// Why a session goes, or stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It stays: nothing asks for it to go.
    NotDue,
    /// It stays: somebody is at work on it.
    Live,
    /// It stays: messages wait in it.
    Waiting,
    /// It stays: it is younger than the floor.
    Young,
    /// It stays: a session that stays descends from it.
    Parent,
    /// It goes: it is older than is kept.
    Old,
    /// It goes: there are more than are kept.
    TooMany,
    /// It goes: the transcripts take more room than they may.
    NoRoom,
}

impl Why {
    /// A word for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotDue => "not-due",
            Self::Live => "live",
            Self::Waiting => "waiting",
            Self::Young => "young",
            Self::Parent => "parent",
            Self::Old => "old",
            Self::TooMany => "too-many",
            Self::NoRoom => "no-room",
        }
    }

    /// Whether the session goes.
    #[must_use]
    pub const fn goes(self) -> bool {
        matches!(self, Self::Old | Self::TooMany | Self::NoRoom)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDue => "nothing asks for it to go",
            Self::Live => "somebody is at work on it",
            Self::Waiting => "accepted messages wait in it",
            Self::Young => "it is younger than the age floor",
            Self::Parent => "a session that stays descends from it",
            Self::Old => "it is older than is kept",
            Self::TooMany => "there are more than are kept",
            Self::NoRoom => "the transcripts take more room than they may",
        })
    }
}

/// What becomes of each session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Planned {
    /// For each session in the order in which they were given, why it goes or stays.
    pub why: Vec<Why>,
    /// Those that go, each after those that descend from it.
    pub order: Vec<usize>,
}

/// Plans. `now_ms` is the present, milliseconds since 1970.
#[must_use]
pub fn plan(seen: &[Seen], limits: &Limits, now_ms: i64) -> Planned {
    let mut planner = Planner::new(seen, now_ms, limits);
    loop {
        let before = planner.order.len();
        if let Some(age) = limits.older_than_ms {
            planner.while_due(Why::Old, |planner, at| planner.age(at) > age);
        }
        if let Some(keep) = limits.keep {
            planner.while_due(Why::TooMany, |planner, _| planner.stay > keep);
        }
        if let Some(max) = limits.max_bytes {
            planner.while_due(Why::NoRoom, |planner, _| planner.bytes > max);
        }
        if planner.order.len() == before {
            return planner.ended(limits);
        }
    }
}

struct Planner<'a> {
    seen: &'a [Seen],
    now_ms: i64,
    why: Vec<Why>,
    /// How many that stay descend from each.
    children: Vec<usize>,
    /// The oldest first.
    by_age: Vec<usize>,
    order: Vec<usize>,
    stay: usize,
    bytes: u64,
}

impl<'a> Planner<'a> {
    fn new(seen: &'a [Seen], now_ms: i64, limits: &Limits) -> Self {
        let mut children = vec![0_usize; seen.len()];
        for (at, session) in seen.iter().enumerate() {
            if let Some(count) = parent(session, at).and_then(|parent| children.get_mut(parent)) {
                *count += 1;
            }
        }
        let mut by_age: Vec<usize> = (0..seen.len()).collect();
        by_age.sort_by_key(|at| seen.get(*at).map(|session| session.modified_ms));
        let mut planner = Self {
            seen,
            now_ms,
            why: Vec::with_capacity(seen.len()),
            children,
            by_age,
            order: Vec::new(),
            stay: seen.len(),
            bytes: seen
                .iter()
                .fold(0, |sum, session| sum.saturating_add(session.bytes)),
        };
        for (at, session) in seen.iter().enumerate() {
            let why = match session {
                Seen { live: true, .. } => Why::Live,
                Seen { waits: true, .. } => Why::Waiting,
                _ if planner.age(at) < limits.floor_ms => Why::Young,
                _ => Why::NotDue,
            };
            planner.why.push(why);
        }
        planner
    }

    /// A clock that was set back makes nothing old.
    fn age(&self, at: usize) -> u64 {
        let modified = self.seen.get(at).map_or(self.now_ms, |one| one.modified_ms);
        u64::try_from(self.now_ms.saturating_sub(modified)).unwrap_or(0)
    }

    fn may_go(&self, at: usize) -> bool {
        self.why.get(at) == Some(&Why::NotDue) && self.children.get(at) == Some(&0)
    }

    /// Takes out what may go and is due, the oldest first.
    fn while_due(&mut self, why: Why, is_due: impl Fn(&Self, usize) -> bool) {
        for at in self.by_age.clone() {
            if self.may_go(at) && is_due(self, at) {
                self.go(at, why);
            }
        }
    }

    fn go(&mut self, at: usize, why: Why) {
        let Some(session) = self.seen.get(at) else {
            return;
        };
        if let Some(stands) = self.why.get_mut(at) {
            *stands = why;
        }
        if let Some(count) = parent(session, at).and_then(|parent| self.children.get_mut(parent)) {
            *count = count.saturating_sub(1);
        }
        self.stay = self.stay.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(session.bytes);
        self.order.push(at);
    }

    /// Who would be due but for a descendant is told so.
    fn ended(mut self, limits: &Limits) -> Planned {
        let is_over = limits.keep.is_some_and(|keep| self.stay > keep)
            || limits.max_bytes.is_some_and(|max| self.bytes > max);
        for at in 0..self.seen.len() {
            let is_old = limits.older_than_ms.is_some_and(|age| self.age(at) > age);
            let has_children = self.children.get(at).is_some_and(|count| *count > 0);
            if let Some(why) = self.why.get_mut(at)
                && *why == Why::NotDue
                && has_children
                && (is_old || is_over)
            {
                *why = Why::Parent;
            }
        }
        Planned {
            why: self.why,
            order: self.order,
        }
    }
}

/// Nobody is its own parent.
fn parent(session: &Seen, at: usize) -> Option<usize> {
    session.parent.filter(|parent| *parent != at)
}

#[cfg(test)]
mod tests {
    use super::{Limits, Planned, Seen, Why, plan};
    use proptest::prelude::*;

    const NOW: i64 = 1_000_000;

    fn aged(age: i64) -> Seen {
        Seen {
            modified_ms: NOW - age,
            bytes: 10,
            ..Seen::default()
        }
    }

    #[test]
    fn the_oldest_go_beyond_the_number_that_is_kept_and_what_is_in_use_or_waited_for_stays() {
        let seen = [
            Seen {
                live: true,
                ..aged(900)
            },
            Seen {
                waits: true,
                ..aged(800)
            },
            aged(700),
            aged(1),
        ];
        let limits = Limits {
            keep: Some(1),
            floor_ms: 5,
            ..Limits::default()
        };
        let planned = plan(&seen, &limits, NOW);
        assert_eq!(
            planned.why,
            [Why::Live, Why::Waiting, Why::TooMany, Why::Young]
        );
    }

    #[test]
    fn a_parent_stays_with_its_child_and_goes_after_it() {
        let seen = [
            aged(900),
            Seen {
                parent: Some(0),
                ..aged(10)
            },
        ];
        let limits = Limits {
            older_than_ms: Some(100),
            ..Limits::default()
        };
        assert_eq!(plan(&seen, &limits, NOW).why, [Why::Parent, Why::NotDue]);
        let both = Limits {
            older_than_ms: Some(5),
            ..limits
        };
        assert_eq!(plan(&seen, &both, NOW).order, [1, 0]);
    }

    #[test]
    fn room_is_made_from_the_oldest_on_and_no_more_than_is_needed() {
        let seen = [aged(3), aged(2), aged(1)];
        let limits = Limits {
            max_bytes: Some(20),
            ..Limits::default()
        };
        assert_eq!(plan(&seen, &limits, NOW).order, [0]);
    }

    fn sessions() -> impl Strategy<Value = Vec<Seen>> {
        let one = (
            0..2_000_i64,
            0..50_u64,
            any::<(bool, bool)>(),
            prop::option::of(0..12_usize),
        );
        let one = one.prop_map(|(age, bytes, (waits, live), parent)| Seen {
            modified_ms: NOW - age + 10,
            bytes,
            waits: waits && age % 3 == 0,
            live: live && age % 5 == 0,
            parent,
        });
        prop::collection::vec(one, 0..12)
    }

    fn limits() -> impl Strategy<Value = Limits> {
        let some = |max: u64| prop::option::of(0..max);
        (some(2_000), some(12), some(300), 0..500_u64).prop_map(|(age, keep, max, floor_ms)| {
            Limits {
                older_than_ms: age,
                keep: keep.and_then(|keep| usize::try_from(keep).ok()),
                max_bytes: max,
                floor_ms,
            }
        })
    }

    fn stayed(seen: &[Seen], planned: &Planned) -> Vec<Seen> {
        let places: Vec<usize> = (0..seen.len())
            .filter(|at| !planned.why[*at].goes())
            .collect();
        let now_at = |old: usize| places.iter().position(|at| *at == old);
        places
            .iter()
            .map(|at| Seen {
                parent: seen[*at].parent.and_then(now_at),
                ..seen[*at]
            })
            .collect()
    }

    proptest! {
        #[test]
        fn nothing_that_is_in_use_waited_for_young_or_descended_from_goes(seen in sessions(), limits in limits()) {
            let planned = plan(&seen, &limits, NOW);
            for (at, session) in seen.iter().enumerate() {
                if planned.why[at].goes() {
                    prop_assert!(!session.live && !session.waits);
                    prop_assert!(u64::try_from(NOW - session.modified_ms).unwrap_or(0) >= limits.floor_ms);
                } else if let Some(parent) = session.parent.filter(|parent| *parent < seen.len() && *parent != at) {
                    prop_assert!(!planned.why[parent].goes(), "{at} stays, its parent {parent} goes");
                }
            }
        }

        #[test]
        fn planning_again_finds_nothing(seen in sessions(), limits in limits()) {
            let planned = plan(&seen, &limits, NOW);
            let left = stayed(&seen, &planned);
            prop_assert_eq!(plan(&left, &limits, NOW).order, Vec::<usize>::new());
        }

        #[test]
        fn whoever_goes_goes_once_and_after_those_that_descend_from_it(seen in sessions(), limits in limits()) {
            let planned = plan(&seen, &limits, NOW);
            let place = |at: usize| planned.order.iter().position(|one| *one == at);
            for (at, session) in seen.iter().enumerate() {
                prop_assert_eq!(planned.why[at].goes(), place(at).is_some());
                if let Some(parent) = session.parent.filter(|parent| *parent < seen.len() && *parent != at)
                    && let (Some(child), Some(parent)) = (place(at), place(parent))
                {
                    prop_assert!(child < parent);
                }
            }
            let goes = planned.why.iter().filter(|why| why.goes()).count();
            prop_assert_eq!(goes, planned.order.len());
        }
    }
}
