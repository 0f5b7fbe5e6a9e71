//! One latch from queue to grant, under one deadline.
//!
//! The order is always the same: the queue of this process, the latch, the transcript's inode, the
//! peers' file. What is found locked through another latch than ours, or replaced while it was being
//! locked, makes the request let go of all files and start over. Invariant: every step's result is a
//! value that undoes the step when it is dropped, so a dropped request leaves nothing behind.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use latchwork_lock::{Holder, Phase, QueueError, Ticket, Wait};
use latchwork_sys::IoDoing;
use tracing::Instrument as _;

use crate::fair;
use crate::grants;
use crate::joined;
use crate::latch_file;
use crate::latched::{Latched, Parts};
use crate::latches::Shared;
use crate::locked::{Locked, OpenFile};
use crate::meter::Waiting;
use crate::note::{self, Note, add_what_is_seen, iso, note_holder};
use crate::peer::{self, PeerFile, Polite, Taken};
use crate::place::{Key, Place};
use crate::waiters::Waited;
use crate::wall;
use crate::{LatchError, Obstacle, Site};

/// First and longest pause before starting over or looking at a peer's file again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(25));
/// How often a request that may not wait starts over because files were replaced under it.
const IMPATIENT_ROUNDS: u32 = 16;

pub(crate) async fn acquire(
    shared: &Arc<Shared>,
    site: &Site,
    phase: Phase,
    wait: Wait,
) -> Result<Latched, LatchError> {
    let waiting = Waiting::begins(&phase);
    let span = waiting.span(site.session());
    let got = granted(shared, site, phase, wait).instrument(span).await;
    waiting.ended(&got);
    got
}

async fn granted(
    shared: &Arc<Shared>,
    site: &Site,
    phase: Phase,
    wait: Wait,
) -> Result<Latched, LatchError> {
    let mut request = Request {
        shared,
        place: shared.place_to_latch(site)?,
        phase,
        wait,
        asked: Instant::now(),
    };
    let mut ticket = request.line_up().await?;
    shared.system.steps.reach("latch:queued");
    if let Some(grant) =
        joined::join(shared, &request.place, &request.phase, wait, request.asked).await?
    {
        let parts = Parts {
            peer: None,
            transcript: grant.transcript,
            latch: grant.latch,
            joined: Some(grant.joined),
            ticket,
        };
        let shared = Arc::clone(shared);
        return Ok(Latched::new(shared, request.place, request.phase, parts));
    }
    let mut rounds = 0;
    let (mut latch, transcript, peer, goes_on) = loop {
        match request.round().await? {
            Ok(grant) => break grant,
            Err(obstacle) => request.pause(rounds, obstacle).await?,
        }
        rounds += 1;
        if !request.place.still_stands(&*shared.system.disk)? {
            // Another folder stands there now, with a queue of its own.
            drop(ticket);
            request.place = shared.place(site)?;
            ticket = request.line_up().await?;
        }
    };
    request.is_granted(latch.open_file(), goes_on);
    shared.system.steps.reach("latch:granted");
    let parts = Parts {
        peer,
        transcript,
        latch,
        joined: None,
        ticket,
    };
    Ok(Latched::new(
        Arc::clone(shared),
        request.place,
        request.phase,
        parts,
    ))
}

struct Request<'a> {
    shared: &'a Arc<Shared>,
    place: Arc<Place>,
    phase: Phase,
    wait: Wait,
    asked: Instant,
}

/// What one round took, and whether nobody else has had the latch since this process; or what made it let go of everything.
type Round = Result<(Locked, Option<Locked>, Option<PeerFile>, bool), Obstacle>;

impl Request<'_> {
    /// Waits for the front place among the tasks of this process.
    async fn line_up(&self) -> Result<Ticket<Key>, LatchError> {
        let mut surely_ours = false;
        loop {
            let key = self.place.key.clone();
            match self
                .shared
                .queue
                .enter(key, self.phase.clone(), self.wait)
                .await
            {
                Ok(ticket) => return Ok(ticket),
                Err(QueueError::SelfDeadlock { phase, held_for }) => {
                    // Given up by this task, but a write that it started has not ended yet?
                    if let Some(end) = self.shared.ending.end_of(&self.place.key) {
                        let limit = self.wait.left().unwrap_or(Duration::MAX);
                        if tokio::time::timeout(limit, end).await.is_err() {
                            return Err(self.busy(
                                Obstacle::OwnProcess,
                                &self.place.latch,
                                self.own(&phase, held_for),
                            ));
                        }
                    } else if surely_ours {
                        let session = self.place.session.clone();
                        return Err(LatchError::SelfDeadlock {
                            session,
                            phase,
                            held_for,
                        });
                    } else {
                        // It may have ended between the two looks; the next look is sure.
                        surely_ours = true;
                    }
                }
                Err(QueueError::Busy {
                    phase, held_for, ..
                }) => {
                    return Err(self.busy(
                        Obstacle::OwnProcess,
                        &self.place.latch,
                        self.own(&phase, held_for),
                    ));
                }
                Err(_) => {
                    return Err(self.busy(
                        Obstacle::OwnProcess,
                        &self.place.latch,
                        Holder::default(),
                    ));
                }
            }
        }
    }

    /// Takes everything once, in order.
    async fn round(&self) -> Result<Round, LatchError> {
        let (shared, system, place) = (self.shared, &self.shared.system, &*self.place);
        let Some(mut latch) = self.take_latch().await? else {
            return Ok(Err(Obstacle::Replaced));
        };
        system.steps.reach("latch:taken");
        let Some(found) = latch.in_place(system)? else {
            return Ok(Err(Obstacle::Replaced));
        };
        shared.probed.locks(system, place, &latch)?;
        fair::look(latch.open_file(), &found);
        let goes_on = note_holder(latch.open_file(), &found, &self.phase, system);

        let mut transcript = match self.build_wall()? {
            Ok(transcript) => transcript,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        system.steps.reach("latch:inode-locked");
        let peer = self.take_peer_file(&latch, transcript.is_some()).await?;
        system.steps.reach("latch:peer-written");
        // A peer may have made or replaced the transcript while it held its lock.
        if peer.is_some() && !wall::still_fits(system, place, transcript.as_ref())? {
            drop(transcript);
            transcript = match self.build_wall()? {
                Ok(transcript) => transcript,
                Err(obstacle) => return Ok(Err(obstacle)),
            };
        }
        Ok(Ok((latch, transcript, peer, goes_on)))
    }

    fn is_granted(&self, latch: &mut OpenFile, goes_on: bool) {
        let (waited, system) = (self.asked.elapsed(), &self.shared.system);
        if grants::granted(latch, &self.phase, waited, goes_on, system) {
            fair::look_again(latch);
        }
    }

    /// The latch's lock; `None` if it must be looked for again.
    async fn take_latch(&self) -> Result<Option<Locked>, LatchError> {
        let path = &self.place.latch;
        let file = match self.shared.lately.take_latch(&self.place) {
            Some(file) => file,
            None => latch_file::open(&self.shared.system, &self.place)?,
        };
        let may_try = self.wait == Wait::Never || !fair::is_wanted(&file);
        if may_try && file.get().try_lock().doing("lock", path)? {
            return Ok(Some(Locked::of(file, path)));
        }
        if self.wait != Wait::Never {
            fair::say_that_one_waits(&**file.get(), &self.shared.system);
        }
        let began = Instant::now();
        let waited = match self.wait {
            Wait::Never => Waited::TimeOver,
            wait => self
                .wait_in_line(file, wait)
                .await
                .doing("wait for the lock of", path)?,
        };
        match waited {
            Waited::Granted(mut latch) => {
                fair::has_waited(latch.open_file(), began.elapsed());
                Ok(Some(latch))
            }
            Waited::TryAgain => Ok(None),
            Waited::TimeOver => Err(self.busy(Obstacle::Latch, path, self.holder_of_latch())),
        }
    }

    /// Waits for the latch, and says so again now and then.
    async fn wait_in_line(&self, file: OpenFile, wait: Wait) -> std::io::Result<Waited> {
        let (system, path) = (&self.shared.system, &self.place.latch);
        let said_in = Arc::clone(file.get());
        // From here on the descriptor may be a thread's that waits longer than we do.
        let mut waits = pin!(self.shared.waiters.lock(system, file, path, wait));
        let (mut pause, longest) = fair::SAID_AGAIN;
        loop {
            tokio::select! {
                biased;
                waited = &mut waits => return waited,
                () = system.clock.sleep(pause) => fair::say_that_one_waits(&*said_in, system),
            }
            pause = pause.saturating_mul(2).min(longest);
        }
    }

    fn build_wall(&self) -> Result<Result<Option<Locked>, Obstacle>, LatchError> {
        Ok(wall::build(&self.shared.system, &self.place)?.granted())
    }

    async fn take_peer_file(
        &self,
        latch: &Locked,
        holds_inode: bool,
    ) -> Result<Option<PeerFile>, LatchError> {
        let (system, path) = (&self.shared.system, &self.place.peer_lock);
        if !self.shared.policy.wants(system, &self.place) {
            return Ok(None);
        }
        let stand_in = self.shared.stand_ins.get(system);
        let mut polite = Polite::towards_peers(system, latch.file());
        polite.leave_free(&self.place, self.wait).await;
        for round in 0.. {
            match peer::take(system, path, &stand_in, holds_inode, &mut polite)? {
                Taken::Ours(mut file) => {
                    if polite.settles(&mut file, self.wait).await {
                        return Ok(Some(*file));
                    }
                }
                Taken::Busy(obstacle, holder) => match self.time_for(round) {
                    Some(pause) => system.clock.sleep(polite.pause(round, pause)).await,
                    None => {
                        let obstacle = self.or_old(obstacle, &holder);
                        return Err(self.busy(obstacle, path, *holder));
                    }
                },
            }
        }
        Ok(None)
    }

    /// The age of a peer's lock file is for people; nothing is taken because of it.
    fn or_old(&self, obstacle: Obstacle, holder: &Holder) -> Obstacle {
        let since = holder.since.as_deref().and_then(note::from_iso);
        let now = self.shared.system.clock.wall_ms();
        match since {
            Some(since)
                if obstacle == Obstacle::PeerLock
                    && now.saturating_sub(since) > self.shared.options.stale_ms_signed() =>
            {
                Obstacle::OldPeerLock
            }
            _ => obstacle,
        }
    }

    /// A pause before the next round, or the end of the wait.
    async fn pause(&self, rounds: u32, obstacle: Obstacle) -> Result<(), LatchError> {
        let impatient =
            self.wait == Wait::Never && obstacle == Obstacle::Replaced && rounds < IMPATIENT_ROUNDS;
        if impatient {
            return Ok(());
        }
        let Some(pause) = self.time_for(rounds) else {
            let (path, holder) = match obstacle {
                Obstacle::Transcript => (&self.place.transcript, self.holder_of_transcript()),
                _ => (&self.place.latch, Holder::default()),
            };
            return Err(self.busy(obstacle, path, holder));
        };
        self.shared.system.clock.sleep(pause).await;
        Ok(())
    }

    /// The next pause, growing with the rounds; `None` if the time is over.
    fn time_for(&self, rounds: u32) -> Option<Duration> {
        let (first, longest) = PAUSES;
        let pause = first.saturating_mul(1 << rounds.min(8)).min(longest);
        match self.wait.left() {
            None => Some(pause),
            Some(left) if left.is_zero() => None,
            Some(left) => Some(pause.min(left)),
        }
    }

    fn busy(&self, obstacle: Obstacle, path: &Path, holder: Holder) -> LatchError {
        LatchError::Busy {
            session: self.place.session.clone(),
            obstacle,
            path: path.to_path_buf(),
            holder: Box::new(holder),
            waited: self.asked.elapsed(),
        }
    }

    fn holder_of_latch(&self) -> Holder {
        let system = &self.shared.system;
        let file = latch_file::open(system, &self.place).ok();
        let note = file.and_then(|file| Note::read_from(&**file.get()));
        note.map(|note| note.holder(system)).unwrap_or_default()
    }

    /// Who has locked the transcript without having our latch: by the kernel's table, since there is no note to read.
    fn holder_of_transcript(&self) -> Holder {
        let system = &self.shared.system;
        let Ok(facts) = system.disk.facts(&self.place.transcript) else {
            return Holder::default();
        };
        let locks = system.processes.held_locks();
        let Some(lock) = locks.into_iter().find(|lock| lock.is_of(&facts)) else {
            return Holder::default();
        };
        let mut holder = Holder::process(lock.pid);
        add_what_is_seen(&mut holder, system, lock.pid, None);
        holder
    }

    /// This process, where another of its tasks has the latch.
    fn own(&self, phase: &Phase, held_for: Duration) -> Holder {
        let system = &self.shared.system;
        let held_ms = i64::try_from(held_for.as_millis()).unwrap_or(i64::MAX);
        let since = iso(system.clock.wall_ms().saturating_sub(held_ms));
        Note::of(system.processes.own(), Some(phase.as_str()), since).holder(system)
    }
}
