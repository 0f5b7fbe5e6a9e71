//! The repair of what was found: session by session, each under its own guard, none that somebody is at work on.
//!
//! Everything is looked at once more under the guard before it is changed, so what was found may be out of date. Each step is
//! one rename, one removal of what is empty or proved to hold nothing, one change of permissions, or the store's own mending:
//! wherever this is interrupted, no byte is lost, and the next run goes on. A guard is asked for without waiting.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latchwork_lock::{LockScope, Phase, PhaseGuard, Wait};
use latchwork_session::{AcquireError, AppendError, GuardAsk, SessionId, SessionLocks as _};
use latchwork_sys::{FileFacts, FileKind, OpenHow, System};
use latchwork_transcript::{FileStore, Layout, Options, Place};

use super::exam::Exam;
use super::files::OF_OTHERS;
use super::finding::Outcome;
use super::open::{Open, Remedy};
use super::temporaries;

/// What the guards are taken for; others are shown it.
const PHASE: &str = "doctor";

/// Puts in order what can be.
pub(super) async fn cure(
    exam: &Exam,
    options: &Options,
    scope: &mut LockScope,
    opens: &mut [Open],
) {
    let mut sessions: BTreeMap<PathBuf, Vec<&mut Open>> = BTreeMap::new();
    for open in opens {
        let dir = match (&open.remedy, &open.place) {
            (Remedy::None, _) => continue,
            (Remedy::FolderMode(path, _), _) => path.clone(),
            (Remedy::Temporary(dir, _), _) => dir.clone(),
            (_, Some(place)) => place.dir.clone(),
            (_, None) => continue,
        };
        if let Some(outcome) = folder_of_another(&exam.system, &dir) {
            open.ends(outcome);
            continue;
        }
        match (&open.remedy, &open.place) {
            (Remedy::None, _) => {}
            (Remedy::FolderMode(path, facts), _) => {
                let done = folder_mode(&exam.system, path, facts);
                open.ends(done);
            }
            (Remedy::Temporary(dir, path), _) => {
                let done = temporaries::take_away(&exam.system, dir, path);
                open.ends(done);
            }
            (_, Some(place)) => sessions
                .entry(place.transcript.clone())
                .or_default()
                .push(open),
            (_, None) => {}
        }
    }
    let mut stores = Stores {
        exam,
        options,
        of_folder: None,
    };
    let of = sessions.len();
    for (done, (_, mut found)) in sessions.into_iter().enumerate() {
        (exam.progress.0)(done, of);
        if exam.cancel.is_cancelled() {
            all(
                &mut found,
                &Outcome::Skipped("interrupted before it was its turn".to_owned()),
            );
            continue;
        }
        let Some(place) = found.first().and_then(|open| open.place.clone()) else {
            continue;
        };
        match stores.of(&place) {
            Some((store, id)) => session(exam, scope, &store, &id, &place, &mut found).await,
            None => all(
                &mut found,
                &Outcome::Failed("no session can have this name".to_owned()),
            ),
        }
    }
}

/// What is made in a folder of somebody else's would be ours, and shut its owner out: as when the administrator repairs a user's home.
fn folder_of_another(system: &System, dir: &Path) -> Option<Outcome> {
    let owner = system.disk.facts_behind(dir).ok()?.uid;
    let own = system.processes.own_user()?;
    (owner != own).then(|| {
        Outcome::Skipped(format!(
            "{dir:?} belongs to user {owner}: repair it as that user"
        ))
    })
}

/// One store for a folder, so that its guards share what a process needs once.
struct Stores<'a> {
    exam: &'a Exam,
    options: &'a Options,
    of_folder: Option<(PathBuf, FileStore)>,
}

impl Stores<'_> {
    /// The store that keeps a session, and the id that it goes by there.
    fn of(&mut self, place: &Place) -> Option<(FileStore, SessionId)> {
        let new = |layout| FileStore::new(self.exam.system.clone(), layout, self.options.clone());
        if let Ok(id) = SessionId::new(&place.stem) {
            if let Some((dir, store)) = &self.of_folder
                && *dir == place.dir
            {
                return Some((store.clone(), id));
            }
            let store = new(Layout::folder(&place.dir));
            self.of_folder = Some((place.dir.clone(), store.clone()));
            return Some((store, id));
        }
        // A name that is no id: reached as a lone file, by the id that is spelled for it.
        let layout = Layout::lone(&place.transcript).ok()?;
        let Layout::Lone { session, .. } = &layout else {
            return None;
        };
        let id = session.clone();
        Some((new(layout), id))
    }
}

fn all(found: &mut [&mut Open], outcome: &Outcome) {
    for open in found {
        open.ends(outcome.clone());
    }
}

#[expect(
    clippy::await_holding_invalid_type,
    reason = "the guard crosses the waits of storage alone"
)]
async fn session(
    exam: &Exam,
    scope: &mut LockScope,
    store: &FileStore,
    id: &SessionId,
    place: &Place,
    found: &mut [&mut Open],
) {
    if let Some(outcome) = peer_at_work(exam, place) {
        return all(found, &outcome);
    }
    if let Err(outcome) = nobody_is_at_work(store, id).await {
        return all(found, &outcome);
    }
    let mut guard = match store
        .guard(scope, GuardAsk::side(id, Phase::named(PHASE), Wait::Never))
        .await
    {
        Ok(guard) => guard,
        Err(error) => return all(found, &refused(&error)),
    };
    exam.system.steps.reach("doctor:guarded");
    // A turn may have begun since; what is done here would be done by its first write, but it was promised to nobody.
    match nobody_is_at_work(store, id).await {
        Ok(()) => treat(exam, store, &mut guard, place, found).await,
        Err(outcome) => all(found, &outcome),
    }
    if let Err(error) = guard.release().await {
        tracing::warn!(session = %id, %error, "the guard of the doctor was not given back in order");
    }
    exam.system.steps.reach("doctor:released");
    for open in found {
        if let Remedy::PeerLock(path) = &open.remedy {
            let outcome = is_removed(exam, path);
            open.ends(outcome);
        }
    }
}

/// A peer that lives is not even disturbed by a request for the guard. Of a lock file of ours the kernel's locks tell better.
fn peer_at_work(exam: &Exam, place: &Place) -> Option<Outcome> {
    let mut path = place.transcript.clone().into_os_string();
    path.push(".lock");
    match exam.latches.see_peer_lock(Path::new(&path)) {
        Ok(Some(seen)) if !seen.is_ours && !seen.owner.is_dead() => Some(Outcome::Skipped(
            format!("in use: {path:?} is held by {}", seen.holder),
        )),
        Ok(_) => None,
        Err(error) => Some(Outcome::Failed(error.to_string())),
    }
}

async fn nobody_is_at_work(store: &FileStore, id: &SessionId) -> Result<(), Outcome> {
    match store.nobody_is_in_a_turn(id).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Outcome::Skipped(
            "in use: a turn of the session is under way".to_owned(),
        )),
        Err(error) => Err(refused(&error)),
    }
}

fn refused(error: &AcquireError) -> Outcome {
    match error {
        AcquireError::Busy { .. } => Outcome::Skipped(format!("in use: {error}")),
        _ => Outcome::Failed(in_words(error)),
    }
}

/// What the guard is for.
async fn treat(
    exam: &Exam,
    store: &FileStore,
    guard: &mut PhaseGuard<'_>,
    place: &Place,
    found: &mut [&mut Open],
) {
    for open in found.iter_mut() {
        let outcome = match open.remedy.clone() {
            Remedy::Mend => mended(store.mend(guard).await),
            Remedy::Head => match store.set_head_aside(guard).await {
                Ok(Some(aside)) => Outcome::Fixed(format!("set aside as {:?}", aside.to)),
                Ok(None) => Outcome::Fixed("it is in order by now".to_owned()),
                Err(error) => failed(&error),
            },
            Remedy::Mode(path, facts) => mode(&exam.system, &path, &facts, FileKind::Regular),
            _ => continue,
        };
        open.ends(outcome);
    }
    // The guard itself makes a latch; where the session is gone, that goes with the rest.
    let disk = &exam.system.disk;
    let stands = |path: &Path| disk.facts(path).is_ok();
    if stands(&place.transcript) || stands(&place.sidecar("inbox.jsonl")) {
        let there = Outcome::Skipped("the session is there by now".to_owned());
        left(found, &there);
        return;
    }
    let outcome = match store.clear_leftovers(guard).await {
        Ok(cleared) => match cleared.in_use {
            None => Outcome::Fixed(format!("removed {} files", cleared.removed.len())),
            Some(path) => Outcome::Skipped(format!("in use: {path:?}")),
        },
        Err(error) => failed(&error),
    };
    left(found, &outcome);
}

fn left(found: &mut [&mut Open], outcome: &Outcome) {
    for open in found
        .iter_mut()
        .filter(|open| open.remedy == Remedy::Leftovers)
    {
        open.ends(outcome.clone());
    }
}

fn mended(mended: Result<Vec<latchwork_transcript::Mended>, AppendError>) -> Outcome {
    match mended {
        Ok(parts) if parts.is_empty() => {
            Outcome::Fixed("the last line was closed with a newline".to_owned())
        }
        Ok(parts) => {
            let words = parts.iter().map(|part| {
                let rescued = if part.rescued {
                    "; the entry behind it is readable"
                } else {
                    ""
                };
                format!(
                    "{} bytes at {} are kept in {:?}{rescued}",
                    part.len, part.offset, part.kept_in
                )
            });
            Outcome::Fixed(words.collect::<Vec<_>>().join("; "))
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &AppendError) -> Outcome {
    Outcome::Failed(in_words(error))
}

fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()) {
        let cause = cause.to_string();
        if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}

/// Whether the dead owner's file is gone, by another look.
fn is_removed(exam: &Exam, path: &Path) -> Outcome {
    match exam.latches.see_peer_lock(path) {
        Ok(None) => Outcome::Fixed("removed".to_owned()),
        Ok(Some(seen)) if !seen.owner.is_dead() => Outcome::Fixed(format!(
            "removed; the lock was taken since by {}",
            seen.holder
        )),
        Ok(Some(_)) => Outcome::Failed("it still stands there".to_owned()),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// Takes the permissions of others away, if it is still the file that was found.
fn mode(system: &System, path: &Path, found: &FileFacts, kind: FileKind) -> Outcome {
    let opened = system.disk.open(path, &OpenHow::reading());
    let file = match opened {
        Ok(file) => file,
        Err(error) => return Outcome::Failed(format!("it cannot be opened: {error}")),
    };
    let facts = match file.facts() {
        Ok(facts) => facts,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    if facts.kind != kind || !facts.same_inode(found) {
        return Outcome::Skipped("another file stands there by now".to_owned());
    }
    if system.processes.own_user() != Some(facts.uid) {
        return Outcome::Skipped(format!("it belongs to user {}", facts.uid));
    }
    if facts.nlink > 1 && kind == FileKind::Regular {
        return Outcome::Skipped("it has another name, which may be somebody else's".to_owned());
    }
    let right = facts.mode & !OF_OTHERS;
    match file.set_mode(right) {
        Ok(()) => Outcome::Fixed(format!("its permissions are {right:04o} now")),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// The same for a folder, unless somebody else keeps files in it.
fn folder_mode(system: &System, path: &Path, found: &FileFacts) -> Outcome {
    let names = match system.disk.list(path) {
        Ok(names) => names,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let of_another = names.iter().find(|name| {
        let facts = system.disk.facts(&path.join(name));
        facts.is_ok_and(|facts| facts.uid != found.uid)
    });
    match of_another {
        Some(name) => Outcome::Skipped(format!(
            "{name:?} in it belongs to another user, who would be shut out"
        )),
        None => mode(system, path, found, FileKind::Directory),
    }
}
