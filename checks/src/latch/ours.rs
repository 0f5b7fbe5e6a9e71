//! The steps of `crates/filelock` up to the grant, in the order of `acquire.rs`; what follows is in `commit`.
//!
//! A step is a system call together with what the process decides from its answer. Left out are calls whose answer can
//! only make a process refuse or be kinder (the probe of the filesystem, the first of two checks, a look before an open).

use super::Action;
use super::commit::{after_aside, begin_check, check, end, give_back, removed, write};
use super::setting::{Fault, Setting};
use super::world::{At, Broken, LockFile, Ours, Work, World};

/// What one of ours may do next, and what may be done to it.
pub(super) fn actions(setting: &Setting, world: &World, who: usize, actions: &mut Vec<Action>) {
    let me = &world.ours[who];
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
        // The places where it awaits: between two looks at a peer's file, and while a write is in flight.
        At::LookPeer => actions.extend([Action::Step(who), Action::Drop(who)]),
        At::Write if !me.dropped => actions.extend([Action::Step(who), Action::Drop(who)]),
        _ => actions.push(Action::Step(who)),
    }
    if setting.kills && me.at != At::Out && (me.aside == 0 || setting.kills_while_aside) {
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
        At::LookPeer
        | At::CreatePeer
        | At::Judge
        | At::TakeAside
        | At::PutBack
        | At::RemoveAside
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
            if world.latch_at == 0 {
                world.latch_at = world.new_latch();
            }
            me.latch = world.latch_at;
            me.transcript = if early { world.transcript_at } else { 0 };
            me.at = At::LockLatch;
        }
        At::LockLatch => {
            me.has_latch = !setting.fault.has(Fault::OPENCLAWS_RECLAIM);
            me.at = if setting.fault.has(Fault::NO_LOOK_AFTER_LATCH) {
                At::Open
            } else {
                At::LookLatch
            };
        }
        _ if world.latch_at == me.latch => me.at = At::Open,
        _ => give_back(me),
    }
}

fn build_wall(setting: &Setting, world: &World, me: &mut Ours) {
    let fault = setting.fault;
    match me.at {
        At::Open => {
            let early = fault.has(Fault::OPENED_EARLY) && me.transcript != 0;
            if !early {
                me.transcript = world.transcript_at;
            }
            me.at = if me.transcript == 0 {
                after_wall(setting, me)
            } else {
                At::LockTranscript
            };
        }
        At::LockTranscript => {
            let no_wall = fault.has(Fault::NO_SECOND_WALL) || fault.has(Fault::OPENCLAWS_RECLAIM);
            if !no_wall && !world.transcript_is_free(me.transcript) {
                me.transcript = 0;
                return give_back(me);
            }
            me.has_transcript = !no_wall;
            me.at = if fault.has(Fault::NO_LOOK_AFTER_WALL) {
                after_wall(setting, me)
            } else {
                At::LookTranscript
            };
        }
        At::LookTranscript if me.transcript == world.transcript_at => {
            me.at = after_wall(setting, me);
        }
        At::LookTranscript => give_back(me),
        // A peer may have made or replaced it before we had the peers' file.
        _ if me.transcript == world.transcript_at || fault.has(Fault::NO_LOOK_AFTER_WALL) => {
            me.at = At::Held;
        }
        _ => {
            (me.transcript, me.has_transcript) = (0, false);
            me.at = At::Open;
        }
    }
}

fn after_wall(setting: &Setting, me: &Ours) -> At {
    if setting.peer_file && me.own == 0 {
        At::LookPeer
    } else {
        At::Held
    }
}

fn take_peer_file(setting: &Setting, world: &mut World, me: &mut Ours) {
    let by_name =
        setting.fault.has(Fault::REMOVED_BY_NAME) || setting.fault.has(Fault::OPENCLAWS_RECLAIM);
    match me.at {
        At::LookPeer if world.lock_file_at == 0 => me.at = At::CreatePeer,
        At::LookPeer => {
            me.seen = world.lock_file_at;
            me.at = At::Judge;
        }
        At::CreatePeer if world.lock_file_at == 0 => {
            let born = LockFile {
                ours: true,
                whole: true,
                alive: true,
            };
            world.lock_file_at = world.new_lock_file(born);
            me.own = world.lock_file_at;
            me.at = At::LookAgain;
        }
        At::CreatePeer => me.at = At::LookPeer,
        At::Judge => {
            let file = world.file(me.seen);
            let left_by_us = file.ours && me.has_transcript;
            if !left_by_us && file.alive && !setting.fault.has(Fault::STOLEN_BY_AGE) {
                me.seen = 0;
                me.at = At::LookPeer;
            } else {
                me.at = if by_name { At::Clean } else { At::TakeAside };
            }
        }
        At::TakeAside => {
            me.aside = std::mem::take(&mut world.lock_file_at);
            me.at = match me.aside {
                0 => At::LookPeer,
                caught if caught == me.seen => At::RemoveAside,
                _ => At::PutBack,
            };
            me.seen = 0;
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
            me.seen = 0;
            me.at = if me.latch == 0 { At::Out } else { At::LookPeer };
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
