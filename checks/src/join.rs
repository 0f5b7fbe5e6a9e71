//! One lock held by several processes: `latchwork lock SESSION -- COMMAND` hands its open file description to the command, and
//! what the command starts joins by it. A kernel lock belongs to the description, so it does not keep joined ones apart: they
//! take turns by a second lock, `<id>.joined`, and who gives the latch back takes that first.
//!
//! The latch is free when it was unlocked, or when the last process that has the description is gone.

use stateright::{Model, Property};

/// Among the joined and with the outsider.
pub const ONE_WRITER: &str = "no two write together";
/// A descriptor that leaked keeps nobody waiting.
pub const SOMEBODY_LIVES: &str = "who waits, waits for somebody who joined or holds";

/// One exploration; each flag is a control.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting {
    /// Joined processes write without taking turns.
    pub no_second_lock: bool,
    /// The latch is given back when the command ends, whatever the joined do.
    pub ends_at_once: bool,
    /// Descriptors are not closed when another program is started.
    pub no_close_on_exec: bool,
}

/// What a process does next. The steps in square brackets are the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum At {
    /// Not there, or without the description.
    #[default]
    Gone,
    /// A new process that has yet to become another program: [exec].
    Forked,
    /// Another program, that got the description by mistake.
    Stranger,
    /// There, at rest: the holder runs its command, a joined one is about to join.
    Here,
    /// [flock `<id>.joined`, waiting].
    LockJoined,
    /// [Is the latch still the one that was joined?]
    Look,
    /// A write is in flight: [it ends].
    Write,
    /// [Unlock the latch], by the holder whose command has ended.
    Unlock,
}

/// A process from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Outside {
    /// Wants nothing yet.
    #[default]
    Out,
    /// [flock the latch, waiting].
    Waits,
    /// A write is in flight: [it ends, and the latch is unlocked].
    Write,
}

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Who took the latch.
    pub holder: At,
    /// Two processes that join, or one that joins and a stranger.
    pub kids: [At; 2],
    /// Whose the second lock is: the holder (2) or a kid.
    pub joined: Option<usize>,
    /// The latch was unlocked, not only closed.
    pub unlocked: bool,
    /// Somebody from elsewhere.
    pub outside: Outside,
}

const HOLDER: usize = 2;

/// One step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The holder's command starts a process that joins.
    Start(usize),
    /// The holder starts another program.
    Fork(usize),
    /// The next step of a kid, or of the holder (2).
    Step(usize),
    /// A kid, or the holder (2), is killed.
    Kill(usize),
    /// The next step from elsewhere.
    Outside,
}

impl World {
    fn is_free(&self) -> bool {
        let has_it = |at: &At| *at != At::Gone;
        self.unlocked || !(has_it(&self.holder) || self.kids.iter().any(has_it))
    }

    fn at_mut(&mut self, who: usize) -> &mut At {
        match self.kids.get_mut(who) {
            Some(kid) => kid,
            None => &mut self.holder,
        }
    }

    fn frees(&mut self, who: usize) {
        if self.joined == Some(who) {
            self.joined = None;
        }
    }
}

impl Model for Setting {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            holder: At::Here,
            kids: [At::Gone; 2],
            joined: None,
            unlocked: false,
            outside: Outside::Out,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (who, kid) in world.kids.iter().enumerate() {
            if *kid == At::Gone && world.holder == At::Here {
                actions.extend([Action::Start(who), Action::Fork(who)]);
            } else {
                actions.extend([Action::Step(who), Action::Kill(who)]);
            }
        }
        actions.extend([Action::Step(HOLDER), Action::Kill(HOLDER), Action::Outside]);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = *world;
        match action {
            Action::Start(kid) => next.kids[kid] = At::Here,
            Action::Fork(kid) => next.kids[kid] = At::Forked,
            Action::Step(HOLDER) => self.holder_step(&mut next)?,
            Action::Step(kid) => self.kid_step(&mut next, kid)?,
            Action::Kill(who) => {
                *next.at_mut(who) = At::Gone;
                next.frees(who);
            }
            Action::Outside => {
                next.outside = match world.outside {
                    Outside::Out => Outside::Waits,
                    Outside::Waits if !world.is_free() => return None,
                    Outside::Waits => Outside::Write,
                    Outside::Write => Outside::Out,
                };
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_WRITER, |_, world: &World| {
                let kids = world.kids.iter().filter(|kid| **kid == At::Write).count();
                kids + usize::from(world.outside == Outside::Write) <= 1
            }),
            Property::always(SOMEBODY_LIVES, |_, world: &World| {
                let ours = |at: &At| !matches!(at, At::Gone | At::Stranger);
                let waits = world.outside == Outside::Waits && !world.is_free();
                !waits || ours(&world.holder) || world.kids.iter().any(ours)
            }),
        ]
    }
}

impl Setting {
    fn holder_step(&self, world: &mut World) -> Option<()> {
        match world.holder {
            // The command has ended, even if it left something running.
            At::Here if self.ends_at_once => world.holder = At::Unlock,
            At::Here => world.holder = At::LockJoined,
            At::LockJoined if world.joined.is_some() => return None,
            At::LockJoined => {
                world.joined = Some(HOLDER);
                world.holder = At::Unlock;
            }
            At::Unlock => {
                world.unlocked = true;
                world.holder = At::Gone;
                world.frees(HOLDER);
            }
            _ => return None,
        }
        Some(())
    }

    fn kid_step(&self, world: &mut World, kid: usize) -> Option<()> {
        let at = world.kids[kid];
        world.kids[kid] = match at {
            At::Forked if self.no_close_on_exec => At::Stranger,
            At::Forked => At::Gone,
            At::Here if self.no_second_lock => At::Look,
            At::Here => At::LockJoined,
            At::LockJoined if world.joined.is_some() => return None,
            At::LockJoined => {
                world.joined = Some(kid);
                At::Look
            }
            At::Look if !world.unlocked => At::Write,
            At::Look | At::Write => {
                world.frees(kid);
                At::Gone
            }
            _ => return None,
        };
        Some(())
    }
}
