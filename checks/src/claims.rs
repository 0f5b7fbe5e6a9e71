//! Whose turn it is: claims as numbered files and requests beside them, each step a system call of `claims.rs`, `claim_file.rs`,
//! `claim_wait.rs`, `want.rs` and `ask_file.rs`.
//!
//! | file | idea |
//! |---|---|
//! | `steps` | what is done and by whom |
//! | `claiming` | from the list to the claim: waiting, making, sweeping |
//! | `asking` | requests: placing one, giving way to one, heeding one |
//! | `checking` | the look before a write of the turn |
//!
//! The guard is one step here (`latch` shows that it excludes). Numbers end at a bound, so the states do too: who would need a
//! higher one stops. A claim file is known by a number of its own, for its name may come to mean another file. A nonce is the
//! turn that it stands for, or nobody's once that turn has ended. A look at a request (open, try its lock, judge its asker) is
//! one step, and so is the removal of one; a grace may be over at any moment of a wait.

mod asking;
mod checking;
mod claiming;
mod steps;

use stateright::{Model, Property};

/// Writes of two turns never alternate. A deletion of the sidecars makes all begin anew, in an order of its own.
pub const IN_ORDER: &str =
    "once another turn has written, a superseded one writes nothing of its own";
/// As long as nothing is deleted.
pub const HIGHEST: &str = "a check that begins after a take-over was granted fails";
/// If nothing was deleted since it looked whether what it has waited for is still there, and nothing of others' removed by name.
pub const NOT_SUPERSEDED: &str = "who does not take over supersedes nobody who lives";
/// A number may be given out again, and what is asked of its first claim is nothing to the second.
pub const MEANT: &str = "a request ends no turn but the one that it was meant for";
/// Whoever has died, or has taken its request back.
pub const NOT_FOR_THE_DEAD: &str = "nobody gives its turn up for an asker that is gone";
/// As long as nothing is deleted, nobody takes over, and the asker takes its time at most.
pub const HANDED: &str = "a turn that was given up for an asker is that asker's";

/// Most processes.
const MOST: usize = 4;
/// The highest number that a claim may have in any exploration.
const HIGHEST_EPOCH: u8 = 4;

/// One exploration. Processes are at most 4, each with one turn after another; who may do what is a bit for each.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Processes.
    pub turns: usize,
    /// Who may claim, waiting.
    pub claim: u8,
    /// Who may take over.
    pub take_over: u8,
    /// Who may ask for a turn.
    pub hand_over: u8,
    /// Whether turns write.
    pub writes: bool,
    /// The highest number that a claim may have, at most 4.
    pub highest: u8,
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
    /// The claim is checked before the guard is taken.
    CheckedOutside,
    /// A claim's number is trusted though the list that it was chosen from may be old.
    ListedOnce,
    /// The own claim is looked for before the next number, and not after it.
    OwnFirst,
    /// A claim that was made again is trusted without a second list.
    MadeAgainUnseen,
    /// Nobody looks whether the claim that was waited for is still at its path.
    NoLookAfterWait,
    /// A request is heeded whichever claim of that number it names.
    NonceUnseen,
    /// A request is heeded though its asker is gone.
    HeedsTheDead,
    /// A request whose asker is gone keeps others from asking.
    TheDeadStay,
    /// Who finds a turn free does not look whether somebody has asked for it.
    NoWay,
    /// A request is taken back before the claim is made.
    TakenBackFirst,
}

/// What a process does next. The steps in square brackets are the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum At {
    /// No claim, and none wanted.
    #[default]
    Out,
    /// [List the numbers], once more.
    ListFirst,
    /// [Open the highest claim].
    Open,
    /// [Try to lock it], by one that asks.
    Try,
    /// [Is there a request, and does its asker live?]
    LookForOther,
    /// [Rename the own request into place, born locked, without replacing].
    Ask,
    /// Until another's request is not locked any more, which was first.
    Behind,
    /// [flock the claim, waiting].
    Wait,
    /// [Is it at its path?]
    LookOther,
    /// \[List\]: is it still the highest?
    ListWaited,
    /// Free: [is there a request, and does its asker live?]
    LookForAsker,
    /// Until the asker has had its turn, or takes too long.
    GiveWay,
    /// [Rename the next number's file into place, born locked, without replacing].
    Create,
    /// [List again]: is it the highest?
    ListAgain,
    /// [Remove the own file]: it is not.
    TakeBack,
    /// [Remove an old claim, and what was asked of it], in ascending order.
    Sweep,
    /// [Remove the own request]: it is fulfilled.
    TakeBackAsk,
    /// The turn is its.
    Claimed,
    /// [Is the next number given out?]
    CheckNext,
    /// [Is the own claim at its path?]
    CheckOwn,
    /// \[List\], off the usual path.
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

/// How a turn is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum How {
    /// It is waited for.
    #[default]
    Claim,
    /// It is asked for.
    HandOver,
    /// It is taken over.
    TakeOver,
}

/// One process and its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Turn {
    /// What it does next.
    pub at: At,
    /// How it wants its turn.
    pub how: How,
    /// The number that it has, or is about to take.
    pub epoch: u8,
    /// The own claim's file, locked.
    pub own: u8,
    /// Another's file, opened to wait for it or to keep it until the own one is made.
    pub other: u8,
    /// The nonce in that file.
    pub nonce: Nonce,
    /// Whether it has the other's lock.
    pub has_other: bool,
    /// The claim for which its own request stands, as far as it knows; 0 for none.
    pub asked: u8,
    /// Whose request it waits behind, or gives way to.
    pub way_for: Option<u8>,
    /// To whose request it has given way in vain, and of which claim.
    pub passed: Option<(u8, u8)>,
    /// What it saw in its last list: a bit for each number.
    pub list: u8,
    /// It has made its claim's file again, and not yet seen what else stands.
    pub made_again: bool,
    /// It has the guard.
    pub guard: bool,
    /// Told by nobody: it has seen that what it waited for is still there, and nothing was deleted since.
    pub fresh: bool,
    /// Told by nobody: the processes whose turns have written since this one had its claim: a bit for each.
    pub overtaken: u8,
    /// Told by nobody: the processes that had a claim when this one's check began.
    pub present: u8,
    /// Told by nobody: a higher claim had been granted when this one's check began.
    pub is_late: bool,
}

/// The turn that a nonce stands for, if it has not ended.
pub type Nonce = Option<u8>;

/// A request at its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// Who asks; `None` if that one is gone.
    pub by: Option<u8>,
    /// The claim that is asked for.
    pub nonce: Nonce,
}

/// A state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    /// The processes.
    pub turns: [Turn; MOST],
    /// The file of each number, from 1.
    pub standing: [u8; HIGHEST_EPOCH as usize + 1],
    /// The request for each number.
    pub asks: [Option<Ask>; HIGHEST_EPOCH as usize + 1],
    /// Told by nobody: the asker for which a turn was given up, and that turn's number.
    pub promised: Option<(u8, u8)>,
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
    /// A turn is wanted, in that way.
    Want(usize, How),
    /// It begins to write, under the guard.
    Begin(usize),
    /// It has come to a boundary, and [looks whether it is asked].
    Boundary(usize),
    /// It has given way for long enough, or waited behind another for long enough.
    Impatient(usize),
    /// The grace that it gave is over.
    GraceOver(usize),
    /// The claim is given back, or the wait given up.
    Drop(usize),
    /// It is killed; another comes in its place.
    Kill(usize),
    /// Somebody deletes `.latchwork`.
    DeleteSidecars,
}

impl Setting {
    /// So many turns that wait and take over, everything done right, nothing deleted.
    #[must_use]
    pub const fn of_turns(turns: usize) -> Self {
        Self {
            turns,
            claim: u8::MAX,
            take_over: u8::MAX,
            hand_over: 0,
            writes: true,
            highest: HIGHEST_EPOCH,
            sidecars_deleted: false,
            fault: Fault::None,
        }
    }

    /// So many turns that wait and ask.
    #[must_use]
    pub const fn of_askers(turns: usize) -> Self {
        Self {
            take_over: 0,
            hand_over: u8::MAX,
            writes: false,
            highest: 3,
            ..Self::of_turns(turns)
        }
    }

    /// Three turns, of which one may ask, one but wait, and one do either.
    #[must_use]
    pub const fn of_askers_and_a_waiter() -> Self {
        Self {
            claim: 0b101,
            hand_over: 0b011,
            ..Self::of_askers(3)
        }
    }

    /// The same, and sidecars may be deleted.
    #[must_use]
    pub const fn with_deletions(self) -> Self {
        Self {
            sidecars_deleted: true,
            ..self
        }
    }

    /// The same with something done wrong.
    #[must_use]
    pub const fn with(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }

    fn may(&self, who: usize, how: How) -> bool {
        let who_may = match how {
            How::Claim => self.claim,
            How::HandOver => self.hand_over,
            How::TakeOver => self.take_over,
        };
        who_may >> who & 1 == 1
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
        for who in 0..self.turns {
            steps::actions(self, world, who, actions);
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
            Property::always(NOT_SUPERSEDED, |_, world: &World| {
                world.broken != Some(NOT_SUPERSEDED)
            }),
            Property::always(MEANT, |_, world: &World| world.broken != Some(MEANT)),
            Property::always(NOT_FOR_THE_DEAD, |_, world: &World| {
                world.broken != Some(NOT_FOR_THE_DEAD)
            }),
            Property::always(HANDED, |_, world: &World| world.broken != Some(HANDED)),
        ]
    }
}

impl World {
    /// Whether somebody's turn is claimed, or no number is left for one.
    #[must_use]
    pub fn goes_on(&self, setting: &Setting) -> bool {
        let claimed = self.turns.iter().any(|turn| turn.at == At::Claimed);
        claimed || self.is_full(setting)
    }

    /// Whether this process asks for a turn that it has not got, while there are numbers left.
    #[must_use]
    pub fn is_asked_for_by(&self, who: usize, setting: &Setting) -> bool {
        let turn = &self.turns[who];
        let asks = turn.at != At::Out && turn.how == How::HandOver;
        asks && !self.is_full(setting)
    }

    fn is_full(&self, setting: &Setting) -> bool {
        self.standing[usize::from(setting.highest)] != 0
    }
}
