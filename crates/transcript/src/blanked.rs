//! Words of messages that the transcript has by now, blanked in the inbox: what is replaced in the transcript is not to stand there still.
//!
//! A record that was accepted is overwritten with spaces where it stands, once a `retired` of its key is durable; that one stays, so the key is
//! known as ended. Nothing is moved, so who appends meanwhile needs no lock. Killed midway, a record is whole, blank, or unreadable: ended
//! in each case. Deliberately absent: messages that wait or were cancelled, which stand nowhere else; making the file shorter.

use std::collections::HashSet;

use latchwork_session::{InboxError, Key, SessionId};
use latchwork_sys::{DiskFile, IoDoing, OpenHow, PathError, read_at_most};

use crate::inbox::run_blocking;
use crate::records::{INBOX_BYTES_MAX, Record, Sort, regular};
use crate::session::Session;
use crate::store::FileStore;

impl FileStore {
    /// Blanks what the inbox has of messages that were answered, durably; how many records.
    ///
    /// # Errors
    /// [`InboxError`]; the same again goes on.
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    pub async fn blank_retired(&self, session: &SessionId) -> Result<usize, InboxError> {
        let known = self.inbox_of(session)?;
        run_blocking(self.threads(), session, move || blank(&known)).await
    }
}

fn blank(session: &Session) -> Result<usize, PathError> {
    let path = session.place.sidecar("inbox.jsonl");
    let file = match session.system.disk.open(&path, &OpenHow::updating()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        opened => opened.doing("open the inbox", &path)?,
    };
    regular(file.facts().doing("look at", &path)?.kind).doing("blank in the inbox", &path)?;
    let bytes = read_at_most(&*file, INBOX_BYTES_MAX).doing("read the inbox", &path)?;
    let lines = retired(&bytes);
    if lines.is_empty() {
        return Ok(0);
    }
    // What ended them is on the device first.
    file.sync_all().doing("make the inbox durable", &path)?;
    session.system.steps.reach("inbox:before-blank");
    for (offset, len) in &lines {
        overwrite(&*file, *offset, *len).doing("blank in the inbox", &path)?;
    }
    session.system.steps.reach("inbox:blanked");
    file.sync_all().doing("make the inbox durable", &path)?;
    Ok(lines.len())
}

/// The places and lengths of accepted records whose keys have a retired one.
fn retired(bytes: &[u8]) -> Vec<(u64, usize)> {
    let mut accepted: Vec<(Key, u64, usize)> = Vec::new();
    let mut ended: HashSet<Key> = HashSet::new();
    let mut offset = 0;
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(record) = serde_json::from_slice::<Record>(line) {
            match record.sort {
                Sort::Accepted => accepted.push((record.key, offset, line.len())),
                Sort::Retired => {
                    ended.insert(record.key);
                }
                Sort::Cancelled => {}
            }
        }
        offset += line.len() as u64 + 1;
    }
    accepted.retain(|(key, ..)| ended.contains(key));
    accepted
        .into_iter()
        .map(|(_, offset, len)| (offset, len))
        .collect()
}

fn overwrite(file: &dyn DiskFile, offset: u64, len: usize) -> std::io::Result<()> {
    match file.write_at(&vec![b' '; len], offset)? {
        written if written == len => Ok(()),
        _ => Err(std::io::ErrorKind::WriteZero.into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(sort: &str, key: u8) -> String {
        let message = match sort {
            "accepted" => r#","message":{"role":"user","content":"words"}"#,
            _ => "",
        };
        format!(r#"{{"type":"{sort}","key":"k{key}","at":1{message}}}"#)
    }

    proptest! {
        #[test]
        fn exactly_the_accepted_records_of_retired_keys_are_found_where_they_stand(
            all in prop::collection::vec((0..4_u8, 0..5_u8), 0..20)
        ) {
            let sorts = ["accepted", "retired", "cancelled", "accep"];
            let lines: Vec<String> = all.iter().map(|(sort, key)| record(sorts[usize::from(*sort)], *key)).collect();
            let text: String = lines.iter().map(|line| format!("\n{line}\n")).collect();
            let is_retired = |key: u8| all.contains(&(1, key));
            let expected = all.iter().filter(|(sort, key)| *sort == 0 && is_retired(*key)).count();
            let found = retired(text.as_bytes());
            prop_assert_eq!(found.len(), expected);
            let mut blanked = text.clone().into_bytes();
            for (offset, len) in found {
                let at = usize::try_from(offset).unwrap();
                let line = &text[at..at + len];
                prop_assert!(lines.iter().any(|one| one == line));
                blanked[at..at + len].fill(b' ');
            }
            prop_assert!(retired(&blanked).is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            retired(&bytes);
        }
    }
}
