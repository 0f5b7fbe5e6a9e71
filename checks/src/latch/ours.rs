//! The steps of `crates/filelock` up to the grant, in the order of `acquire.rs`; what follows is in `commit`.
//!
//! A step is a system call together with what the process decides from its answer. Left out are calls whose answer can
//! only make a process refuse or be kinder (the probe of the filesystem, the first of two checks, a look before an open).

use super::Action;
use super::commit::{after_aside, begin_check, check, end, give_back, removed, write};
use super::setting::{Fault, Setting};
use super::world::{At, Broken, LockFile, Ours, Peer, Work, World};

/// What one of ours may do next, and what may be done to it.
pub(super) fn actions(setting: &Setting, world: &World, who: usize, actions: &mut Vec<Action>) {
    let me = &world.ours[who];
    let is_replacing = me.replaced || me.at == At::Settle;
    match me.at {
        At::Held => {
            if me.transcript == 0 {
                actions.push(Action::Begin(who, Work::Birth));
            } else {
                actions.push(Action::Begin(who, Work::Append));
                if setting.rewrites {
                    actions.push(Action::Begin(who, Work::Rewrite));
                }
            }
            actions.push(Action::Drop(who));
        }
        At::LockLatch => {
            if world.latch_is_free(me.latch) || setting.fault.has(Fault::OPENCLAWS_RECLAIM) {
                actions.push(Action::Step(who));
            }
            actions.push(Action::Drop(who));
        }
        // The places where it awaits: the pauses for peers, and while a write is in flight.
        At::LeaveFree | At::WaitPeer | At::Settle => {
            if !is_replacing || setting.ends_while_replacing {
                actions.push(Action::Drop(who));
            }
            let waits_for_peers = me.at == At::Settle && setting.quick_peers;
            if !(waits_for_peers && world.peers.iter().any(Peer::is_removing)) {
                actions.push(Action::Step(who));
            }
        }
        At::Write if !me.dropped => actions.extend([Action::Step(who), Action::Drop(who)]),
        _ => actions.push(Action::Step(who)),
    }
    // A latch file that is kept may also be closed because other sessions were used since: the same as a kill here.
    let is_there = me.at != At::Out || me.latch != 0;
    let spared = (me.aside != 0 && !setting.kills_while_aside)
        || (is_replacing && !setting.ends_while_replacing);
    if setting.kills && is_there && !spared {
        actions.push(Action::Kill(who));
    }
    if setting.stand_ins_die && world.file(me.own).alive {
        actions.push(Action::KillStandIn(who));
    }
    let waits = matches!(me.at, At::Out | At::LockLatch);
    if waits && setting.fault.has(Fault::REMOVED_WITHOUT_LATCH) {
        actions.push(Action::Err(who));
    }
    if me.at == At::LockLatch && setting.fault.has(Fault::STOLEN_BY_AGE) {
        actions.push(Action::Err(who));
    }
}

/// Does it. `None` if nothing changes.
pub(super) fn act(setting: &Setting, world: &mut World, who: usize, action: Action) -> Option<()> {
    match action {
        Action::Step(_) => return step(setting, world, who),
        Action::Begin(_, work) => {
            let mut me = world.ours[who];
            me.work = work;
            if work == Work::Rewrite {
                me.at = At::Copy;
            } else {
                begin_check(setting, world, &mut me);
            }
            world.ours[who] = me;
        }
        Action::Drop(_) => give_up(setting, &mut world.ours[who]),
        Action::Kill(_) => kill(world, who),
        Action::KillStandIn(_) => {
            let own = world.ours[who].own;
            world.file_mut(own)?.alive = false;
        }
        Action::Err(_) => return err(setting, world, who),
        _ => return None,
    }
    Some(())
}

/// The kernel frees its locks, its stand-in ends; another process comes in its place.
fn kill(world: &mut World, who: usize) {
    let me = world.ours[who];
    if let Some(file) = world.file_mut(me.own) {
        file.alive = false;
    }
    world.ours[who] = Ours::default();
    // What it had taken aside stays aside for ever.
    if world.is_relied_on(me.aside) {
        world.broken = Some(Broken::RobbedPeer);
    }
}

/// Its future, or the latch itself, is dropped.
fn give_up(setting: &Setting, me: &mut Ours) {
    match me.at {
        At::LockLatch => *me = Ours::default(),
        At::Write => {
            me.dropped = true;
            if setting.fault.has(Fault::RELEASED_IN_FLIGHT) {
                (me.has_latch, me.has_transcript) = (false, false);
            }
        }
        _ => give_back(me),
    }
}

fn step(setting: &Setting, world: &mut World, who: usize) -> Option<()> {
    let mut me = world.ours[who];
    match me.at {
        At::Out | At::LockLatch | At::LookLatch => take_latch(setting, world, &mut me),
        At::Open | At::LockTranscript | At::LookTranscript | At::LookAgain => {
            build_wall(setting, world, &mut me);
        }
        At::LeaveFree
        | At::CreatePeer
        | At::LookPeer
        | At::Judge
        | At::WaitPeer
        | At::LookStill
        | At::TakeAside
        | At::PutBack
        | At::RemoveAside
        | At::Settle
        | At::Clean => take_peer_file(setting, world, &mut me),
        At::Copy | At::CheckLatch | At::CheckTranscript | At::CheckPeer => {
            check(setting, world, &mut me);
        }
        At::Write => write(world, &mut me),
        At::EndLookPeer | At::EndPeer | At::EndTranscript | At::EndLatch => {
            end(setting, world, &mut me);
        }
        At::Held => return None,
    }
    world.ours[who] = me;
    Some(())
}

fn take_latch(setting: &Setting, world: &mut World, me: &mut Ours) {
    let early = setting.fault.has(Fault::OPENED_EARLY);
    match me.at {
        At::Out => {
            me.granted &= setting.fault.has(Fault::KEPT_UNSEEN);
            if me.latch == 0 {
                if world.latch_at == 0 {
                    world.latch_at = world.new_latch();
                }
                me.latch = world.latch_at;
            }
            me.transcript = if early { world.transcript_at } else { 0 };
            me.at = At::LockLatch;
        }
        At::LockLatch => {
            me.has_latch = !setting.fault.has(Fault::OPENCLAWS_RECLAIM);
            let was_kept = std::mem::take(&mut me.granted);
            me.at = if was_kept || setting.fault.has(Fault::NO_LOOK_AFTER_LATCH) {
                At::Open
            } else {
                At::LookLatch
            };
        }
        _ if world.latch_at == me.latch => me.at = At::Open,
        _ => give_back(me),
    }
}

fn build_wall(setting: &Setting, world: &mut World, me: &mut Ours) {
    let fault = setting.fault;
    match me.at {
        At::Open => {
            let early = fault.has(Fault::OPENED_EARLY) && me.transcript != 0;
            if !early {
                me.transcript = world.transcript_at;
            }
            if me.transcript == 0 {
                after_wall(setting, world, me);
            } else {
                me.at = At::LockTranscript;
            }
        }
        At::LockTranscript => {
            let no_wall = fault.has(Fault::NO_SECOND_WALL) || fault.has(Fault::OPENCLAWS_RECLAIM);
            if !no_wall && !world.transcript_is_free(me.transcript) {
                me.transcript = 0;
                return give_back(me);
            }
            me.has_transcript = !no_wall;
            if fault.has(Fault::NO_LOOK_AFTER_WALL) {
                after_wall(setting, world, me);
            } else {
                me.at = At::LookTranscript;
            }
        }
        At::LookTranscript if me.transcript == world.transcript_at => {
            after_wall(setting, world, me);
        }
        At::LookTranscript => give_back(me),
        // A peer may have made or replaced it before we had the peers' file.
        _ if me.transcript == world.transcript_at || fault.has(Fault::NO_LOOK_AFTER_WALL) => {
            grant(setting, world, me);
        }
        _ => {
            (me.transcript, me.has_transcript) = (0, false);
            me.at = At::Open;
        }
    }
}

fn after_wall(setting: &Setting, world: &mut World, me: &mut Ours) {
    match (setting.peer_file && me.own == 0, setting.polite) {
        (true, true) => me.at = At::LeaveFree,
        (true, false) => me.at = At::CreatePeer,
        (false, _) => grant(setting, world, me),
    }
}

fn grant(setting: &Setting, world: &mut World, me: &mut Ours) {
    if me.robbed && setting.quick_peers {
        world.broken = Some(Broken::Unsettled);
    }
    (me.granted, me.replaced) = (true, false);
    me.at = At::Held;
}

fn take_peer_file(setting: &Setting, world: &mut World, me: &mut Ours) {
    let replaces = setting.fault.has(Fault::MADE_BY_REPLACING);
    match me.at {
        // It ends when its time is over, or when a peer has come.
        At::LeaveFree | At::WaitPeer => me.at = At::CreatePeer,
        At::CreatePeer if world.lock_file_at == 0 || replaces => {
            let gone = world.lock_file_at;
            removed(world, gone);
            let born = LockFile {
                ours: true,
                whole: true,
                alive: true,
            };
            world.lock_file_at = world.new_lock_file(born);
            me.own = world.lock_file_at;
            let settles = std::mem::take(&mut me.replaced) && setting.polite;
            me.at = if settles && !setting.fault.has(Fault::NOT_SETTLED) {
                At::Settle
            } else {
                At::LookAgain
            };
        }
        At::CreatePeer => me.at = At::LookPeer,
        At::LookPeer if world.lock_file_at == 0 => me.at = At::CreatePeer,
        At::LookPeer => {
            me.seen = world.lock_file_at;
            me.at = At::Judge;
        }
        At::Settle => settle(setting, world, me),
        _ => remove_dead_ones(setting, world, me),
    }
}

/// Another that saw the dead one's file, too, may have removed ours for it.
fn settle(setting: &Setting, world: &World, me: &mut Ours) {
    let stands = me.own == world.lock_file_at && world.file(me.own).alive;
    if stands || setting.fault.has(Fault::SETTLED_UNSEEN) {
        me.at = At::LookAgain;
    } else {
        me.again = true;
        me.at = At::EndLookPeer;
    }
}

fn remove_dead_ones(setting: &Setting, world: &mut World, me: &mut Ours) {
    let fault = setting.fault;
    let by_name = fault.has(Fault::REMOVED_BY_NAME) || fault.has(Fault::OPENCLAWS_RECLAIM);
    match me.at {
        At::Judge => {
            let file = world.file(me.seen);
            let left_by_us = file.ours && me.has_transcript;
            if !left_by_us && file.alive && !fault.has(Fault::STOLEN_BY_AGE) {
                me.seen = 0;
                me.at = At::WaitPeer;
                return;
            }
            me.replaced = setting.polite;
            me.late = me.seen != world.lock_file_at && world.is_relied_on(world.lock_file_at);
            me.at = match (by_name, fault.has(Fault::NO_SECOND_LOOK)) {
                (true, _) => At::Clean,
                (false, true) => At::TakeAside,
                (false, false) => At::LookStill,
            };
        }
        At::LookStill => {
            me.late = false;
            if me.seen == world.lock_file_at {
                me.at = At::TakeAside;
            } else {
                me.seen = 0;
                me.at = At::CreatePeer;
            }
        }
        At::TakeAside => {
            me.aside = std::mem::take(&mut world.lock_file_at);
            me.at = match me.aside {
                0 => At::CreatePeer,
                caught if caught == me.seen => At::RemoveAside,
                _ => At::PutBack,
            };
            me.seen = 0;
            if std::mem::take(&mut me.late) && world.is_relied_on(me.aside) {
                world.broken = Some(Broken::Moved);
            }
        }
        At::PutBack if world.lock_file_at == 0 => {
            world.lock_file_at = std::mem::take(&mut me.aside);
            after_aside(me);
        }
        At::PutBack => me.at = At::RemoveAside,
        At::RemoveAside => {
            let gone = std::mem::take(&mut me.aside);
            removed(world, gone);
            after_aside(me);
        }
        _ => {
            let gone = std::mem::take(&mut world.lock_file_at);
            removed(world, gone);
            (me.seen, me.late) = (0, false);
            me.at = if me.latch == 0 {
                At::Out
            } else {
                At::CreatePeer
            };
        }
    }
}

/// What only a fault makes it do, while it does not hold the latch.
fn err(setting: &Setting, world: &mut World, who: usize) -> Option<()> {
    if setting.fault.has(Fault::STOLEN_BY_AGE) {
        // Takes the latch for abandoned and makes another.
        world.latch_at = 0;
        world.ours[who] = Ours::default();
        return Some(());
    }
    let file = world.lock_file_at;
    if file == 0 || world.file(file).alive {
        return None;
    }
    world.ours[who] = Ours {
        at: At::Clean,
        seen: file,
        ..Ours::default()
    };
    Some(())
}
