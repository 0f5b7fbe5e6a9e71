//! What is done, and by whom; and the one numbering of the files.

use super::asking::{boundary, take_back_ask};
use super::checking::{begin_check, begin_write, check};
use super::claiming::{claim, list_first, remove};
use super::{Action, At, Fault, How, Setting, Turn, World};

pub(super) fn actions(setting: &Setting, world: &World, who: usize, actions: &mut Vec<Action>) {
    let turn = &world.turns[who];
    match turn.at {
        At::Out => {
            for how in [How::Claim, How::HandOver, How::TakeOver] {
                if setting.may(who, how) {
                    actions.push(Action::Want(who, how));
                }
            }
        }
        At::Claimed => {
            if setting.writes {
                actions.push(Action::Begin(who));
            }
            if setting.hand_over != 0 {
                actions.push(Action::Boundary(who));
            }
            actions.push(Action::Drop(who));
        }
        // The places where it awaits.
        At::Wait | At::Behind | At::GiveWay => {
            actions.extend([Action::Step(who), Action::Drop(who)]);
            if turn.how == How::HandOver {
                actions.push(Action::GraceOver(who));
            }
            if turn.at == At::GiveWay && turn.way_for.is_some() {
                actions.push(Action::Impatient(who));
            }
        }
        _ => actions.push(Action::Step(who)),
    }
    if turn.at != At::Out {
        actions.push(Action::Kill(who));
    }
}

pub(super) fn act(setting: &Setting, world: &mut World, action: Action) -> Option<()> {
    match action {
        Action::Want(who, how) => {
            let mut me = Turn {
                how,
                ..Turn::default()
            };
            list_first(setting, world, &mut me)?;
            world.turns[who] = me;
        }
        Action::Step(who) => step(setting, world, who)?,
        Action::Begin(who) => {
            let busy = world.turns.iter().any(|turn| turn.guard);
            let outside = setting.fault == Fault::CheckedOutside;
            if busy && !outside {
                return None;
            }
            let mut me = world.turns[who];
            me.guard = !outside;
            begin_check(setting, world, who, &mut me);
            world.turns[who] = me;
        }
        Action::Boundary(who) => boundary(setting, world, who)?,
        Action::Impatient(who) => {
            let me = &mut world.turns[who];
            me.passed = me.way_for.take().map(|by| (by, me.epoch - 1));
            // Who claims looks anew, and passes that asker by; who asks goes on, without the lock that it had.
            me.at = match me.how {
                How::HandOver => At::Create,
                _ => At::ListFirst,
            };
            world.promised = None;
        }
        Action::GraceOver(who) => {
            let mut me = world.turns[who];
            (me.how, me.other, me.nonce, me.way_for) = (How::TakeOver, 0, None, None);
            list_first(setting, world, &mut me)?;
            world.turns[who] = me;
        }
        Action::Drop(who) => {
            take_back_ask(world, who);
            ends(setting, world, who);
        }
        Action::Kill(who) => {
            for ask in world.asks.iter_mut().flatten() {
                ask.by = ask.by.filter(|by| usize::from(*by) != who);
            }
            ends(setting, world, who);
        }
        Action::DeleteSidecars => {
            world.standing = Default::default();
            world.asks = Default::default();
            world.promised = None;
            for turn in &mut world.turns {
                (turn.overtaken, turn.present, turn.fresh) = (0, 0, false);
            }
        }
    }
    Some(())
}

fn step(setting: &Setting, world: &mut World, who: usize) -> Option<()> {
    let mut me = world.turns[who];
    match me.at {
        At::Out | At::Claimed => return None,
        At::CheckOwn | At::CheckNext | At::List | At::TryLower | At::Again => {
            if check(setting, world, who, &mut me) {
                ends(setting, world, who);
                return Some(());
            }
        }
        At::TakeBack if me.made_again => {
            remove(setting, world, me.own, usize::from(me.epoch));
            ends(setting, world, who);
            return Some(());
        }
        At::Guard => {
            if world.turns.iter().any(|turn| turn.guard) {
                return None;
            }
            me.guard = true;
            begin_write(world, who, &mut me);
        }
        At::Write => {
            me.guard = false;
            me.at = At::Claimed;
        }
        _ => return claim(setting, world, who),
    }
    world.turns[who] = me;
    Some(())
}

/// Its locks are free, its claim's file stays. Where files may be deleted, what it wrote tells no more of its claim than they do.
pub(super) fn ends(setting: &Setting, world: &mut World, who: usize) {
    world.turns[who] = Turn::default();
    let of_who = |one: &mut Option<u8>| *one = one.filter(|one| usize::from(*one) != who);
    world.promised = world.promised.filter(|(to, _)| usize::from(*to) != who);
    for ask in world.asks.iter_mut().flatten() {
        of_who(&mut ask.nonce);
    }
    for turn in &mut world.turns {
        of_who(&mut turn.nonce);
        of_who(&mut turn.way_for);
        turn.passed = turn.passed.filter(|(by, _)| usize::from(*by) != who);
        turn.present &= !(1 << who);
        if setting.sidecars_deleted {
            turn.overtaken &= !(1 << who);
        }
    }
}

/// New numbers for the files in the order in which they are met.
pub(super) fn rename(world: &mut World) {
    let mut new = [0_u8; 16];
    let mut met = 0;
    let mut meet = |file: &mut u8| {
        if *file != 0 {
            let name = &mut new[usize::from(*file)];
            if *name == 0 {
                met += 1;
                *name = met;
            }
            *file = *name;
        }
    };
    world.standing.iter_mut().for_each(&mut meet);
    for turn in &mut world.turns {
        meet(&mut turn.own);
        meet(&mut turn.other);
    }
}

/// A process as it stands in a state.
pub(super) fn number(who: usize) -> u8 {
    u8::try_from(who).unwrap_or(u8::MAX)
}

impl Turn {
    /// It has a claim, superseded or not.
    pub(super) fn has_claim(&self) -> bool {
        matches!(
            self.at,
            At::Claimed
                | At::CheckNext
                | At::CheckOwn
                | At::List
                | At::TryLower
                | At::Again
                | At::Write
                | At::Guard
        )
    }
}

impl World {
    /// The other processes that have a claim: a bit for each.
    pub(super) fn claimed_but(&self, who: usize) -> u8 {
        let turns = self.turns.iter().enumerate();
        let claims = turns.filter(|(other, turn)| *other != who && turn.has_claim());
        claims.fold(0, |bits, (other, _)| bits | 1 << other)
    }

    /// The numbers that stand: a bit for each.
    pub(super) fn list(&self) -> u8 {
        let bits = (0_u8..).zip(self.standing);
        bits.fold(0, |list, (bit, file)| list | u8::from(file != 0) << bit)
    }

    pub(super) fn is_free(&self, file: u8) -> bool {
        let holds = |turn: &Turn| turn.own == file || (turn.has_other && turn.other == file);
        !self.turns.iter().any(holds)
    }

    pub(super) fn new_file(&self) -> u8 {
        let known = self.turns.iter().flat_map(|turn| [turn.own, turn.other]);
        known.chain(self.standing).max().unwrap_or(0) + 1
    }
}

/// The highest number of a list; 0 for none.
pub(super) fn highest(list: u8) -> u8 {
    list.checked_ilog2().map_or(0, |bit| bit as u8)
}
