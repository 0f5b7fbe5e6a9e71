//! What must hold in each state.

use stateright::Property;

use super::setting::Setting;
use super::world::{At, Broken, Ours, Work, World};

/// A promise.
pub const ONE_WRITER: &str = "no two of ours write together";
/// A promise.
pub const NOTHING_LOST: &str = "no acknowledged line is lost";
/// A promise.
pub const NOT_FOR_NOTHING: &str = "a latch is lost only by a hand from outside";
/// A promise.
pub const PEERS_ARE_SAFE: &str = "ours never remove the lock file of a live foreign holder";
/// A promise.
pub const ROBBED_FIRST: &str = "who overlaps with a peer was robbed by it";
/// A promise.
pub const NOTICED: &str = "the next check notices a robbery";
/// A promise.
pub const NOT_MOVED: &str =
    "ours never move a live foreign holder's file that they could have seen";
/// A promise, where the peers are quick and take nobody alive for gone.
pub const SETTLED: &str = "a file that has settled is not removed by a peer that judged before";
/// A promise.
pub const SOMEBODY_LIVES: &str = "who waits, waits for somebody who lives";

pub(super) fn all() -> Vec<Property<Setting>> {
    vec![
        Property::always(ONE_WRITER, one_writer),
        Property::always(NOTHING_LOST, nothing_is_lost),
        Property::always(NOT_FOR_NOTHING, |_, world: &World| {
            world.broken != Some(Broken::LostForNothing)
        }),
        Property::always(PEERS_ARE_SAFE, |_, world: &World| {
            world.broken != Some(Broken::RobbedPeer)
        }),
        Property::always(ROBBED_FIRST, |_, world: &World| {
            world.broken != Some(Broken::Overlap)
        }),
        Property::always(NOTICED, |_, world: &World| {
            world.broken != Some(Broken::Unnoticed)
        }),
        Property::always(NOT_MOVED, |_, world: &World| {
            world.broken != Some(Broken::Moved)
        }),
        Property::always(SETTLED, |_, world: &World| {
            world.broken != Some(Broken::Unsettled)
        }),
        Property::always(SOMEBODY_LIVES, nobody_waits_for_nothing),
    ]
}

/// Between the end of the check and the end of the write. A birth is one step that never replaces, so two may be about
/// to try.
fn one_writer(_: &Setting, world: &World) -> bool {
    let writes =
        |ours: &&Ours| ours.at == At::Write && matches!(ours.work, Work::Append | Work::Rewrite);
    world.ours.iter().filter(writes).count() <= 1
}

fn nothing_is_lost(_: &Setting, world: &World) -> bool {
    world.transcript_at == 0 || !world.lacks_line(world.transcript_at)
}

/// The only wait without an end is the one for the latch: its holder must be one that can go on by itself.
fn nobody_waits_for_nothing(_: &Setting, world: &World) -> bool {
    let waits = |ours: &&Ours| ours.at == At::LockLatch && !world.latch_is_free(ours.latch);
    world.ours.iter().filter(waits).all(|waiter| {
        let holds = |ours: &Ours| ours.has_latch && ours.latch == waiter.latch;
        world
            .ours
            .iter()
            .any(|ours| holds(ours) && ours.at != At::LockLatch)
    })
}
