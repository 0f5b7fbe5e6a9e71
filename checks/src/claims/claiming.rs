//! From the list to the claim: waiting for the highest, making the next, sweeping what is old.

use super::asking::{ask, look_for_asker, look_for_other, take_back_ask};
use super::steps::{highest, number};
use super::{At, Fault, HANDED, How, NOT_SUPERSEDED, Setting, Turn, World};

/// Lists the numbers and chooses the next; `None` if there is none left.
pub(super) fn list_first(setting: &Setting, world: &World, me: &mut Turn) -> Option<()> {
    let list = world.list();
    let epoch = highest(list) + 1;
    if epoch > setting.highest {
        return None;
    }
    me.at = if list == 0 || me.how == How::TakeOver {
        At::Create
    } else {
        At::Open
    };
    me.epoch = epoch;
    me.fresh = list == 0;
    Some(())
}

/// From the beginning: what was asked for stays asked for.
pub(super) fn again(me: &mut Turn) {
    let begins_anew = me.asked == 0 && me.passed.is_none() && me.how != How::HandOver;
    let Turn {
        how, asked, passed, ..
    } = *me;
    *me = Turn::default();
    if !begins_anew {
        (me.how, me.asked, me.passed) = (how, asked, passed);
        me.at = At::ListFirst;
    }
}

pub(super) fn claim(setting: &Setting, world: &mut World, who: usize) -> Option<()> {
    let mut me = world.turns[who];
    match me.at {
        At::ListFirst => list_first(setting, world, &mut me)?,
        At::Open => open(world, &mut me),
        At::Try | At::Wait => {
            let free = world.is_free(me.other);
            match (me.at, free) {
                (_, true) => {
                    me.has_other = true;
                    me.at = At::LookOther;
                }
                (At::Try, false) if me.asked == me.epoch - 1 => me.at = At::Wait,
                (At::Try, false) => me.at = At::LookForOther,
                _ => return None,
            }
        }
        At::LookOther => look_other(setting, world, who, &mut me),
        At::ListWaited if highest(world.list()) == me.epoch - 1 => me.at = At::Create,
        At::ListWaited => again(&mut me),
        At::LookForOther => look_for_other(setting, world, who, &mut me),
        At::Ask => ask(world, who, &mut me),
        At::Behind | At::GiveWay => {
            if me.way_for.is_some() {
                return None;
            }
            again(&mut me);
        }
        At::LookForAsker => look_for_asker(setting, world, who, &mut me),
        At::TakeBackAsk => {
            take_back_ask(world, who);
            me.asked = 0;
            granted(&mut me);
        }
        _ => make(setting, world, who, &mut me),
    }
    world.turns[who] = me;
    Some(())
}

fn open(world: &World, me: &mut Turn) {
    me.other = world.standing[usize::from(me.epoch) - 1];
    if me.other == 0 {
        return again(me);
    }
    let mut owners = (0_u8..).zip(&world.turns);
    let owner = owners.find(|(_, turn)| turn.own == me.other);
    me.nonce = owner.map(|(owner, _)| owner);
    me.at = if me.how == How::HandOver {
        At::Try
    } else {
        At::Wait
    };
}

/// The lock is its: is that still the claim of this number?
fn look_other(setting: &Setting, world: &mut World, who: usize, me: &mut Turn) {
    let in_place = world.standing[usize::from(me.epoch) - 1] == me.other;
    if !in_place && setting.fault != Fault::NoLookAfterWait {
        // Whatever was asked of it was asked of another than the one that has this number now.
        take_back_ask(world, who);
        me.asked = 0;
        return again(me);
    }
    (me.fresh, me.nonce) = (true, None);
    let asked = me.asked == me.epoch - 1;
    me.at = match (me.how, asked || setting.fault == Fault::NoWay) {
        (How::HandOver, _) if asked => At::ListWaited,
        (_, true) => At::Create,
        (_, false) => At::LookForAsker,
    };
}

fn make(setting: &Setting, world: &mut World, who: usize, me: &mut Turn) {
    let place = usize::from(me.epoch);
    let unseen = setting.fault == Fault::ListedOnce;
    match me.at {
        At::Create if setting.fault == Fault::TakenBackFirst && me.asked != 0 => {
            take_back_ask(world, who);
            me.asked = 0;
        }
        At::Create if world.standing[place] != 0 => again(me),
        At::Create => {
            me.own = world.new_file();
            world.standing[place] = me.own;
            if me.how == How::TakeOver {
                world.promised = None;
            }
            me.at = if unseen { At::Sweep } else { At::ListAgain };
            me.list = if unseen { world.list() } else { 0 };
        }
        At::ListAgain => {
            me.list = world.list();
            me.at = if highest(me.list) > me.epoch {
                At::TakeBack
            } else {
                At::Sweep
            };
        }
        At::TakeBack => {
            remove(setting, world, me.own, place);
            again(me);
        }
        _ => {
            let old = me.list & ((1 << me.epoch.saturating_sub(1)) - 1);
            if old == 0 {
                is_made(setting, world, who, me);
            } else {
                let lowest = old.trailing_zeros();
                me.list &= !(1 << lowest);
                world.asks[lowest as usize] = None;
                remove(setting, world, me.own, lowest as usize);
            }
        }
    }
}

/// Removes a claim by its name. Over deleted sidecars it can be another's by then, which is a known limit.
pub(super) fn remove(setting: &Setting, world: &mut World, own: u8, place: usize) {
    let gone = std::mem::take(&mut world.standing[place]);
    if gone != own && setting.sidecars_deleted {
        for turn in &mut world.turns {
            turn.fresh = false;
        }
    }
}

/// The claim is its. The request is taken back only now, so who gives way to it looks at a claim that is its.
fn is_made(setting: &Setting, world: &mut World, who: usize, me: &mut Turn) {
    if !setting.sidecars_deleted {
        world.granted = world.granted.max(me.epoch);
    }
    let others = world.claimed_but(who);
    let before = highest(world.list() & ((1 << me.epoch) - 1));
    let superseded = world.turns.iter().enumerate().any(|(other, turn)| {
        others >> other & 1 == 1
            && turn.epoch == before
            && world.standing[usize::from(turn.epoch)] == turn.own
    });
    if superseded && me.fresh && me.how != How::TakeOver {
        world.broken = Some(NOT_SUPERSEDED);
    }
    if let Some((to, given_up)) = world.promised
        && me.epoch > given_up
    {
        if to != number(who) && me.how != How::TakeOver {
            world.broken = Some(HANDED);
        }
        world.promised = None;
    }
    if me.asked == 0 {
        granted(me);
    } else {
        me.at = At::TakeBackAsk;
    }
}

fn granted(me: &mut Turn) {
    *me = Turn {
        at: At::Claimed,
        epoch: me.epoch,
        own: me.own,
        overtaken: me.overtaken,
        ..Turn::default()
    };
}
