//! The look before a write of the turn: `claims.rs`.

use super::steps::highest;
use super::{At, Fault, HIGHEST, IN_ORDER, Setting, Turn, World};

/// Answers whether the turn is superseded.
pub(super) fn check(setting: &Setting, world: &mut World, who: usize, me: &mut Turn) -> bool {
    let in_place = world.standing[usize::from(me.epoch)] == me.own;
    match me.at {
        At::CheckNext | At::CheckOwn => check_one(setting, world, who, me, in_place),
        At::List => {
            me.list = world.list();
            let others = me.list & !(1 << me.epoch);
            match (highest(me.list), highest(others)) {
                (first, _) if first > me.epoch => return true,
                (first, _) if first == me.epoch && !in_place => return true,
                (first, lower) if first == me.epoch && me.made_again && lower != 0 => {
                    me.at = At::TryLower;
                }
                (first, _) if first == me.epoch => begin_check(setting, world, who, me),
                (0, _) => me.at = At::Again,
                _ => me.at = At::TryLower,
            }
        }
        At::TryLower => {
            let lower = world.standing[usize::from(highest(me.list & !(1 << me.epoch)))];
            match (lower != 0 && !world.is_free(lower), me.made_again) {
                (true, true) => me.at = At::TakeBack,
                (true, false) => return true,
                (false, true) => begin_check(setting, world, who, me),
                (false, false) => me.at = At::Again,
            }
        }
        _ => {
            let place = usize::from(me.epoch);
            if world.standing[place] == 0 {
                me.own = world.new_file();
                world.standing[place] = me.own;
                me.made_again = true;
            }
            if setting.fault == Fault::MadeAgainUnseen {
                begin_check(setting, world, who, me);
            } else {
                me.at = At::List;
            }
        }
    }
    false
}

pub(super) fn begin_check(setting: &Setting, world: &World, who: usize, me: &mut Turn) {
    me.present = world.claimed_but(who);
    me.is_late = world.granted > me.epoch;
    (me.list, me.made_again) = (0, false);
    me.at = if setting.fault == Fault::OwnFirst {
        At::CheckOwn
    } else {
        At::CheckNext
    };
}

/// One of two looks: no higher claim, and the own one in its place.
fn check_one(setting: &Setting, world: &mut World, who: usize, me: &mut Turn, in_place: bool) {
    let next = world.standing.get(usize::from(me.epoch) + 1);
    let (good, last) = match me.at {
        At::CheckNext => (
            next.is_none_or(|next| *next == 0),
            (setting.fault == Fault::OwnFirst),
        ),
        _ => (in_place, !(setting.fault == Fault::OwnFirst)),
    };
    match (good, last) {
        (false, _) => me.at = At::List,
        (true, false) if (setting.fault == Fault::OwnFirst) => me.at = At::CheckNext,
        (true, false) => me.at = At::CheckOwn,
        (true, true) => {
            if me.is_late {
                world.broken = Some(HIGHEST);
            }
            if setting.fault == Fault::CheckedOutside {
                me.at = At::Guard;
            } else {
                begin_write(world, who, me);
            }
        }
    }
}

pub(super) fn begin_write(world: &mut World, who: usize, me: &mut Turn) {
    if me.overtaken != 0 {
        world.broken = Some(IN_ORDER);
    }
    for (other, turn) in world.turns.iter_mut().enumerate() {
        if me.present >> other & 1 == 1 {
            turn.overtaken |= 1 << who;
        }
    }
    (me.list, me.present) = (0, 0);
    me.at = At::Write;
}
