//! One lock held by several processes (`command_lock.rs`, `inherited.rs`, `joined.rs`): `latchwork lock SESSION -- COMMAND` hands its
//! open files of the latch and the transcript to the command, and what the command starts joins by them.
//!
//! A kernel lock belongs to the open file, so it does not keep joined ones apart: they take turns by a second lock, `<id>.joined`,
//! and who gives the lock back takes that first. A nonce in the latch's note says that the lock may be joined. A joiner that
//! finds the lock gone goes the ordinary way, like somebody from elsewhere.
//!
//! Shared files are free when they were unlocked, or when the last process that has them is gone. Sidecars are deleted once at
//! most: then another latch and another file of turns stand at the paths. Not here: the peers' file, a transcript born or
//! replaced under the lock, and locks within the lock, which follow the same rule one rung further down.

mod steps;

use stateright::{Model, Property};

/// Among the joined, those who found the lock gone, and the outsider.
pub const ONE_WRITER: &str = "no two write together";
/// A descriptor that leaked keeps nobody waiting.
pub const SOMEBODY_LIVES: &str = "who waits, waits for somebody who joined or holds";
/// As long as nothing is deleted.
pub const NOT_FOR_ITSELF: &str = "nobody waits for a lock that it shares";
/// A look at a lock that was given back may take it for a moment.
pub const GIVEN_BACK: &str = "what was given back is not taken again by who has only inherited it";

/// One exploration.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// `.latchwork` may be deleted.
    pub sidecars_deleted: bool,
    /// The lock may be dropped without waiting for the turn of those who join.
    pub dropped: bool,
    /// A joiner may be killed between its try of the lock and its second look at the nonce.
    pub killed_in_look: bool,
    /// What is done wrong.
    pub fault: Fault,
}

/// What is done wrong, for the controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Joined processes write without taking turns.
    NoSecondLock,
    /// The latch is given back when the command ends, whatever the joined do.
    EndsAtOnce,
    /// Descriptors are not closed when another program is started.
    NoCloseOnExec,
    /// The nonce is not looked at again after the lock was tried.
    NonceOnce,
    /// The turn is waited for in the file at its path alone.
    TurnsByNameOnly,
    /// Who finds the nonce gone leaves the shared lock as it is.
    NotLetGo,
}

/// What a process does next. The steps in square brackets are the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// Not there.
    #[default]
    Gone,
    /// The command, or the holder while the command runs.
    Runs,
    /// A new process that has yet to become another program: \[exec\].
    Forked,
    /// Another program, that got the description by mistake.
    Stranger,
    /// The holder: [flock the file of turns that it had open from the beginning, waiting].
    Quiet,
    /// The holder: [open the file of turns at its path].
    OpenQuiet,
    /// The holder: [flock it, waiting].
    QuietByName,
    /// The holder: [write the note without the nonce].
    Forget,
    /// The holder: [unlock the transcript].
    FreeTranscript,
    /// The holder: [unlock the latch].
    FreeLatch,
    /// A joiner: [open the file of turns].
    OpenTurn,
    /// [flock it, waiting].
    LockTurn,
    /// [Is it at its path?]
    LookTurn,
    /// [Is the handed latch at its path?]
    LookLatch,
    /// [Has its note the nonce?]
    LookNonce,
    /// [Try to lock it through the shared open file].
    TryLatch,
    /// [Has its note the nonce still?]
    LookNonceAgain,
    /// [Try to lock the transcript through the shared open file].
    TryTranscript,
    /// Just before a write: [is the latch at its path?]
    CheckLatch,
    /// [Is the turn at its path?]
    CheckTurn,
    /// [Has the note the nonce?]
    CheckNonce,
    /// A write is in flight: [it ends].
    Write,
    /// The ordinary way: [open the latch].
    Open,
    /// [flock it, waiting].
    Lock,
    /// [Is it at its path?]
    Look,
    /// [Open the transcript and flock it, without waiting].
    Wall,
    /// Just before a write: [is the latch at its path?]
    Check,
    /// A write is in flight: [it ends].
    WriteAlone,
}

/// Before, or after a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// The file that stood when the lock was taken.
    Old,
    /// The one that was made since.
    New,
}

/// A process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    /// What it does next.
    pub at: At,
    /// It has the shared open files.
    pub shares: bool,
    /// The file of turns that it has open.
    pub turn: Option<Era>,
    /// Whose lock it has: of old, or of new.
    pub turns: [bool; 2],
    /// The latch that it has opened for itself.
    pub latch: Option<Era>,
    /// Whether it has its lock.
    pub has_latch: bool,
    /// Whether it has the transcript's lock, for itself.
    pub has_transcript: bool,
}

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The holder, its command, two that join, and somebody from elsewhere.
    pub processes: [Process; 5],
    /// The shared open file has the latch's lock.
    pub latch: bool,
    /// The shared open file has the transcript's lock.
    pub transcript: bool,
    /// The nonce stands in the latch's note.
    pub nonce: bool,
    /// The holder has given back.
    pub given_back: bool,
    /// Sidecars were deleted.
    pub deleted: bool,
}

const HOLDER: usize = 0;
const COMMAND: usize = 1;
const KIDS: [usize; 2] = [2, 3];
const OUTSIDER: usize = 4;

/// One step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The command starts a process that joins.
    Start(usize),
    /// The holder starts another program.
    Fork(usize),
    /// The next step.
    Step(usize),
    /// The command ends, though what it has started may run on.
    End,
    /// The holder drops the lock.
    Drop,
    /// It is killed.
    Kill(usize),
    /// Somebody deletes `.latchwork`.
    DeleteSidecars,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            sidecars_deleted: true,
            dropped: false,
            killed_in_look: true,
            fault: Fault::None,
        }
    }
}

impl Setting {
    /// The same with something done wrong.
    #[must_use]
    pub fn with(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }
}

impl World {
    fn era(&self) -> Era {
        if self.deleted { Era::New } else { Era::Old }
    }

    fn turn_is_free(&self, turn: Era) -> bool {
        !self.processes.iter().any(|one| one.turns[turn as usize])
    }

    /// Nobody has it for itself.
    fn latch_is_unshared(&self, latch: Era) -> bool {
        let has = |one: &Process| one.has_latch && one.latch == Some(latch);
        !self.processes.iter().any(has)
    }

    fn latch_is_free(&self, latch: Era) -> bool {
        self.latch_is_unshared(latch) && !(latch == Era::Old && self.latch)
    }

    fn transcript_is_unshared(&self) -> bool {
        !self.processes.iter().any(|one| one.has_transcript)
    }

    /// The last that shared the open files may be gone.
    fn settle(&mut self) {
        let shared = self.processes.iter().any(|one| one.shares);
        self.latch &= shared;
        self.transcript &= shared;
    }
}

impl Model for Setting {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let runs = Process {
            at: At::Runs,
            shares: true,
            ..Process::default()
        };
        let mut processes = [Process::default(); 5];
        (processes[HOLDER], processes[COMMAND]) = (runs, runs);
        vec![World {
            processes,
            latch: true,
            transcript: true,
            nonce: true,
            given_back: false,
            deleted: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let is_there = |who: usize| world.processes[who].at != At::Gone;
        for kid in KIDS {
            if !is_there(kid) {
                if is_there(COMMAND) {
                    actions.push(Action::Start(kid));
                }
                if is_there(HOLDER) {
                    actions.push(Action::Fork(kid));
                }
            }
        }
        for who in 0..world.processes.len() {
            if is_there(who) || who == OUTSIDER {
                actions.push(Action::Step(who));
            }
            let looks = world.processes[who].at == At::LookNonceAgain;
            if is_there(who) && (self.killed_in_look || !looks) {
                actions.push(Action::Kill(who));
            }
        }
        if is_there(COMMAND) {
            actions.push(Action::End);
        }
        if self.dropped && world.processes[HOLDER].at == At::Runs {
            actions.push(Action::Drop);
        }
        if self.sidecars_deleted && !world.deleted {
            actions.push(Action::DeleteSidecars);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = *world;
        match action {
            Action::Start(kid) | Action::Fork(kid) => {
                let joins = matches!(action, Action::Start(_));
                next.processes[kid] = Process {
                    at: match (joins, self.fault) {
                        (false, _) => At::Forked,
                        (true, Fault::NoSecondLock) => At::LookLatch,
                        (true, _) => At::OpenTurn,
                    },
                    shares: true,
                    ..Process::default()
                };
            }
            Action::Step(who) => {
                let mut me = world.processes[who];
                self.step(&mut next, who, &mut me)?;
                next.processes[who] = me;
            }
            Action::End | Action::Kill(COMMAND) => next.processes[COMMAND] = Process::default(),
            Action::Drop => next.processes[HOLDER].at = At::Forget,
            Action::Kill(who) => next.processes[who] = Process::default(),
            Action::DeleteSidecars => next.deleted = true,
        }
        next.settle();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_WRITER, |_, world: &World| {
                let writes = |one: &&Process| matches!(one.at, At::Write | At::WriteAlone);
                world.processes.iter().filter(writes).count() <= 1
            }),
            Property::always(SOMEBODY_LIVES, |_, world: &World| {
                let waits = |one: &Process| {
                    one.at == At::Lock && one.latch.is_some_and(|latch| !world.latch_is_free(latch))
                };
                let lives =
                    |one: &Process| !matches!(one.at, At::Gone | At::Stranger) && !waits(one);
                !world.processes.iter().any(waits) || world.processes.iter().any(lives)
            }),
            Property::always(NOT_FOR_ITSELF, |_, world: &World| {
                let waits = |one: &Process| match one.at {
                    At::Wall => world.transcript,
                    At::Lock => one.latch == Some(Era::Old) && world.latch,
                    _ => false,
                };
                let mut sharers = world.processes.iter().filter(|one| one.shares);
                !sharers.any(waits)
            }),
            Property::always(GIVEN_BACK, |_, world: &World| {
                let looks = |one: &Process| one.at == At::LookNonceAgain;
                !(world.given_back && world.latch) || world.processes.iter().any(looks)
            }),
        ]
    }
}
