//! Requests: placing one, giving way to one, heeding one.

use super::steps::{ends, highest, number};
use super::{Ask, At, Fault, MEANT, NOT_FOR_THE_DEAD, Setting, Turn, World};

/// The request for this claim whose asker lives. One whose asker is gone is removed.
fn asked(setting: &Setting, world: &mut World, epoch: u8) -> Option<Ask> {
    let place = &mut world.asks[usize::from(epoch)];
    let alive = place.filter(|ask| ask.by.is_some());
    if setting.fault != Fault::TheDeadStay {
        *place = alive;
    }
    alive
}

/// Before the own request is placed: does another stand?
pub(super) fn look_for_other(setting: &Setting, world: &mut World, who: usize, me: &mut Turn) {
    let epoch = me.epoch - 1;
    if setting.fault == Fault::TheDeadStay
        && world.asks[usize::from(epoch)].is_some_and(|ask| ask.by.is_none())
    {
        // Its lock is free, so the wait for that is over at once.
        me.at = At::Behind;
        return;
    }
    match asked(setting, world, epoch).and_then(|ask| ask.by) {
        Some(by) if by != number(who) => {
            me.way_for = Some(by);
            me.at = At::Behind;
        }
        _ => me.at = At::Ask,
    }
}

/// Renames the own request into place, unless one stands there.
pub(super) fn ask(world: &mut World, who: usize, me: &mut Turn) {
    let place = usize::from(me.epoch - 1);
    if world.asks[place].is_some() {
        me.at = At::LookForOther;
        return;
    }
    take_back_ask(world, who);
    world.asks[place] = Some(Ask {
        by: Some(number(who)),
        nonce: me.nonce,
    });
    (me.asked, me.nonce) = (me.epoch - 1, None);
    me.at = At::Wait;
}

/// The turn is free, and its lock had: has somebody asked for it who is to go first?
pub(super) fn look_for_asker(setting: &Setting, world: &mut World, who: usize, me: &mut Turn) {
    let epoch = me.epoch - 1;
    match asked(setting, world, epoch).and_then(|ask| ask.by) {
        Some(by) if by != number(who) && me.passed != Some((by, epoch)) => {
            (me.other, me.has_other, me.way_for) = (0, false, Some(by));
            me.at = At::GiveWay;
        }
        _ => me.at = At::Create,
    }
}

/// Takes the own request back, and lets those go on who wait behind it.
pub(super) fn take_back_ask(world: &mut World, who: usize) {
    let own = Some(number(who));
    for ask in &mut world.asks {
        *ask = ask.filter(|ask| ask.by != own);
    }
    for turn in &mut world.turns {
        turn.way_for = turn.way_for.filter(|by| Some(*by) != own);
    }
}

/// The holder looks whether it is asked, and gives its turn up if it is. `None` if it is not.
pub(super) fn boundary(setting: &Setting, world: &mut World, who: usize) -> Option<()> {
    let epoch = world.turns[who].epoch;
    let stands = world.asks[usize::from(epoch)]?;
    let ask = match setting.fault {
        Fault::HeedsTheDead => stands,
        _ => match asked(setting, world, epoch) {
            Some(ask) => ask,
            None => return Some(()),
        },
    };
    let meant = ask.nonce == Some(number(who));
    if !meant && setting.fault != Fault::NonceUnseen {
        return None;
    }
    if !meant {
        world.broken = Some(MEANT);
    } else if ask.by.is_none() {
        world.broken = Some(NOT_FOR_THE_DEAD);
    }
    ends(setting, world, who);
    // A turn that was superseded already is nobody's to give.
    if !setting.sidecars_deleted && highest(world.list()) == epoch {
        world.promised = ask.by.map(|by| (by, epoch));
    }
    Some(())
}
