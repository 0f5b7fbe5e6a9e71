//! The latch of one session on files, step by step: processes of ours, foreign peers, and what the world does to them.
//!
//! | file | idea |
//! |---|---|
//! | `setting` | how many processes, what the world may do, what is left out of the protocol (the controls) |
//! | `world` | a state: files, locks, processes |
//! | `ours` | the steps of `crates/filelock` up to the grant, one system call a step |
//! | `commit` | the steps under it: check, write, give back |
//! | `foreign` | the steps of a peer that follows OpenClaw's algorithm |
//! | `order` | states that differ in names only are one state |
//! | `promises` | what must hold in each state |
//!
//! Nothing is counted: processes take the latch, write, die, come again and find their sidecars deleted without end,
//! and the states are still finite, because a state remembers what is, not what was.

mod commit;
mod foreign;
mod order;
mod ours;
pub mod promises;
mod setting;
mod world;

use stateright::{Model, Property};

pub use self::setting::{Fault, Setting};
pub use self::world::{At, World};

/// One step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The next system call of one of ours.
    Step(usize),
    /// It begins to write: a line more, or the whole file anew.
    Begin(usize, world::Work),
    /// It gives the latch back, or its future is dropped.
    Drop(usize),
    /// It is killed; another comes in its place.
    Kill(usize),
    /// Its stand-in is killed.
    KillStandIn(usize),
    /// What only a fault makes it do.
    Err(usize),
    /// The next system call of a foreign peer.
    PeerStep(usize),
    /// A foreign peer begins to write.
    PeerBegin(usize, world::Work),
    /// A foreign peer takes a live owner for gone.
    PeerMisjudges(usize),
    /// A foreign peer is killed; another comes in its place.
    KillPeer(usize),
    /// Somebody deletes `.latchwork`.
    DeleteSidecars,
}

impl Model for Setting {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let born = World::default();
        let lives = World {
            transcript_at: 1,
            ..born
        };
        vec![order::canonical(born, self), order::canonical(lives, self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.broken.is_some() {
            return;
        }
        for who in 0..self.ours {
            ours::actions(self, world, who, actions);
        }
        for who in 0..self.peers {
            foreign::actions(self, world, who, actions);
        }
        if self.sidecars_deleted && world.latch_at != 0 {
            actions.push(Action::DeleteSidecars);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = *world;
        let done = match action {
            Action::PeerStep(who)
            | Action::PeerBegin(who, _)
            | Action::PeerMisjudges(who)
            | Action::KillPeer(who) => foreign::act(self, &mut next, who, action),
            Action::DeleteSidecars => {
                next.delete_sidecars();
                Some(())
            }
            Action::Step(who)
            | Action::Begin(who, _)
            | Action::Drop(who)
            | Action::Kill(who)
            | Action::KillStandIn(who)
            | Action::Err(who) => ours::act(self, &mut next, who, action),
        };
        done.map(|()| order::canonical(next, self))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all()
    }
}
