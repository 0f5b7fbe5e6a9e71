//! One state for all that differ in names only: processes are sorted, inodes and lock files numbered as they are met.
//!
//! Sound whatever the order is: it only swaps processes that run the same program and renames what has no meaning but
//! its identity. A better order would only find more states to be the same.

use super::setting::Setting;
use super::world::{LockFile, MOST_FILES, Ours, Peer, World};

pub(super) fn canonical(mut world: World, setting: &Setting) -> World {
    let (latch, transcript, file) = (world.latch_at, world.transcript_at, world.lock_file_at);
    let key = |ours: &Ours| {
        let names = Ours {
            latch: u8::from(ours.latch == latch && latch != 0) + 2 * u8::from(ours.latch != 0),
            transcript: u8::from(ours.transcript == transcript && transcript != 0)
                + 2 * u8::from(ours.transcript != 0),
            own: u8::from(ours.own == file && file != 0) + 2 * u8::from(ours.own != 0),
            seen: u8::from(ours.seen == file && file != 0) + 2 * u8::from(ours.seen != 0),
            aside: u8::from(ours.aside != 0),
            ..*ours
        };
        names.packed()
    };
    world.ours[..setting.ours].sort_by_cached_key(key);
    world.peers[..setting.peers].sort_by_key(Peer::packed);
    rename(&mut world);
    world.settle();
    world
}

/// New numbers in the order in which the old ones are met; what nobody knows any more is forgotten.
fn rename(world: &mut World) {
    let mut latches = Names::default();
    latches.meet(&mut world.latch_at);
    let mut transcripts = Names::default();
    transcripts.meet(&mut world.transcript_at);
    let mut files = Names::default();
    files.meet(&mut world.lock_file_at);
    for ours in &mut world.ours {
        latches.meet(&mut ours.latch);
        transcripts.meet(&mut ours.transcript);
        files.meet(&mut ours.own);
        files.meet(&mut ours.seen);
        files.meet(&mut ours.aside);
    }
    for peer in &mut world.peers {
        files.meet(&mut peer.own);
        files.meet(&mut peer.seen);
    }
    let old = world.files;
    world.files = [LockFile::default(); MOST_FILES];
    for (from, to) in files.pairs() {
        world.files[usize::from(to) - 1] = old[usize::from(from) - 1];
    }
    let old = world.lacks;
    world.lacks = 0;
    for (from, to) in transcripts.pairs() {
        world.lacks |= (old >> from & 1) << to;
    }
}

#[derive(Default)]
struct Names {
    new: [u8; 16],
    met: u8,
}

impl Names {
    fn meet(&mut self, name: &mut u8) {
        if *name == 0 {
            return;
        }
        let new = &mut self.new[usize::from(*name)];
        if *new == 0 {
            self.met += 1;
            *new = self.met;
        }
        *name = *new;
    }

    fn pairs(&self) -> impl Iterator<Item = (u8, u8)> {
        let pairs = (0_u8..).zip(self.new);
        pairs.filter(|(_, new)| *new != 0)
    }
}
