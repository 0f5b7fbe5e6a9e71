//! Who has seen that others wait, waits behind them (`fair.rs`, `waiters.rs`, `poll.rs`): the word in the latch file.
//!
//! A process that gives the latch back and wants it again is faster than one that the kernel wakes: while such a one is about to
//! try, nobody who waits is granted anything. What must be shown is that the word leads to nobody's waiting for nothing, and
//! that it is enough for whoever waits to have a turn. Belief has an end, but never between a give-back and the next try; a
//! wait may seem to have been for nobody though others waited, too.
//!
//! Each process has one request at a time (the queue sees to that) and one thread at most: where that waits for another inode,
//! the request polls. Words are told apart by who has not yet read the last one. Deletions make a new inode with no word.

mod steps;

use stateright::{Model, Property};

/// Whatever the word says.
pub const SOMEBODY_GOES_ON: &str = "nobody waits for a latch that nobody has";
/// One lock, one owner.
pub const ONE_HOLDER: &str = "no two have the latch";

/// Most processes.
const MOST: usize = 3;
/// The highest number of an inode while names are made.
const INODES: usize = 12;

/// One exploration.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Processes, at most 3.
    pub processes: usize,
    /// Processes may be killed.
    pub kills: bool,
    /// `.latchwork` may be deleted at any moment.
    pub sidecars_deleted: bool,
    /// What is done wrong.
    pub fault: Fault,
}

/// What is done wrong, for the controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Nobody says that it waits.
    NoWord,
    /// It is said once, however long the wait is.
    SaidOnce,
    /// The end of belief is counted from the look, and holds last longer than that.
    BelievedFromTheLook,
    /// Who has seen a word does not stand in the kernel's line, but waits until its writer has had the latch.
    WaitsForTheWriter,
    /// A request is added to a thread's line though the thread has gone through it already.
    AddedTooLate,
}

/// What a process does next. The steps in square brackets are the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// It wants nothing.
    #[default]
    Idle,
    /// It wants the latch at once: [try to lock it], unless others want it, too.
    Fast,
    /// [Write the word].
    Say,
    /// A thread of it waits: \[flock\].
    Wait,
    /// It has no thread: [try to lock] after a pause.
    Poll,
    /// [Is the latch at its path?]
    Look,
    /// [Read the word].
    Read,
    /// The latch is granted.
    Held,
    /// A fault's: until whoever said that it waits has had its turn.
    Gate,
}

/// A process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    /// What it does next.
    pub at: At,
    /// The latch file that it has open, kept between two latches.
    pub latch: u8,
    /// Whether it has its lock.
    pub has: bool,
    /// It has held that open file before, so a word can be new to it.
    pub noted: bool,
    /// A word was written since it last read.
    pub unread: bool,
    /// It believes that others want the latch, too.
    pub wanted: bool,
    /// The latch file that its thread waits for.
    pub thread: u8,
    /// Whether the thread has its lock.
    pub thread_has: bool,
    /// A fault's: its thread does not know of its request.
    pub unheard: bool,
}

/// A state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    /// The processes.
    pub processes: [Process; MOST],
    /// The latch file at its path.
    pub latch_at: u8,
    /// Whose word stands there, of those who have not had the latch since; for the control.
    pub writer: Option<usize>,
}

/// One step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process wants the latch.
    Want(usize),
    /// The next system call.
    Step(usize),
    /// It was granted the lock, after a wait that seems to have been for nobody.
    Quickly(usize),
    /// The next step of its thread.
    Thread(usize),
    /// It says once more that it waits.
    SayAgain(usize),
    /// It gives the latch back and wants it again at once.
    Again(usize),
    /// It gives the latch back, or ends believing that others want it.
    Rest(usize),
    /// The request is dropped; its thread waits on.
    Drop(usize),
    /// It is killed; another comes in its place.
    Kill(usize),
    /// Somebody deletes `.latchwork`.
    DeleteSidecars,
}

impl World {
    fn is_free(&self, latch: u8) -> bool {
        let has = |process: &Process| {
            (process.has && process.latch == latch)
                || (process.thread_has && process.thread == latch)
        };
        !self.processes.iter().any(has)
    }

    /// Somebody tries faster than the kernel wakes those who wait.
    fn is_about_to_be_tried(&self, setting: &Setting, latch: u8) -> bool {
        let others = self.processes.iter().take(setting.processes);
        let mut fast = others.filter(|process| process.at == At::Fast && !process.wanted);
        fast.any(|process| process.latch == latch || (process.latch == 0 && self.latch_at == latch))
    }

    /// Whoever waits for it may have it.
    fn may_be_granted(&self, setting: &Setting, latch: u8) -> bool {
        self.is_free(latch) && !self.is_about_to_be_tried(setting, latch)
    }

    fn can_step(&self, setting: &Setting, who: usize) -> bool {
        let me = &self.processes[who];
        match me.at {
            At::Idle | At::Held | At::Wait => false,
            At::Poll => self.may_be_granted(setting, me.latch),
            At::Gate => self.writer.is_none(),
            At::Fast | At::Say | At::Look | At::Read => true,
        }
    }

    fn thread_can_step(&self, setting: &Setting, who: usize) -> bool {
        let me = &self.processes[who];
        me.thread != 0 && (me.thread_has || self.may_be_granted(setting, me.thread))
    }

    /// Whether this process has what it asked for.
    #[must_use]
    pub fn is_granted_to(&self, who: usize) -> bool {
        self.processes[who].at == At::Held
    }

    fn new_latch(&self) -> u8 {
        let known = self
            .processes
            .iter()
            .flat_map(|one| [one.latch, one.thread]);
        known.chain([self.latch_at]).max().unwrap_or(0) + 1
    }

    /// New numbers for the inodes in the order in which they are met.
    fn rename(&mut self) {
        let mut new = [0_u8; INODES];
        let mut met = 0;
        let mut meet = |inode: &mut u8| {
            if *inode != 0 {
                let name = &mut new[usize::from(*inode)];
                if *name == 0 {
                    met += 1;
                    *name = met;
                }
                *inode = *name;
            }
        };
        meet(&mut self.latch_at);
        for process in &mut self.processes {
            meet(&mut process.latch);
            meet(&mut process.thread);
        }
    }
}

impl Setting {
    /// So many processes, with everything that can happen to them.
    #[must_use]
    pub const fn of(processes: usize) -> Self {
        Self {
            processes,
            kills: true,
            sidecars_deleted: true,
            fault: Fault::None,
        }
    }

    /// The same with something done wrong.
    #[must_use]
    pub const fn with(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }
}

impl Model for Setting {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::default()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (who, me) in world.processes.iter().enumerate().take(self.processes) {
            match me.at {
                At::Idle => {
                    actions.push(Action::Want(who));
                    if me.wanted {
                        actions.push(Action::Rest(who));
                    }
                }
                At::Held => actions.extend([Action::Again(who), Action::Rest(who)]),
                At::Wait | At::Poll | At::Gate => {
                    actions.push(Action::Drop(who));
                    if self.fault != Fault::SaidOnce && me.at != At::Gate {
                        actions.push(Action::SayAgain(who));
                    }
                }
                _ => {}
            }
            if world.can_step(self, who) {
                actions.push(Action::Step(who));
                if me.at == At::Poll {
                    actions.push(Action::Quickly(who));
                }
            }
            if world.thread_can_step(self, who) {
                actions.push(Action::Thread(who));
                if me.thread_has && me.at == At::Wait {
                    actions.push(Action::Quickly(who));
                }
            }
            if self.kills {
                actions.push(Action::Kill(who));
            }
        }
        if self.sidecars_deleted && world.latch_at != 0 {
            actions.push(Action::DeleteSidecars);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = *world;
        match action {
            Action::Want(who) => next.processes[who].at = At::Fast,
            Action::Step(who) => self.step(&mut next, who, false),
            Action::Thread(who) => Self::thread(&mut next, who, false),
            Action::Quickly(who) if world.processes[who].at == At::Wait => {
                Self::thread(&mut next, who, true);
            }
            Action::Quickly(who) => self.step(&mut next, who, true),
            Action::SayAgain(who) => self.says(&mut next, who),
            Action::Again(who) => {
                let me = &mut next.processes[who];
                self.gives_back(me);
                me.at = At::Fast;
            }
            Action::Rest(who) => {
                let me = &mut next.processes[who];
                if me.at == At::Held {
                    self.gives_back(me);
                    me.at = At::Idle;
                } else {
                    me.wanted = false;
                }
            }
            Action::Drop(who) => {
                let Process {
                    thread, thread_has, ..
                } = world.processes[who];
                next.processes[who] = Process {
                    thread,
                    thread_has,
                    ..Process::default()
                };
            }
            Action::Kill(who) => next.processes[who] = Process::default(),
            Action::DeleteSidecars => (next.latch_at, next.writer) = (0, None),
        }
        next.rename();
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SOMEBODY_GOES_ON, |setting: &Self, world: &World| {
                let all = 0..setting.processes;
                let mut waits = world.processes.iter().filter(|one| one.at != At::Idle);
                waits.next().is_none()
                    || all.clone().any(|who| world.processes[who].at == At::Held)
                    || all.clone().any(|who| world.can_step(setting, who))
                    || all.clone().any(|who| world.thread_can_step(setting, who))
            }),
            Property::always(ONE_HOLDER, |_, world: &World| {
                let holds = |one: &&Process| one.at == At::Held && one.latch == world.latch_at;
                world.processes.iter().filter(holds).count() <= 1
            }),
        ]
    }
}
