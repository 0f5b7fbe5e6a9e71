//! The steps of a peer that follows OpenClaw's algorithm: exclusive create; a snapshot of the file that is in the way;
//! is its owner gone? read again, inspect again, remove by name, begin anew. It takes no kernel lock.

use super::Action;
use super::setting::Setting;
use super::world::{Broken, LockFile, Peer, PeerAt, Work, World};

pub(super) fn actions(setting: &Setting, world: &World, who: usize, actions: &mut Vec<Action>) {
    let me = &world.peers[who];
    match me.at {
        PeerAt::Held => {
            actions.push(Action::PeerBegin(who, Work::Append));
            if setting.rewrites && world.transcript_at != 0 {
                actions.push(Action::PeerBegin(who, Work::Rewrite));
            }
            actions.push(Action::PeerStep(who));
        }
        PeerAt::Judge | PeerAt::Inspect if setting.misjudging => {
            actions.extend([Action::PeerStep(who), Action::PeerMisjudges(who)]);
        }
        _ => actions.push(Action::PeerStep(who)),
    }
    if setting.kills && me.at != PeerAt::Out {
        actions.push(Action::KillPeer(who));
    }
}

pub(super) fn act(setting: &Setting, world: &mut World, who: usize, action: Action) -> Option<()> {
    let mut me = world.peers[who];
    match action {
        Action::PeerStep(_) => step(setting, world, &mut me, false),
        Action::PeerMisjudges(_) => step(setting, world, &mut me, true),
        Action::PeerBegin(_, work) => {
            me.work = work;
            me.at = if work == Work::Rewrite {
                PeerAt::Copy
            } else {
                PeerAt::Write
            };
        }
        Action::KillPeer(_) => {
            if let Some(file) = world.file_mut(me.own) {
                file.alive = false;
            }
            me = Peer::default();
        }
        _ => return None,
    }
    world.peers[who] = me;
    Some(())
}

fn step(setting: &Setting, world: &mut World, me: &mut Peer, misjudges: bool) {
    match me.at {
        PeerAt::Out if world.lock_file_at == 0 => {
            let born = LockFile {
                ours: false,
                whole: false,
                alive: true,
            };
            world.lock_file_at = world.new_lock_file(born);
            me.own = world.lock_file_at;
            me.at = PeerAt::Fill;
        }
        PeerAt::Out => {
            me.seen = world.lock_file_at;
            me.at = PeerAt::Judge;
        }
        PeerAt::Fill => {
            if let Some(file) = world.file_mut(me.own) {
                file.whole = true;
            }
            me.at = PeerAt::Held;
        }
        PeerAt::Judge if misjudges || is_gone(world, me.seen) => me.at = PeerAt::ReRead,
        PeerAt::ReRead if me.seen == world.lock_file_at => me.at = PeerAt::Inspect,
        PeerAt::Inspect if world.lock_file_at != 0 => {
            let stale = misjudges || is_gone(world, world.lock_file_at);
            me.at = if stale { PeerAt::Remove } else { PeerAt::Out };
            me.seen = 0;
        }
        PeerAt::Judge | PeerAt::ReRead | PeerAt::Inspect => {
            me.seen = 0;
            me.at = PeerAt::Out;
        }
        PeerAt::Remove => {
            remove(setting, world);
            me.at = PeerAt::Out;
        }
        PeerAt::Copy => {
            me.copy_lacks = world.lacks_line(world.transcript_at);
            me.at = PeerAt::Write;
        }
        PeerAt::Write => {
            write(world, me);
            (me.work, me.copy_lacks) = (Work::None, false);
            me.at = PeerAt::Held;
        }
        PeerAt::Held => me.at = PeerAt::EndLook,
        PeerAt::EndLook if me.own == world.lock_file_at => me.at = PeerAt::End,
        PeerAt::EndLook | PeerAt::End => {
            if me.at == PeerAt::End {
                remove(setting, world);
            }
            *me = Peer::default();
        }
    }
}

/// The owner has ended, or it is this very peer, which does not hold it (`orphan-self-pid`).
fn is_gone(world: &World, file: u8) -> bool {
    let found = world.file(file);
    let held = world.peers.iter().any(|peer| peer.own == file);
    !found.alive || (!found.ours && !held)
}

/// Whichever file it is. If it is one of ours, that one is robbed.
fn remove(setting: &Setting, world: &mut World) {
    let gone = std::mem::take(&mut world.lock_file_at);
    for ours in &mut world.ours {
        if gone != 0 && ours.own == gone {
            ours.robbed = true;
            if setting.quick_peers && ours.granted {
                world.broken = Some(Broken::Unsettled);
            }
        }
    }
}

/// It opens the transcript by its name, and makes it where there is none.
fn write(world: &mut World, me: &Peer) {
    if me.work == Work::Rewrite {
        world.put_in_place(me.copy_lacks);
    } else if world.transcript_at == 0 {
        let new = world.put_in_place(false);
        world.acknowledged(new);
    } else {
        world.acknowledged(world.transcript_at);
    }
}

impl Peer {
    pub(super) fn is_writing(&self) -> bool {
        self.at == PeerAt::Write
    }

    pub(super) fn is_removing(&self) -> bool {
        self.at == PeerAt::Remove
    }
}
