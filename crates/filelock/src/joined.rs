//! Joining a lock that a `latchwork lock` further up holds for this process, instead of waiting for it.
//!
//! A joiner borrows: the latch and the transcript are held by the open files that were handed down, and stay so. What it takes
//! for itself is its turn among those who join, the `flock` of `<id>.joined`, waited for in the kernel like the latch and
//! under the same deadline; so joiners write one after the other. Order: the turn, then a look whether the lock still stands,
//! then the transcript.
//!
//! The transcript is the one handed down while that stands at its path. One that was born or replaced under the lock, by an
//! earlier joiner, is locked by this joiner for itself, as anybody does.
//!
//! Whoever gives the lock back takes the turn first, so that no joiner is in the middle of a write, then the nonce away, then
//! the lock. Invariants: nothing borrowed is unlocked, removed or replaced here; a joiner that finds the lock gone goes the
//! ordinary way. A lock within a lock adds a rung: its own commands take turns on `<id>.joined.2`, and so on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use latchwork_lock::{Holder, Phase, Wait};
use latchwork_sys::{DiskFile, IoDoing, Liveness, OpenHow, System, read_at_most};

use crate::inherited::Hold;
use crate::latch_file;
use crate::latches::Shared;
use crate::locked::Locked;
use crate::note::{Note, iso};
use crate::place::Place;
use crate::waiters::Waited;
use crate::wall;
use crate::{LatchError, Lost, Obstacle};

/// Between two looks at a file that is in the way.
const PAUSE: Duration = Duration::from_millis(5);
/// Most that is read of a peers' lock file, in bytes.
const PEER_READ_LIMIT: usize = 4_096;

/// What a joiner has besides what it borrows.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) hold: Arc<Hold>,
    /// Its turn among the joiners.
    pub(crate) turn: Locked,
    /// Where the peers' lock file of the lock stands, if it took one.
    peer: Option<PathBuf>,
}

/// What joining comes to.
pub(crate) struct Grant {
    pub(crate) latch: Locked,
    pub(crate) transcript: Option<Locked>,
    pub(crate) joined: Joined,
}

/// Joins the lock on this session; `None` if there is none to be joined.
pub(crate) async fn join(
    shared: &Shared,
    place: &Place,
    phase: &Phase,
    wait: Wait,
    asked: Instant,
) -> Result<Option<Grant>, LatchError> {
    let Some(hold) = shared.inherited.of(place) else {
        return Ok(None);
    };
    let Some(latch) = hold.rungs.first().map(|rung| Arc::clone(&rung.file)) else {
        return Ok(None);
    };
    let request = Request {
        shared,
        place,
        phase,
        wait,
        asked,
        path: place.rung(hold.rungs.len()),
        hold,
    };
    loop {
        let Some(turn) = request.take_turn().await? else {
            request.pause(Obstacle::Replaced, &request.path).await?;
            continue;
        };
        shared.system.steps.reach("joined:turn");
        let stands = request.hold.stands(&shared.system, place);
        if !stands.doing("look whether the joined lock stands:", &place.latch)? {
            tracing::warn!(
                session = place.session,
                "the lock that this process was started under has been given back; its own is taken"
            );
            request.hold.is_found_gone();
            return Ok(None);
        }
        match request.transcript()? {
            Ok(transcript) => return Ok(Some(request.grant(latch, turn, transcript))),
            Err(obstacle) => {
                drop(turn);
                request.pause(obstacle, &place.transcript).await?;
            }
        }
    }
}

struct Request<'a> {
    shared: &'a Shared,
    place: &'a Place,
    phase: &'a Phase,
    wait: Wait,
    asked: Instant,
    /// The file of turns.
    path: PathBuf,
    hold: Arc<Hold>,
}

impl Request<'_> {
    /// The turn among the joiners; `None` if its file must be looked for again.
    async fn take_turn(&self) -> Result<Option<Locked>, LatchError> {
        let (system, path) = (&self.shared.system, &self.path);
        let file = latch_file::open_at(system, self.place, path)?;
        let turn = if file.get().try_lock().doing("lock", path)? {
            Locked::of(file, path)
        } else {
            let waited = match self.wait {
                Wait::Never => Waited::TimeOver,
                wait => {
                    let waited = self.shared.waiters.lock(system, file, path, wait).await;
                    waited.doing("wait for the lock of", path)?
                }
            };
            match waited {
                Waited::Granted(turn) => turn,
                Waited::TryAgain => return Ok(None),
                Waited::TimeOver => return Err(self.busy(Obstacle::Turn, path)),
            }
        };
        if turn.in_place(system)?.is_none() {
            return Ok(None);
        }
        let since = iso(system.clock.wall_ms());
        Note::of(system.processes.own(), Some(self.phase.as_str()), since).write_to(&**turn.file());
        Ok(Some(turn))
    }

    fn transcript(&self) -> Result<Result<Option<Locked>, Obstacle>, LatchError> {
        let (system, path) = (&self.shared.system, &self.place.transcript);
        if let Some(file) = &self.hold.transcript {
            let handed = Locked::borrowed(Arc::clone(file), path);
            if handed.in_place(system)?.is_some() {
                let ours = file.try_lock().doing("confirm the lock of", path)?;
                return Ok(ours.then_some(Some(handed)).ok_or(Obstacle::Transcript));
            }
        }
        Ok(wall::build(system, self.place)?.granted())
    }

    fn grant(&self, latch: Arc<dyn DiskFile>, turn: Locked, transcript: Option<Locked>) -> Grant {
        let joined = Joined {
            hold: Arc::clone(&self.hold),
            turn,
            peer: self
                .hold
                .peer
                .as_ref()
                .map(|_| self.place.peer_lock.clone()),
        };
        Grant {
            latch: Locked::borrowed(latch, &self.place.latch),
            transcript,
            joined,
        }
    }

    /// A pause before the next look, or the end of the wait.
    async fn pause(&self, obstacle: Obstacle, path: &Path) -> Result<(), LatchError> {
        let pause = match self.wait.left() {
            None => PAUSE,
            Some(left) if left.is_zero() => return Err(self.busy(obstacle, path)),
            Some(left) => PAUSE.min(left),
        };
        self.shared.system.clock.sleep(pause).await;
        Ok(())
    }

    fn busy(&self, obstacle: Obstacle, path: &Path) -> LatchError {
        let system = &self.shared.system;
        let note = match obstacle {
            Obstacle::Turn => system.disk.open(path, &OpenHow::reading()).ok(),
            _ => None,
        };
        let holder = note
            .and_then(|file| Note::read_from(&*file))
            .map_or_else(Holder::default, |note| note.holder(system));
        LatchError::Busy {
            session: self.place.session.clone(),
            obstacle,
            path: path.to_path_buf(),
            holder: Box::new(holder),
            waited: self.asked.elapsed(),
        }
    }
}

impl Joined {
    /// Whether what is borrowed still stands, and the turn is ours. The latch itself is looked at by the caller.
    pub(crate) fn check(&self, place: &Place, system: &System) -> Result<(), (Lost, PathBuf)> {
        let unseen = |error: latchwork_sys::PathError| {
            let what = Lost::Unseen(error.source.kind());
            (what, error.path)
        };
        if self.turn.in_place(system).map_err(unseen)?.is_none() {
            return Err((Lost::JoinedLock, self.turn.path().to_path_buf()));
        }
        for (depth, rung) in self.hold.rungs.iter().enumerate() {
            let path = place.rung(depth);
            if !rung.is_in_place(system, &path) || !rung.has_its_nonce() {
                return Err((Lost::JoinedLock, path));
            }
        }
        match (&self.hold.peer, &self.peer) {
            (Some(nonce), Some(path)) => {
                peers_are_kept_away(system, path, nonce).map_err(|lost| (lost, path.clone()))
            }
            _ => Ok(()),
        }
    }
}

/// What we look at in a peers' lock file.
#[derive(serde::Deserialize)]
struct Peers {
    pid: u32,
    starttime: Option<u64>,
    nonce: Option<String>,
}

/// Whether the peers' lock file is still the one of the joined lock, and the process that it names still lives.
fn peers_are_kept_away(system: &System, path: &Path, nonce: &str) -> Result<(), Lost> {
    let Some(peers) = peers_at(system, path).filter(|peers| peers.nonce.as_deref() == Some(nonce))
    else {
        return Err(Lost::PeerLock);
    };
    match system.processes.look(peers.pid) {
        Liveness::Alive { starttime, .. }
            if peers.starttime.is_none() || starttime == peers.starttime =>
        {
            Ok(())
        }
        _ => Err(Lost::StandIn),
    }
}

fn peers_at(system: &System, path: &Path) -> Option<Peers> {
    let file = system.disk.open(path, &OpenHow::reading()).ok()?;
    let bytes = read_at_most(&*file, PEER_READ_LIMIT).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The nonce in the peers' lock file, to be told to those who join.
pub(crate) fn nonce_at(system: &System, path: &Path) -> Option<String> {
    peers_at(system, path)?.nonce
}
