//! A request that a turn be handed over, as a file: `<id>.claim.<epoch>.ask`, born whole and locked.
//!
//! Invariants: the asker keeps the `flock` of its own file for as long as it asks, so a request that is not
//! locked is a dead asker's and counts for nothing; a claim has one request at a time, and the first counts;
//! only who has a request's lock removes it (but for the sweep of old claims). The words in it are for people.
//! Deliberately not here: waiting, and what a holder does about a request.
//!
//! Limit: a lock is looked at by trying it, so two who look at a dead asker's file in one instant may each take
//! the other for the asker. Where the asker's process can be judged it is judged as well; elsewhere such a
//! request may be heeded once more, which costs the holder its turn and nobody an entry.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use latchwork_lock::Holder;
use latchwork_sys::{
    DiskFile, IoDoing, OpenHow, PathError, System, make_private_dir, read_at_most,
};
use serde::{Deserialize, Serialize};

use crate::claim_file::{ClaimFiles, LONGEST_TEXT, create_locked};
use crate::locked::Locked;
use crate::note::Note;

/// Longest request that is read, in bytes.
pub(crate) const READ_LIMIT: usize = 16 * 1_024;

/// How often a place for a request that nobody asks at is found taken, before that is an error: by others who come and
/// go, some times; by something that cannot be removed, always.
const ATTEMPTS: usize = 100;

/// What stands in a request: one line of JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Request {
    /// The claim that is asked for, by number and nonce: a number may be given out again after a deletion.
    pub(crate) epoch: u64,
    pub(crate) nonce: String,
    /// The turn that asks.
    pub(crate) turn: String,
    pub(crate) reason: String,
    /// When it was asked, in milliseconds since 1970.
    pub(crate) at: i64,
    /// How long the holder is waited for.
    pub(crate) grace_ms: u64,
    #[serde(flatten)]
    pub(crate) by: Note,
}

impl Request {
    pub(crate) fn new(turn: &str, reason: &str, at: i64, grace: Duration, by: Note) -> Self {
        let short = |text: &str| text.chars().take(LONGEST_TEXT).collect();
        Self {
            epoch: 0,
            nonce: String::new(),
            turn: short(turn),
            reason: short(reason),
            at,
            grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
            by,
        }
    }

    /// The same request, of this claim.
    pub(crate) fn of(&self, epoch: u64, nonce: &str) -> Self {
        Self {
            epoch,
            nonce: nonce.to_owned(),
            ..self.clone()
        }
    }

    fn line(&self) -> Vec<u8> {
        // A struct of numbers and strings always has a JSON form.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Reads what anybody may have written; what is no request is none.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// When its grace is over, in milliseconds since 1970; `None` if it never is.
    pub(crate) fn ends_at_ms(&self) -> Option<i64> {
        self.at.checked_add(i64::try_from(self.grace_ms).ok()?)
    }

    /// Whether its asker has had the time that it gave the holder, by the wall clock. It takes over then, or hangs.
    pub(crate) fn is_over(&self, now_ms: i64) -> bool {
        let grace = i64::try_from(self.grace_ms).unwrap_or(i64::MAX);
        now_ms >= self.at.saturating_add(grace)
    }
}

/// Somebody asks the holder of a claim to give the turn up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// Who asks.
    pub by: Holder,
    /// The name of the turn that asks.
    pub turn: String,
    /// Why.
    pub reason: String,
}

impl Asked {
    pub(crate) fn of(request: Request, system: &System) -> Self {
        Self {
            by: request.by.holder(system),
            turn: request.turn,
            reason: request.reason,
        }
    }
}

/// A request of our own. Dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Asking {
    system: System,
    locked: Locked,
}

impl Drop for Asking {
    fn drop(&mut self) {
        remove_locked(&self.system, &self.locked);
    }
}

/// A request of somebody who lives.
pub(crate) struct Standing {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) path: PathBuf,
    /// `None` if it cannot be read: somebody asks, and nobody knows who.
    pub(crate) request: Option<Request>,
}

impl Standing {
    /// Tells requests of one claim apart.
    pub(crate) fn name(&self) -> (u64, i64, String) {
        self.request
            .as_ref()
            .map_or_else(Default::default, |request| {
                (request.epoch, request.at, request.turn.clone())
            })
    }
}

/// What came of asking.
pub(crate) enum Placing {
    /// The request stands.
    Asked(Asking),
    /// Another one stood already.
    Behind(Standing),
}

impl ClaimFiles<'_> {
    pub(crate) fn ask_path(&self, epoch: u64) -> PathBuf {
        let session = &self.place.session;
        self.place
            .sidecars
            .join(format!("{session}.claim.{epoch}.ask"))
    }

    /// Whether anything stands where a request would; one look at the directory's entry.
    pub(crate) fn may_be_asked(&self, epoch: u64) -> Result<bool, PathError> {
        let path = self.ask_path(epoch);
        match self.system.disk.facts(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).doing("look for a request at", &path),
        }
    }

    /// The request that stands for a claim, if its asker lives. A dead asker's is removed.
    pub(crate) fn asked(&self, epoch: u64) -> Result<Option<Standing>, PathError> {
        let path = self.ask_path(epoch);
        let file: Arc<dyn DiskFile> = match self.system.disk.open(&path, &OpenHow::reading()) {
            Ok(file) => file.into(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).doing("open the request", &path),
        };
        if file.try_lock().doing("look at the lock of", &path)? {
            remove_locked(self.system, &Locked::new(file, &path));
            return Ok(None);
        }
        let bytes = read_at_most(&*file, READ_LIMIT).doing("read the request", &path)?;
        let request = Request::parse(&bytes);
        if let Some(request) = &request
            && request.by.is_surely_dead(self.system)
        {
            return Ok(None);
        }
        Ok(Some(Standing {
            file,
            path,
            request,
        }))
    }

    /// Asks for the claim that the request names, unless somebody else does already.
    pub(crate) fn ask(&self, request: &Request) -> Result<Placing, PathError> {
        let path = self.ask_path(request.epoch);
        for _ in 0..ATTEMPTS {
            if let Some(standing) = self.asked(request.epoch)? {
                return Ok(Placing::Behind(standing));
            }
            let made = match create_locked(self.system, &path, &request.line()) {
                // The sidecars were deleted since the claim was looked at.
                Err(error) if error.source.kind() == io::ErrorKind::NotFound => {
                    make_private_dir(&*self.system.disk, &self.place.sidecars)?;
                    continue;
                }
                made => made?,
            };
            if let Some(file) = made {
                let locked = Locked::new(file, &path);
                let system = self.system.clone();
                return Ok(Placing::Asked(Asking { system, locked }));
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
            .doing("ask for the turn: move away what stands at", &path)
    }
}

/// Removes a request whose lock is held, unless another file stands at its path by now.
fn remove_locked(system: &System, locked: &Locked) {
    let gone = match locked.in_place(system).map(|found| found.is_some()) {
        Ok(true) => system.disk.remove(locked.path()).map_err(|e| e.to_string()),
        Ok(false) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = gone {
        // Unlocked it counts for nothing, and the sweep of its claim removes it.
        tracing::debug!(path = ?locked.path(), error, "a request could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(turn: &str, reason: &str, at: i64, grace_ms: u64) -> Request {
        let grace = Duration::from_millis(grace_ms);
        Request::new(turn, reason, at, grace, Note::default())
    }

    #[test]
    fn a_request_is_over_when_its_grace_is_and_no_number_makes_that_wrong() {
        let asked = request("t", "r", 1_000, 500);
        assert!(!asked.is_over(1_499) && asked.is_over(1_500));
        assert!(!request("t", "r", i64::MAX - 1, u64::MAX).is_over(i64::MAX - 1));
        assert!(request("t", "r", i64::MIN, 0).is_over(i64::MIN));
    }

    /// A word of one character, up to the longest that JSON makes of one.
    fn long() -> impl Strategy<Value = String> {
        let character = prop_oneof![Just('\u{1}'), Just('\u{10ffff}'), any::<char>()];
        (character, 0..3_000_usize).prop_map(|(c, n)| String::from_iter(vec![c; n]))
    }

    proptest! {
        #[test]
        fn a_request_is_one_line_and_is_read_as_it_was_written(
            epoch in any::<u64>(), at in any::<i64>(), grace in any::<u64>(), nonce in any::<String>(),
            turn in any::<String>(), reason in any::<String>(),
        ) {
            let asked = request(&turn, &reason, at, grace).of(epoch, &nonce);
            let line = asked.line();
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            prop_assert!(line.ends_with(b"\n"));
            prop_assert_eq!(Request::parse(&line), Some(asked));
        }

        #[test]
        fn no_bytes_make_the_parser_panic_and_a_part_of_a_request_is_none(bytes in any::<Vec<u8>>(), cut in 0.0..1.0_f64) {
            let _ = Request::parse(&bytes);
            let line = request("turn", "reason", 1, 2).of(3, "nonce").line();
            // The newline alone may be missing.
            let end = ((line.len() - 1) as f64 * cut) as usize;
            prop_assert_eq!(Request::parse(&line[..end]), None);
        }

        #[test]
        fn long_words_are_cut_so_that_every_request_is_read(turn in long(), reason in long(), phase in long(), host in long()) {
            let own = latchwork_sys::ProcessIdentity { host, ..System::real().processes.own() };
            let by = Note::of(own, Some(&phase), crate::note::iso(i64::MAX));
            let asked = Request::new(&turn, &reason, i64::MIN, Duration::MAX, by).of(u64::MAX, "0123456789abcdef0123456789abcdef");
            let line = asked.line();
            prop_assert!(line.len() <= READ_LIMIT, "{}", line.len());
            prop_assert_eq!(Request::parse(&line), Some(asked));
        }
    }
}
