//! The latch in use and given back: the looks of `check.rs`, the write, the release of `latched.rs`.

use super::setting::{Fault, Setting};
use super::world::{At, Broken, Ours, Peer, Work, World};

pub(super) fn begin_check(setting: &Setting, world: &mut World, me: &mut Ours) {
    if setting.fault.has(Fault::NO_CHECK) {
        begin_write(world, me);
    } else {
        me.at = At::CheckLatch;
    }
}

/// Everything was found in order.
fn begin_write(world: &mut World, me: &mut Ours) {
    me.at = At::Write;
    if me.robbed || world.peers.iter().any(|peer| world.is_relied_on(peer.own)) {
        world.broken = Some(Broken::Unnoticed);
    }
}

pub(super) fn check(setting: &Setting, world: &mut World, me: &mut Ours) {
    match me.at {
        At::Copy => {
            me.copy_lacks = world.lacks_line(me.transcript);
            begin_check(setting, world, me);
        }
        At::CheckLatch if me.latch == world.latch_at => me.at = At::CheckTranscript,
        At::CheckLatch => lost(world, me, false),
        At::CheckTranscript if me.transcript == world.transcript_at => {
            if setting.peer_file {
                me.at = At::CheckPeer;
            } else {
                begin_write(world, me);
            }
        }
        At::CheckTranscript => lost(world, me, me.robbed),
        _ if me.own == world.lock_file_at && world.file(me.own).alive => begin_write(world, me),
        _ => {
            let stand_in_ended = me.own == world.lock_file_at;
            lost(world, me, me.robbed || stand_in_ended);
        }
    }
}

/// Something is not ours any more: nothing is written, all is given back.
fn lost(world: &mut World, me: &mut Ours, something_was_done: bool) {
    if !something_was_done && !world.unsettled {
        world.broken = Some(Broken::LostForNothing);
    }
    give_back(me);
}

pub(super) fn write(world: &mut World, me: &mut Ours) {
    let peer_writes = world.peers.iter().any(Peer::is_writing);
    if peer_writes && !me.robbed && me.work != Work::Birth {
        world.broken = Some(Broken::Overlap);
    }
    match me.work {
        // A peer that robbed us may be writing the file anew in the same moment: what that loses, the robber loses.
        Work::Append if me.robbed => {}
        Work::Append => world.acknowledged(me.transcript),
        Work::Birth if world.transcript_at != 0 => me.dropped = true,
        Work::Birth => {
            me.transcript = world.put_in_place(false);
            me.has_transcript = true;
            world.acknowledged(me.transcript);
        }
        _ => {
            me.transcript = world.put_in_place(me.copy_lacks && !me.robbed);
            me.has_transcript = true;
        }
    }
    let given_up = std::mem::take(&mut me.dropped);
    (me.work, me.copy_lacks) = (Work::None, false);
    if given_up {
        give_back(me);
    } else {
        me.at = At::Held;
    }
}

/// Peers' file, transcript, latch.
pub(super) fn end(setting: &Setting, world: &mut World, me: &mut Ours) {
    match me.at {
        At::EndLookPeer if me.own == world.lock_file_at => me.at = At::EndPeer,
        At::EndPeer if !setting.fault.has(Fault::GIVEN_BACK_BY_NAME) => {
            me.aside = std::mem::take(&mut world.lock_file_at);
            me.at = match me.aside {
                caught if caught == me.own => At::RemoveAside,
                0 => return after_aside(me),
                _ => At::PutBack,
            };
        }
        At::EndLookPeer | At::EndPeer => {
            if me.at == At::EndPeer {
                let gone = std::mem::take(&mut world.lock_file_at);
                removed(world, gone);
            }
            own_is_gone(me);
        }
        At::EndTranscript => {
            (me.transcript, me.has_transcript) = (0, false);
            me.at = At::EndLatch;
        }
        _ => {
            let kept = me.granted;
            *me = Ours {
                latch: if kept { me.latch } else { 0 },
                granted: kept,
                ..Ours::default()
            };
        }
    }
}

/// Begins to give back what is held, in the one order that there is.
pub(super) fn give_back(me: &mut Ours) {
    (me.work, me.copy_lacks, me.seen, me.replaced) = (Work::None, false, 0, false);
    me.at = match (me.own, me.transcript) {
        (0, 0) => At::EndLatch,
        (0, _) => At::EndTranscript,
        _ => At::EndLookPeer,
    };
}

/// What was taken aside is dealt with: a file that was in the way, or the own one, given back.
pub(super) fn after_aside(me: &mut Ours) {
    if me.own == 0 {
        me.at = At::CreatePeer;
    } else {
        own_is_gone(me);
    }
}

/// The own lock file is given back: to be made again, or with everything else.
fn own_is_gone(me: &mut Ours) {
    me.own = 0;
    if std::mem::take(&mut me.again) {
        me.robbed = false;
        me.at = At::CreatePeer;
    } else {
        give_back(me);
    }
}

/// One of ours has removed a lock file.
pub(super) fn removed(world: &mut World, file: u8) {
    if world.is_relied_on(file) {
        world.broken = Some(Broken::RobbedPeer);
    }
}
