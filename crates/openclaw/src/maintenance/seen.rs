//! What is found beside a store: names, sizes, times, and where a transcript says that it came from.
//!
//! Only regular files of the folder itself count; what a link leads to is never looked at. Of a transcript the first line is read, 8 KiB
//! at most.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use latchwork_filelock::SIDECARS;
use latchwork_format::RawLine;
use latchwork_sys::{FileKind, IoDoing, OpenHow, PathError, System, read_at_most};

use crate::names::{FileSort, sort_of};

/// How much of a transcript is read for its header, in bytes.
const HEADER_BYTES: usize = 8_192;

/// A file beside a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFile {
    /// Its name.
    pub name: String,
    /// The session that it belongs to, by its name.
    pub stem: String,
    /// What it is.
    pub sort: FileSort,
    /// Its size, in bytes.
    pub bytes: u64,
    /// When it was written last, milliseconds since 1970.
    pub modified_ms: i64,
    /// The inode, by which it is known again.
    pub inode: u64,
    /// The file name of the transcript that this one says it came from.
    pub parent: Option<String>,
}

/// What is found beside a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The folder.
    pub folder: PathBuf,
    /// The files that are known by their names.
    pub files: Vec<SeenFile>,
    /// The stems of sessions that messages were accepted for; of those nobody here can tell what was answered.
    pub inboxes: BTreeSet<String>,
    /// All regular files but the store itself, in bytes.
    pub bytes: u64,
    /// The store itself, in bytes.
    pub store_bytes: u64,
}

impl Seen {
    /// Looks at the folder of a store; one that is not there is empty.
    ///
    /// # Errors
    /// [`PathError`] if it cannot be listed.
    ///
    /// # Blocking
    /// For a look at each of its files.
    pub fn look(system: &System, store: &Path) -> Result<Self, PathError> {
        let dir = crate::folder_of(store);
        let store_name = store.file_name().and_then(|name| name.to_str());
        let store_name = store_name.unwrap_or(crate::STORE_NAME);
        let mut seen = Self {
            folder: dir.to_path_buf(),
            ..Self::default()
        };
        seen.inboxes = inboxes(system, dir)?;
        let names = match system.disk.list(dir) {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(seen),
            Err(error) => return Err(error).doing("list", dir),
        };
        for name in names.into_iter().filter_map(|name| name.into_string().ok()) {
            // One that is gone by now is not there.
            let Ok(facts) = system.disk.facts(&dir.join(&name)) else {
                continue;
            };
            if facts.kind != FileKind::Regular {
                continue;
            }
            if name == store_name {
                seen.store_bytes = facts.size;
                continue;
            }
            seen.bytes = seen.bytes.saturating_add(facts.size);
            let Some((stem, sort)) = sort_of(&name, store_name) else {
                continue;
            };
            let parent = match sort {
                FileSort::Transcript => parent_of(system, &dir.join(&name)),
                _ => None,
            };
            seen.files.push(SeenFile {
                stem: stem.to_owned(),
                name,
                sort,
                bytes: facts.size,
                modified_ms: facts.modified_ms,
                inode: facts.ino,
                parent,
            });
        }
        seen.files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(seen)
    }
}

/// The stems of those inboxes that hold anything.
fn inboxes(system: &System, dir: &Path) -> Result<BTreeSet<String>, PathError> {
    let sidecars = dir.join(SIDECARS);
    let names = match system.disk.list(&sidecars) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error).doing("list", &sidecars),
    };
    let stems = names.iter().filter_map(|name| {
        let stem = name.to_str()?.strip_suffix(".inbox.jsonl")?;
        let facts = system.disk.facts(&sidecars.join(name)).ok()?;
        (facts.size > 0).then(|| stem.to_owned())
    });
    Ok(stems.collect())
}

/// The name of the file that the header of a transcript names as its parent.
fn parent_of(system: &System, path: &Path) -> Option<String> {
    let file = system.disk.open(path, &OpenHow::reading()).ok()?;
    let bytes = read_at_most(&*file, HEADER_BYTES).ok()?;
    parent_in(&bytes)
}

fn parent_in(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let Ok(RawLine::Header(header)) = RawLine::parse(line) else {
        return None;
    };
    let parent = header.parent_session?;
    let name = parent.rsplit(['/', '\\']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}
