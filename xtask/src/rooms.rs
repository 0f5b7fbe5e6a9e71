//! The floor plan: every package with its layer and the arrows that may leave it. `tidy` enforces it, `docs` prints it.
//!
//! Arrows point down, never sideways. A new crate gets its row here first; a crate without a row fails `tidy`.

/// One package of the plan.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) package: &'static str,
    /// None for what stands outside the house: tests and tools.
    pub(crate) layer: Option<u8>,
    pub(crate) may_use: MayUse,
}

/// Which packages of ours may stand under `[dependencies]`.
#[derive(Debug)]
pub(crate) enum MayUse {
    Only(&'static [&'static str]),
    /// Every room on a lower layer.
    AllBelow,
    Anything,
}

const TESTKIT: &str = "latchwork-testkit";
const SYS: &str = "latchwork-sys";
const LOCK: &str = "latchwork-lock";
const FORMAT: &str = "latchwork-format";
const FILELOCK: &str = "latchwork-filelock";
const SESSION: &str = "latchwork-session";

/// Neighbours that tests are run against: the real store, in place of a double.
const TESTED_AGAINST: &[(&str, &str)] = &[
    ("latchwork-context", "latchwork-transcript"),
    ("latchwork-runner", "latchwork-transcript"),
];

/// The plan, lowest layer first.
pub(crate) const ROOMS: &[Room] = &[
    room("latchwork-sys", 0, MayUse::Only(&[])),
    room("latchwork-lock", 0, MayUse::Only(&[])),
    room("latchwork-config", 0, MayUse::Only(&[])),
    room("latchwork-format", 1, MayUse::Only(&[])),
    room("latchwork-filelock", 1, MayUse::Only(&[LOCK, SYS])),
    room("latchwork-session", 2, MayUse::Only(&[FORMAT, LOCK])),
    room("latchwork-import", 2, MayUse::Only(&[FORMAT])),
    room("latchwork-export", 2, MayUse::Only(&[FORMAT])),
    room(
        "latchwork-transcript",
        3,
        MayUse::Only(&[SESSION, FORMAT, FILELOCK, LOCK, SYS]),
    ),
    room("latchwork-search", 3, MayUse::Only(&[FORMAT, SYS])),
    room(
        "latchwork-context",
        3,
        MayUse::Only(&[SESSION, FORMAT, LOCK]),
    ),
    room(
        "latchwork-runner",
        3,
        MayUse::Only(&[SESSION, FORMAT, LOCK, SYS]),
    ),
    room(
        "latchwork-models",
        3,
        MayUse::Only(&[SESSION, FORMAT, LOCK, SYS]),
    ),
    room("latchwork-tools", 3, MayUse::Only(&[SESSION, LOCK, SYS])),
    room(
        "latchwork-openclaw",
        3,
        MayUse::Only(&[FORMAT, FILELOCK, LOCK, SYS]),
    ),
    room("latchwork", 4, MayUse::AllBelow),
    room("latchwork-cli", 5, MayUse::Only(&["latchwork"])),
    Room {
        package: TESTKIT,
        layer: None,
        may_use: MayUse::Anything,
    },
    Room {
        package: "latchwork-tests",
        layer: None,
        may_use: MayUse::Anything,
    },
    Room {
        package: "latchwork-checks",
        layer: None,
        may_use: MayUse::Anything,
    },
    Room {
        package: "xtask",
        layer: None,
        may_use: MayUse::Only(&[]),
    },
];

const fn room(package: &'static str, layer: u8, may_use: MayUse) -> Room {
    Room {
        package,
        layer: Some(layer),
        may_use,
    }
}

/// The row of a package.
pub(crate) fn find(package: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.package == package)
}

impl Room {
    /// Whether `[dependencies]` may name that package of ours.
    pub(crate) fn may_depend_on(&self, to: &Room) -> bool {
        match self.may_use {
            MayUse::Only(allowed) => allowed.contains(&to.package),
            MayUse::AllBelow => self.is_above(to),
            MayUse::Anything => true,
        }
    }

    /// Whether `[dev-dependencies]` may: the testkit, itself with a feature, whatever lies below, and a neighbour that tests
    /// are run against because a double of it would prove less.
    pub(crate) fn may_test_with(&self, to: &Room) -> bool {
        to.package == TESTKIT
            || TESTED_AGAINST.contains(&(self.package, to.package))
            || to.package == self.package
            || self.is_above(to)
            || self.may_depend_on(to)
    }

    fn is_above(&self, to: &Room) -> bool {
        matches!((self.layer, to.layer), (Some(from), Some(to)) if from > to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arrow_of_the_plan_points_down() {
        for room in ROOMS {
            let MayUse::Only(allowed) = room.may_use else {
                continue;
            };
            for name in allowed {
                let to = find(name).expect("an arrow ends at a room of the plan");
                assert!(
                    room.is_above(to),
                    "{} -> {name} points up or sideways",
                    room.package
                );
            }
        }
    }

    #[test]
    fn the_facade_may_use_every_library_and_no_test_package() {
        let facade = find("latchwork").expect("in the plan");
        assert!(facade.may_depend_on(find("latchwork-runner").expect("in the plan")));
        assert!(!facade.may_depend_on(find("latchwork-testkit").expect("in the plan")));
        assert!(!facade.may_depend_on(find("latchwork-cli").expect("in the plan")));
    }

    #[test]
    fn tests_may_look_down_and_at_the_testkit_but_not_sideways() {
        let transcript = find("latchwork-transcript").expect("in the plan");
        assert!(transcript.may_test_with(find("latchwork-testkit").expect("in the plan")));
        assert!(transcript.may_test_with(find("latchwork-session").expect("in the plan")));
        let runner = find("latchwork-runner").expect("in the plan");
        assert!(!transcript.may_test_with(runner));
        assert!(runner.may_test_with(transcript) && !runner.may_depend_on(transcript));
    }
}
