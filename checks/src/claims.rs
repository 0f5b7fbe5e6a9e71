//! Whose turn it is: claims as numbered files, each step a system call of `claims.rs` and `claim_file.rs`.
//!
//! The guard is one step here (`latch` shows that it excludes). Numbers end at a bound, so the states do too: who would need a
//! higher one stops. A claim file is known by a number of its own, for its name may come to mean another file.

mod steps;

use stateright::{Model, Property};

/// Writes of two turns never alternate. A deletion of the sidecars makes all begin anew, in an order of its own.
pub const IN_ORDER: &str =
    "once another turn has written, a superseded one writes nothing of its own";
/// As long as nothing is deleted.
pub const HIGHEST: &str = "a check that begins after a take-over was granted fails";

/// Most processes.
const MOST: usize = 4;
/// The highest number a claim may have.
const HIGHEST_EPOCH: u8 = 4;

/// One exploration.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Processes, at most 4, each with one turn after another.
    pub turns: usize,
    /// `.latchwork` may be deleted at any moment.
    pub sidecars_deleted: bool,
    /// The claim is checked before the guard is taken: a control.
    pub checked_outside: bool,
    /// A claim's number is trusted though the list that it was chosen from may be old: a control.
    pub listed_once: bool,
    /// The own claim is looked for before the next number, and not after it: a control.
    pub own_first: bool,
    /// A claim that was made again is trusted without a second list: a control.
    pub made_again_unseen: bool,
}

/// What a process does next. The steps in square brackets are the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// No claim: [list the numbers].
    #[default]
    Out,
    /// [Open the highest claim].
    Open,
    /// [flock it, waiting].
    Wait,
    /// [Rename the next number's file into place, born locked, without replacing].
    Create,
    /// [List again]: is it the highest?
    ListAgain,
    /// [Remove the own file]: it is not.
    TakeBack,
    /// [Remove an old claim], in ascending order.
    Sweep,
    /// The turn is its.
    Claimed,
    /// [Is the next number given out?]
    CheckNext,
    /// [Is the own claim at its path?]
    CheckOwn,
    /// [List], off the usual path.
    List,
    /// [Is a lower claim held?]
    TryLower,
    /// [Rename the own claim into place again, without replacing].
    Again,
    /// A write of the turn is in flight.
    Write,
    /// Claim checked outside: about to take the guard.
    Guard,
}

/// One process and its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Turn {
    /// What it does next.
    pub at: At,
    /// The number that it has, or is about to take.
    pub epoch: u8,
    /// The own claim's file, locked.
    pub own: u8,
    /// Another's file, opened to wait for it or to keep it until the own one is made.
    pub other: u8,
    /// Whether it has the other's lock.
    pub has_other: bool,
    /// It takes over.
    pub takes_over: bool,
    /// What it saw in its last list: a bit for each number.
    pub list: u8,
    /// It has made its claim's file again, and not yet seen what else stands.
    pub made_again: bool,
    /// It has the guard.
    pub guard: bool,
    /// Told by nobody: the processes whose turns have written since this one had its claim: a bit for each.
    pub overtaken: u8,
    /// Told by nobody: the processes that had a claim when this one's check began.
    pub present: u8,
    /// Told by nobody: a higher claim had been granted when this one's check began.
    pub is_late: bool,
}

/// A state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    /// The processes.
    pub turns: [Turn; MOST],
    /// The file of each number, from 1.
    pub standing: [u8; HIGHEST_EPOCH as usize + 1],
    /// Told by nobody: the highest number that was granted, as long as nothing is deleted.
    pub granted: u8,
    /// A promise that was broken on the way here.
    pub broken: Option<&'static str>,
}

/// One step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The next system call.
    Step(usize),
    /// A turn is asked for, by waiting.
    Claim(usize),
    /// A turn is taken over from whoever has it.
    TakeOver(usize),
    /// It begins to write, under the guard.
    Begin(usize),
    /// The claim is given back, or the wait given up.
    Drop(usize),
    /// It is killed; another comes in its place.
    Kill(usize),
    /// Somebody deletes `.latchwork`.
    DeleteSidecars,
}

impl Setting {
    /// So many turns, everything done right, nothing deleted.
    #[must_use]
    pub const fn of_turns(turns: usize) -> Self {
        Self {
            turns,
            sidecars_deleted: false,
            checked_outside: false,
            listed_once: false,
            own_first: false,
            made_again_unseen: false,
        }
    }
}

impl Model for Setting {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::default()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.broken.is_some() {
            return;
        }
        for (who, turn) in world.turns.iter().enumerate().take(self.turns) {
            match turn.at {
                At::Out => actions.extend([Action::Claim(who), Action::TakeOver(who)]),
                At::Claimed => actions.extend([Action::Begin(who), Action::Drop(who)]),
                At::Wait => actions.extend([Action::Step(who), Action::Drop(who)]),
                _ => actions.push(Action::Step(who)),
            }
            if turn.at != At::Out {
                actions.push(Action::Kill(who));
            }
        }
        if self.sidecars_deleted && world.standing.iter().any(|file| *file != 0) {
            actions.push(Action::DeleteSidecars);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = *world;
        steps::act(self, &mut next, action)?;
        steps::rename(&mut next);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(IN_ORDER, |_, world: &World| world.broken != Some(IN_ORDER)),
            Property::always(HIGHEST, |_, world: &World| world.broken != Some(HIGHEST)),
        ]
    }
}

impl World {
    /// Whether somebody's turn is claimed, or no number is left for one.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        let claimed = self.turns.iter().any(|turn| turn.at == At::Claimed);
        claimed || self.standing[usize::from(HIGHEST_EPOCH)] != 0
    }
}
