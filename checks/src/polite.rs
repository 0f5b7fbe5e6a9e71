//! Letting peers in (`peer/polite.rs`), in time: ours want the latch without a pause, a peer looks now and then.
//!
//! Time goes by in ticks, and what ours do between two holds takes none, so a peer never looks in that moment: what lets it in
//! is the file that is left free, and nothing else. A tick passes only when nothing is due. All of ours that wait for the
//! latch are one: whoever has it is the same to the peer. The memory in the latch file is of moments; here it is of ages.

use stateright::{Model, Property};

/// A promise, where a peer is expected and nobody dies.
pub const BOUNDED: &str =
    "a peer waits for a stretch, a hold and a look of its own, and then has had a chance";

/// The same, by a wide margin: what breaks this keeps a peer out again and again.
pub const NOT_STARVED: &str = "a peer does not wait for four times as long as it can take";

/// A peer that finds the file taken looks again after so many ticks, or one less.
const LOOK: u8 = 3;
/// For so long the file is left free, counted from when it was given back: longer than a look that comes late.
const WINDOW: u8 = LOOK + 1;
/// After so many ticks without a moment for peers, one is owed.
const STRETCH: u8 = 4;
/// The longest hold of ours.
const HOLD: u8 = 1;

/// One exploration; each flag but the first two is a control.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting {
    /// Ours and the peer may be killed.
    pub kills: bool,
    /// What is remembered may be lost: sidecars are deleted, or it is too long ago.
    pub forgets: bool,
    /// Nothing is ever left free.
    pub never_free: bool,
    /// It is left free for a tick less than a peer needs for a look.
    pub too_short: bool,
    /// The latch is given back while the file is left free, so another of ours takes it.
    pub without_latch: bool,
    /// It is not remembered when the file was given back last.
    pub left_is_not_told: bool,
    /// The file is left free until a peer has come.
    pub no_end: bool,
}

/// What whoever of ours has the latch does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Nobody of ours wants anything.
    #[default]
    Idle,
    /// The latch goes from hand to hand.
    Gap,
    /// The file is left free for so many more ticks.
    Free(u8),
    /// A peer has the file: it is looked at in each tick.
    Waits,
    /// The file is ours, for so many more ticks at most.
    Held(u8),
}

/// What the peer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Peer {
    /// It wants nothing.
    #[default]
    Out,
    /// It has found the file taken and looks again in so many ticks.
    Waits(u8),
    /// It has the file.
    Held,
}

/// Whose the file at the path is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum File {
    /// Nobody's: there is none.
    #[default]
    None,
    /// One of ours.
    Ours,
    /// The peer's.
    Peers,
    /// Somebody's who was killed.
    Dead,
}

/// How long ago things were; what is older than can matter is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// A peer is expected.
    pub expected: bool,
    /// Since the file was free for a whole look, or a peer had it.
    pub since: u8,
    /// Since it was given back last; `None` for never.
    pub left: Option<u8>,
}

/// A state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    /// Ours.
    pub at: At,
    /// The peer.
    pub peer: Peer,
    /// The file.
    pub file: File,
    /// What stands in the latch file.
    pub memory: Memory,
    /// When whoever holds has last left the file free; it is written down when the file is given back.
    pub since: u8,
    /// Told by nobody: for how long the peer has waited while one of ours was in its way.
    pub waited: u8,
}

/// One step of somebody, or of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Time goes by.
    Tick,
    /// One of ours takes the latch, and what follows without a pause.
    Take,
    /// One of ours gives everything back.
    GiveBack,
    /// Ours want nothing for a while.
    Rest,
    /// Another of ours takes the latch that was given back for the time.
    SlipIn,
    /// A peer wants the file, or it is time for it to look again; whether its timer is late.
    PeerLooks(bool),
    /// A peer gives the file back.
    PeerGivesBack,
    /// One of ours is killed.
    Kill,
    /// The peer is killed.
    KillPeer,
    /// What is remembered is lost.
    Forget,
}

impl Memory {
    fn owes(self, setting: &Setting, since: u8) -> u8 {
        let window = WINDOW - u8::from(setting.too_short);
        let free_for = self.left.unwrap_or(0);
        if setting.never_free || !self.expected || free_for >= window || since < STRETCH {
            return 0;
        }
        window - free_for
    }
}

/// The longest that a peer can wait: it begins as a stretch does, and its look falls at the end of what is left free.
const LONGEST: u8 = STRETCH + HOLD + WINDOW;

impl World {
    fn tick(&mut self, setting: &Setting) {
        let older = |age: u8, most: u8| (age + 1).min(most);
        self.memory.since = older(self.memory.since, STRETCH);
        self.since = older(self.since, STRETCH);
        self.memory.left = self.memory.left.map(|age| older(age, WINDOW));
        self.at = match self.at {
            At::Free(left) if setting.no_end => At::Free(left),
            At::Free(left) => At::Free(left - 1),
            At::Held(left) => At::Held(left - 1),
            at => at,
        };
        if let Peer::Waits(left) = &mut self.peer {
            *left -= 1;
            self.waited = older(self.waited, 4 * LONGEST + 1);
        }
    }

    /// Something is to happen before time goes by.
    fn is_due(&self) -> bool {
        let ours = match self.at {
            At::Gap | At::Free(0) | At::Held(0) => true,
            At::Free(_) | At::Waits => self.sees_a_change(),
            _ => false,
        };
        ours || self.peer == Peer::Waits(0)
    }

    /// A glance of ours tells: a peer has come, or gone.
    fn sees_a_change(&self) -> bool {
        match self.at {
            At::Free(_) => self.file != File::None,
            _ => self.file != File::Peers,
        }
    }

    fn take(&mut self, setting: &Setting) {
        let owed = match self.at {
            At::Gap | At::Idle => {
                self.since = self.memory.since;
                self.memory.owes(setting, self.since)
            }
            _ => 0,
        };
        if owed > 0 && self.file == File::None {
            self.at = At::Free(owed);
            return;
        }
        if matches!(self.at, At::Free(_)) || owed > 0 {
            self.since = 0;
        }
        if self.file == File::Peers {
            self.memory = Memory {
                expected: true,
                since: 0,
                left: None,
            };
            self.since = 0;
            self.at = At::Waits;
        } else {
            self.file = File::Ours;
            self.at = At::Held(HOLD);
        }
    }

    fn give_back(&mut self, setting: &Setting) {
        self.file = File::None;
        self.at = At::Gap;
        if self.memory.expected {
            self.memory.since = self.since;
            let left = if setting.left_is_not_told {
                self.memory.left.or(Some(0))
            } else {
                Some(0)
            };
            self.memory.left = left;
        }
    }
}

impl Model for Setting {
    type State = World;
    type Action = Action;

    /// The peer has been met: it has the file, and one of ours waits for it.
    fn init_states(&self) -> Vec<World> {
        let memory = Memory {
            expected: true,
            ..Memory::default()
        };
        vec![World {
            at: At::Waits,
            peer: Peer::Held,
            file: File::Peers,
            memory,
            ..World::default()
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if !world.is_due() {
            actions.push(Action::Tick);
        }
        match world.at {
            At::Idle => actions.push(Action::Take),
            At::Gap => actions.extend([Action::Take, Action::Rest]),
            At::Free(left) => {
                if left == 0 || world.sees_a_change() {
                    actions.push(Action::Take);
                } else if self.without_latch {
                    actions.push(Action::SlipIn);
                }
            }
            At::Waits if world.sees_a_change() => actions.push(Action::Take),
            At::Waits => {}
            At::Held(_) => actions.push(Action::GiveBack),
        }
        // It takes no time to hand the latch on, so no peer looks then.
        if world.at != At::Gap {
            match world.peer {
                Peer::Out | Peer::Waits(0) => {
                    actions.extend([Action::PeerLooks(false), Action::PeerLooks(true)]);
                }
                Peer::Waits(_) => {}
                Peer::Held => actions.push(Action::PeerGivesBack),
            }
        }
        if self.kills {
            actions.extend([Action::Kill, Action::KillPeer]);
        }
        if self.forgets {
            actions.push(Action::Forget);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = *world;
        match action {
            Action::Tick => next.tick(self),
            Action::Take => next.take(self),
            Action::GiveBack => next.give_back(self),
            Action::Rest => next.at = At::Idle,
            Action::SlipIn => {
                // It was told that the file was left free, by the one that goes on waiting.
                (next.file, next.at) = (File::Ours, At::Held(HOLD));
                next.since = 0;
            }
            Action::PeerLooks(late) => match world.file {
                File::None | File::Dead => {
                    next.file = File::Peers;
                    next.peer = Peer::Held;
                }
                _ => next.peer = Peer::Waits(LOOK - u8::from(!late)),
            },
            Action::PeerGivesBack => (next.peer, next.file) = (Peer::Out, File::None),
            Action::Kill => {
                if world.file == File::Ours {
                    next.file = File::Dead;
                }
                next.at = At::Gap;
            }
            Action::KillPeer => {
                if world.peer == Peer::Held {
                    next.file = File::Dead;
                }
                next.peer = Peer::Out;
            }
            Action::Forget => next.memory = Memory::default(),
        }
        let is_in_its_way = matches!(next.peer, Peer::Waits(_)) && next.at != At::Idle;
        if !is_in_its_way {
            next.waited = 0;
        }
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(BOUNDED, |_, world: &World| world.waited <= LONGEST),
            Property::always(NOT_STARVED, |_, world: &World| world.waited <= 4 * LONGEST),
        ]
    }
}

impl World {
    /// Whether the file is one of ours'.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self.at, At::Held(_))
    }

    /// Whether the file is the peer's.
    #[must_use]
    pub fn is_the_peers(&self) -> bool {
        self.peer == Peer::Held
    }

    /// Whether the peer is there, or wants to be.
    #[must_use]
    pub fn has_a_peer(&self) -> bool {
        self.peer != Peer::Out
    }
}
