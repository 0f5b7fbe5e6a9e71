//! The steps: claiming, taking over, checking before a write.

use super::{Action, At, HIGHEST, HIGHEST_EPOCH, IN_ORDER, Setting, Turn, World};

pub(super) fn act(setting: &Setting, world: &mut World, action: Action) -> Option<()> {
    match action {
        Action::Claim(who) | Action::TakeOver(who) => {
            let list = world.list();
            let epoch = highest(list) + 1;
            if epoch > HIGHEST_EPOCH {
                return None;
            }
            let takes_over = matches!(action, Action::TakeOver(_));
            let at = match list {
                0 => At::Create,
                _ if takes_over => At::Create,
                _ => At::Open,
            };
            world.turns[who] = Turn {
                at,
                epoch,
                takes_over,
                ..Turn::default()
            };
        }
        Action::Step(who) => {
            let mut me = world.turns[who];
            step(setting, world, who, &mut me)?;
            world.turns[who] = me;
        }
        Action::Begin(who) => {
            let busy = world.turns.iter().any(|turn| turn.guard);
            if busy && !setting.checked_outside {
                return None;
            }
            let mut me = world.turns[who];
            me.guard = !setting.checked_outside;
            begin_check(setting, world, who, &mut me);
            world.turns[who] = me;
        }
        Action::Drop(who) | Action::Kill(who) => ends(setting, world, who),
        Action::DeleteSidecars => {
            world.standing = Default::default();
            for turn in &mut world.turns {
                (turn.overtaken, turn.present) = (0, 0);
            }
        }
    }
    Some(())
}

/// Its locks are free, its claim's file stays. Where files may be deleted, what it wrote tells no more of its claim than they do.
fn ends(setting: &Setting, world: &mut World, who: usize) {
    world.turns[who] = Turn::default();
    for turn in &mut world.turns {
        turn.present &= !(1 << who);
        if setting.sidecars_deleted {
            turn.overtaken &= !(1 << who);
        }
    }
}

fn step(setting: &Setting, world: &mut World, who: usize, me: &mut Turn) -> Option<()> {
    match me.at {
        At::Open | At::Wait | At::Create | At::ListAgain | At::TakeBack | At::Sweep => {
            claim(setting, world, me)?;
        }
        At::CheckOwn | At::CheckNext | At::List | At::TryLower | At::Again => {
            if check(setting, world, who, me) {
                ends(setting, world, who);
                *me = Turn::default();
            }
        }
        At::Guard => {
            if world.turns.iter().any(|turn| turn.guard) {
                return None;
            }
            me.guard = true;
            begin_write(world, who, me);
        }
        At::Write => {
            me.guard = false;
            me.at = At::Claimed;
        }
        At::Out | At::Claimed => return None,
    }
    Some(())
}

fn claim(setting: &Setting, world: &mut World, me: &mut Turn) -> Option<()> {
    let again = Turn::default();
    match me.at {
        At::Open => {
            me.other = world.standing[usize::from(me.epoch) - 1];
            me.at = if me.other == 0 { At::Out } else { At::Wait };
        }
        At::Wait => {
            if !world.is_free(me.other) {
                return None;
            }
            me.has_other = true;
            me.at = At::Create;
        }
        At::Create if world.standing[usize::from(me.epoch)] != 0 => *me = again,
        At::Create => {
            me.own = world.new_file();
            world.standing[usize::from(me.epoch)] = me.own;
            me.at = if setting.listed_once {
                At::Sweep
            } else {
                At::ListAgain
            };
            me.list = if setting.listed_once { world.list() } else { 0 };
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
            world.standing[usize::from(me.epoch)] = 0;
            *me = again;
        }
        _ => {
            let old = me.list & ((1 << me.epoch.saturating_sub(1)) - 1);
            if old == 0 {
                let (epoch, own) = (me.epoch, me.own);
                if !setting.sidecars_deleted {
                    world.granted = world.granted.max(epoch);
                }
                *me = Turn {
                    at: At::Claimed,
                    epoch,
                    own,
                    overtaken: me.overtaken,
                    ..again
                };
            } else {
                let lowest = old.trailing_zeros();
                me.list &= !(1 << lowest);
                world.standing[lowest as usize] = 0;
            }
        }
    }
    Some(())
}

/// Answers whether the turn is superseded.
fn check(setting: &Setting, world: &mut World, who: usize, me: &mut Turn) -> bool {
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
            if setting.made_again_unseen {
                begin_check(setting, world, who, me);
            } else {
                me.at = At::List;
            }
        }
    }
    false
}

fn begin_check(setting: &Setting, world: &World, who: usize, me: &mut Turn) {
    me.present = world.claimed_but(who);
    me.is_late = world.granted > me.epoch;
    (me.list, me.made_again) = (0, false);
    me.at = if setting.own_first {
        At::CheckOwn
    } else {
        At::CheckNext
    };
}

/// One of two looks: no higher claim, and the own one in its place.
fn check_one(setting: &Setting, world: &mut World, who: usize, me: &mut Turn, in_place: bool) {
    let next = world.standing.get(usize::from(me.epoch) + 1);
    let (good, last) = match me.at {
        At::CheckNext => (next.is_none_or(|next| *next == 0), setting.own_first),
        _ => (in_place, !setting.own_first),
    };
    match (good, last) {
        (false, _) => me.at = At::List,
        (true, false) if setting.own_first => me.at = At::CheckNext,
        (true, false) => me.at = At::CheckOwn,
        (true, true) => {
            if me.is_late {
                world.broken = Some(HIGHEST);
            }
            if setting.checked_outside {
                me.at = At::Guard;
            } else {
                begin_write(world, who, me);
            }
        }
    }
}

fn begin_write(world: &mut World, who: usize, me: &mut Turn) {
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

fn highest(list: u8) -> u8 {
    list.checked_ilog2().map_or(0, |bit| bit as u8)
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

impl World {
    /// The other processes that have a claim: a bit for each.
    fn claimed_but(&self, who: usize) -> u8 {
        let claims = self.turns.iter().enumerate().filter(|(other, turn)| {
            let asks = matches!(
                turn.at,
                At::Out
                    | At::Open
                    | At::Wait
                    | At::Create
                    | At::ListAgain
                    | At::TakeBack
                    | At::Sweep
            );
            *other != who && !asks
        });
        claims.fold(0, |bits, (other, _)| bits | 1 << other)
    }

    /// The numbers that stand: a bit for each.
    fn list(&self) -> u8 {
        let bits = (0_u8..).zip(self.standing);
        bits.fold(0, |list, (bit, file)| list | u8::from(file != 0) << bit)
    }

    fn is_free(&self, file: u8) -> bool {
        let holds = |turn: &Turn| turn.own == file || (turn.has_other && turn.other == file);
        !self.turns.iter().any(holds)
    }

    fn new_file(&self) -> u8 {
        let known = self.turns.iter().flat_map(|turn| [turn.own, turn.other]);
        known.chain(self.standing).max().unwrap_or(0) + 1
    }
}
