//! What is explored: how many processes, what the world may do to them, and what is left out of the protocol.

/// One exploration.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Processes of ours, at most 4.
    pub ours: usize,
    /// Foreign peers, at most 3.
    pub peers: usize,
    /// Whether ours take the peers' lock file (`peer_lock = always`) or not (`never`).
    pub peer_file: bool,
    /// `.latchwork` may be deleted at any moment.
    pub sidecars_deleted: bool,
    /// Processes, ours and foreign, may be killed at any step.
    pub kills: bool,
    /// Also while one of ours has a lock file taken aside, to be looked at.
    pub kills_while_aside: bool,
    /// Ours may be killed or give up between the meeting of a dead owner's file and the settling of their own.
    pub ends_while_replacing: bool,
    /// Transcripts are also written anew and renamed into place.
    pub rewrites: bool,
    /// The process that stands in for us may be killed alone.
    pub stand_ins_die: bool,
    /// Foreign peers may take a live owner for gone, by its age or its command line.
    pub misjudging: bool,
    /// A peer was met here lately: ours leave the file free now and then, and let one that replaced a dead one's settle.
    pub polite: bool,
    /// A peer that is about to remove a file does so before ours takes its own for settled.
    pub quick_peers: bool,
    /// What is done wrong.
    pub fault: Fault,
}

impl Setting {
    /// Some of ours alone, with everything that can happen to them.
    #[must_use]
    pub fn of_ours(ours: usize) -> Self {
        Self {
            ours,
            peers: 0,
            peer_file: true,
            sidecars_deleted: true,
            kills: true,
            kills_while_aside: true,
            ends_while_replacing: true,
            rewrites: true,
            stand_ins_die: false,
            misjudging: false,
            polite: false,
            quick_peers: false,
            fault: Fault::NONE,
        }
    }

    /// The same without the peers' lock file.
    #[must_use]
    pub fn without_peer_file(self) -> Self {
        Self {
            peer_file: false,
            ..self
        }
    }

    /// Some of ours beside some peers, of which one was met lately; nobody takes a live owner for gone.
    #[must_use]
    pub fn beside(ours: usize, peers: usize) -> Self {
        Self {
            peers,
            polite: true,
            sidecars_deleted: false,
            kills_while_aside: false,
            ..Self::of_ours(ours)
        }
    }

    /// The same with something done wrong.
    #[must_use]
    pub fn with(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }
}

/// What is done wrong, for the controls: a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(u16);

impl Fault {
    /// The protocol as it is.
    pub const NONE: Self = Self(0);
    /// Ours take no kernel lock and reclaim among each other as OpenClaw does: inspect, then remove, then create.
    pub const OPENCLAWS_RECLAIM: Self = Self(1);
    /// A lock file that was left behind is removed by one who does not hold the latch.
    pub const REMOVED_WITHOUT_LATCH: Self = Self(1 << 1);
    /// A lock file is taken from a live owner, for its age.
    pub const STOLEN_BY_AGE: Self = Self(1 << 2);
    /// Locks are given back when the holder is dropped, though its write is in flight.
    pub const RELEASED_IN_FLIGHT: Self = Self(1 << 3);
    /// The transcript's inode is not locked.
    pub const NO_SECOND_WALL: Self = Self(1 << 4);
    /// The transcript is opened before the latch is waited for.
    pub const OPENED_EARLY: Self = Self(1 << 5);
    /// Nobody looks whether the transcript that was locked is still at its path.
    pub const NO_LOOK_AFTER_WALL: Self = Self(1 << 6);
    /// Nobody looks whether the latch that was locked is still at its path.
    pub const NO_LOOK_AFTER_LATCH: Self = Self(1 << 7);
    /// Nothing is checked before a write.
    pub const NO_CHECK: Self = Self(1 << 8);
    /// A lock file that is in the way is removed by its name, without being taken aside.
    pub const REMOVED_BY_NAME: Self = Self(1 << 9);
    /// Our own lock file is given back by its name, without being taken aside.
    pub const GIVEN_BACK_BY_NAME: Self = Self(1 << 10);
    /// A latch file that was kept open is used without a look whether it is still at its path.
    pub const KEPT_UNSEEN: Self = Self(1 << 11);
    /// What was judged is taken aside without a look whether it still stands there.
    pub const NO_SECOND_LOOK: Self = Self(1 << 12);
    /// A file that replaced a dead owner's counts at once.
    pub const NOT_SETTLED: Self = Self(1 << 13);
    /// A file that did not settle counts nevertheless.
    pub const SETTLED_UNSEEN: Self = Self(1 << 14);

    /// Our lock file is made by a rename that replaces what came while the file was left free.
    pub const MADE_BY_REPLACING: Self = Self(1 << 15);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether that is among it.
    #[must_use]
    pub const fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }
}
