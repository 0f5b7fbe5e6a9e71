//! The inbox of a session: accepted messages, durable before they are acknowledged.
//!
//! `.latchwork/<id>.inbox.jsonl`, one record a line, only ever appended to, each record by one write that begins and
//! ends with a newline: so writers need no lock among themselves, and a fragment that a dead writer left never
//! swallows the next record. What is read: the first `accepted` of a key counts; a `cancelled` or `retired` ends it.
//! After each write the path is compared with the descriptor; a record written to a file that is no longer the inbox is
//! written again. Deliberately absent: shortening the file (it needs the guard and a later design); `blanked` takes words out of it.

use std::path::Path;
use std::sync::Arc;

use latchwork_format::EntryId;
use latchwork_lock::PhaseGuard;
use latchwork_session::{Accepted, Inbox, InboxError, Incoming, Key, SessionId, Waiting};
use latchwork_sys::{DiskFile, IoDoing, OpenHow, PathError, System, make_private_dir};
use serde_json::value::RawValue;

use crate::records::{Record, Sort, contents, regular};
use crate::session::Session;
use crate::store::FileStore;
use crate::threads::Threads;

/// The largest message that is accepted, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// How often a record is written again because the inbox was replaced, or its folder deleted, meanwhile.
const ATTEMPTS: usize = 8;

/// Appends records, makes them durable, and makes sure that they stand in the file at the inbox's path.
fn write(session: &Session, records: &[Record]) -> Result<(), PathError> {
    let (system, place) = (&session.system, &session.place);
    let path = place.sidecar("inbox.jsonl");
    let mut bytes = Vec::new();
    for record in records {
        bytes.push(b'\n');
        serde_json::to_writer(&mut bytes, record)
            .map_err(std::io::Error::other)
            .doing("write the inbox", &path)?;
        bytes.push(b'\n');
    }
    for _ in 0..ATTEMPTS {
        make_private_dir(&*system.disk, &place.sidecars())?;
        let file = match system.disk.open(&path, &OpenHow::appending().or_create()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            opened => opened.doing("open the inbox", &path)?,
        };
        regular(file.facts().doing("look at", &path)?.kind).doing("write the inbox", &path)?;
        system.steps.reach("inbox:before-write");
        if !bytes.is_empty() {
            append_all(&*file, &bytes).doing("write the inbox", &path)?;
        }
        system.steps.reach("inbox:written");
        file.sync_all()
            .inspect_err(|_| {
                // What the kernel still shows may not be there: it is not to be believed when it is looked at next.
                let _not_dropped = file.forget_cached(0);
            })
            .doing("make the inbox durable", &path)?;
        match system.disk.sync_dir(&place.sidecars()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            synced => synced.doing("make the inbox's name durable", &path)?,
        }
        match session.names.lead_to(&*system.disk, &place.sidecars()) {
            Err(error) if error.is_missing() => continue,
            synced => synced?,
        }
        system.steps.reach("inbox:synced");
        let end = file.facts().map_or(0, |facts| facts.size);
        if still_there(system, &path, &*file) {
            system.steps.acknowledged(&path, end);
            return Ok(());
        }
    }
    let gone = std::io::Error::other("it is replaced again and again by somebody else");
    Err(gone).doing("keep the inbox", &path)
}

/// A short write is an error: what it left is a fragment, and the next record begins on a line of its own.
fn append_all(file: &dyn DiskFile, bytes: &[u8]) -> std::io::Result<()> {
    match file.append(bytes)? {
        written if written == bytes.len() => Ok(()),
        written => Err(std::io::Error::new(
            std::io::ErrorKind::StorageFull,
            format!("only {written} of {} bytes were written", bytes.len()),
        )),
    }
}

fn still_there(system: &System, path: &Path, file: &dyn DiskFile) -> bool {
    match (system.disk.facts(path), file.facts()) {
        (Ok(there), Ok(ours)) => there.same_inode(&ours),
        _ => false,
    }
}

fn backend(session: &SessionId, error: PathError) -> InboxError {
    InboxError::Backend {
        session: session.clone(),
        doing: error.to_string(),
        source: Box::new(error.source),
    }
}

/// The message is an object with a role, in one line, of bearable size.
fn check(session: &SessionId, message: &Incoming) -> Result<(), InboxError> {
    let bad = |why: &str| InboxError::BadMessage {
        session: session.clone(),
        key: message.key.clone(),
        why: why.to_owned(),
    };
    let text = message.message.get();
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(bad(
            "it has more than 64 MiB; keep large material in files and name them",
        ));
    }
    let json = latchwork_format::json::Raw::parse(text).map_err(|_| bad("it is not JSON"))?;
    let role = json
        .fields()
        .and_then(|fields| fields.str("role").map(std::borrow::Cow::into_owned));
    match role.as_deref() {
        Some("user" | "custom") => Ok(()),
        Some(_) => Err(bad("an inbox takes messages of the role user (or custom)")),
        None => Err(bad("it is not a message object with a role")),
    }
}

/// Text with line breaks between its parts is allowed in JSON; a record is one line.
fn in_one_line(message: &RawValue) -> Box<RawValue> {
    if message.get().contains(['\n', '\r'])
        && let Ok(compact) = RawValue::from_string(message.get().replace(['\n', '\r'], " "))
    {
        // Inside a string a raw line break is no JSON, so every one replaced here stood between tokens.
        return compact;
    }
    message.to_owned()
}

/// Takes up what another inbox said: what waits there waits here, what has ended there has ended here.
pub(crate) fn take_up(session: &Session, from: crate::records::Contents) -> Result<(), PathError> {
    let at = session.system.clock.wall_ms();
    let ended = from.known.into_iter().filter(|(_, waits)| !waits);
    let ended = ended.map(|(key, _)| Record::new(Sort::Retired, key, at));
    let records: Vec<Record> = from
        .waiting
        .into_iter()
        .map(accepted)
        .chain(ended)
        .collect();
    write(session, &records)
}

fn accepted(message: Waiting) -> Record {
    Record {
        session_key: message.session_key,
        message: Some(in_one_line(&message.message)),
        ..Record::new(Sort::Accepted, message.key, message.at_ms)
    }
}

#[async_trait::async_trait]
impl Inbox for FileStore {
    async fn accept(&self, session: &SessionId, message: Incoming) -> Result<Accepted, InboxError> {
        check(session, &message)?;
        let known = self.inbox_of(session)?;
        let place = &known.place;
        // A message beside what can never be a session would wait there for ever.
        if let Some(why) = crate::reading::no_transcript(self.system(), &place.transcript) {
            let session = session.clone();
            return Err(InboxError::Refused { session, why });
        }
        self.make_folder(place)
            .map_err(|error| backend(session, error))?;
        let key = message.key.clone();
        let already = run_blocking(self.threads(), session, move || {
            let there = contents(&known.system, &known.place)?;
            match there.known.get(&message.key) {
                None => {
                    let message = Waiting {
                        key: message.key,
                        message: message.message,
                        at_ms: message.at_ms,
                        session_key: message.session_key,
                    };
                    write(&known, &[accepted(message)]).map(|()| false)
                }
                // Who wrote it may have failed to make it durable, or died before that, and what the kernel has in memory
                // tells nothing of it: it is written again before it is acknowledged. The first record counts.
                Some(true) => {
                    let mut first = there.waiting;
                    first.retain(|first| first.key == message.key);
                    let again: Vec<Record> = first.into_iter().map(accepted).collect();
                    write(&known, &again).map(|()| true)
                }
                Some(false) => write(&known, &[]).map(|()| true),
            }
        })
        .await?;
        Ok(Accepted { key, already })
    }

    async fn waiting(&self, session: &SessionId) -> Result<Vec<Waiting>, InboxError> {
        let known = self.inbox_of(session)?;
        let read = move || Ok(contents(&known.system, &known.place)?.waiting);
        run_blocking(self.threads(), session, read).await
    }

    async fn cancel(
        &self,
        session: &SessionId,
        key: &Key,
        reason: &str,
    ) -> Result<bool, InboxError> {
        let known = self.inbox_of(session)?;
        let (key, reason) = (key.clone(), reason.to_owned());
        run_blocking(self.threads(), session, move || {
            if contents(&known.system, &known.place)?.known.get(&key) != Some(&true) {
                return Ok(false);
            }
            let at = known.system.clock.wall_ms();
            let record = Record {
                reason: Some(reason),
                ..Record::new(Sort::Cancelled, key, at)
            };
            write(&known, &[record])?;
            Ok(true)
        })
        .await
    }

    async fn retire(
        &self,
        guard: &mut PhaseGuard<'_>,
        session: &SessionId,
        answered: &[(Key, EntryId)],
    ) -> Result<(), InboxError> {
        if guard.session() != session.as_str() {
            let why = format!("the guard in hand is for session {:?}", guard.session());
            return Err(InboxError::Refused {
                session: session.clone(),
                why,
            });
        }
        if answered.is_empty() {
            return Ok(());
        }
        let known = self.inbox_of(session)?;
        let answered = answered.to_vec();
        run_blocking(self.threads(), session, move || {
            let at = known.system.clock.wall_ms();
            let records: Vec<Record> = answered
                .into_iter()
                .map(|(key, by)| Record {
                    by: Some(by),
                    ..Record::new(Sort::Retired, key, at)
                })
                .collect();
            write(&known, &records)
        })
        .await
    }
}

pub(crate) async fn run_blocking<T: Send + 'static>(
    threads: Threads,
    session: &SessionId,
    work: impl FnOnce() -> Result<T, PathError> + Send + 'static,
) -> Result<T, InboxError> {
    match threads.run(work).await {
        Ok(done) => done.map_err(|error| backend(session, error)),
        Err(error) => Err(InboxError::Backend {
            session: session.clone(),
            doing: "run the work on a thread of its own".to_owned(),
            source: Box::new(error),
        }),
    }
}

impl FileStore {
    pub(crate) fn inbox_of(&self, session: &SessionId) -> Result<Arc<Session>, InboxError> {
        self.session(session).map_err(|_| InboxError::Refused {
            session: session.clone(),
            why: "this store keeps another session only".to_owned(),
        })
    }
}
