//! Sessions that are gone from a home, taken out of its search indexes for good ([`latchwork_search::forget`]).
//!
//! The home's own index loses them; those of other versions of the program, which cannot be read, are deleted; so is the index of a
//! folder that is itself removed (an archived copy). Indexes of other folders are another folder's and stay. Invariant: what may
//! have words of them still is told, never passed over.

use std::io;
use std::path::Path;

use latchwork_search::{ForgetError, discard, forget};
use latchwork_sys::{IoDoing as _, PathError, System};

use crate::searching::{INDEXES, file_of, name_of};
use crate::{Latchwork, Session, home};

impl Latchwork {
    /// Takes what was indexed of a session out of the home's search indexes, to the byte; the next search indexes it as it is then. `None`, or
    /// why words of it may be there still.
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    pub async fn forget_words(&self, session: &Session) -> Option<String> {
        let (parts, place) = (self.shared(), session.place());
        let work = move || {
            let home_of = parts.settings().home.clone()?;
            let lies_in = place.parent().unwrap_or(Path::new("."));
            if lies_in == home::sessions_in(&home_of) {
                let stem = place.file_stem()?.to_string_lossy().into_owned();
                sessions(&parts.system, &home_of, &[stem])
            } else {
                folder(&parts.system, &home_of, lies_in)
            }
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(kept) => kept,
            Err(error) => Some(error.to_string()),
        }
    }
}

/// Takes sessions out by the stems of their files; why words of them may be there still.
pub(crate) fn sessions(system: &System, home: &Path, stems: &[String]) -> Option<String> {
    let folder = home.join(INDEXES);
    let names = match names(system, &folder) {
        Ok(names) => names,
        Err(error) => return Some(told(&error)),
    };
    let own = file_of("sessions");
    let mut others = others(&names, &own);
    others.retain(|name| name.starts_with("sessions."));
    let mut why = Vec::new();
    // Nothing is made there: not even by looking, where nobody ever searched.
    if !names.is_empty() {
        match forget(system, &folder.join(&own), stems) {
            Ok(_) => {}
            Err(ForgetError::Io(error)) => why.push(told(&error)),
            Err(error) => why.push(error.to_string()),
        }
    }
    for other in others {
        let gone = discard(system, &folder.join(other));
        why.extend(gone.err().map(|error| told(&error)));
    }
    (!why.is_empty()).then(|| why.join("; "))
}

/// Deletes the index of a folder that goes; why words of it may be there still.
pub(crate) fn folder(system: &System, home: &Path, folder: &Path) -> Option<String> {
    let real = system.disk.canonicalize(folder);
    let real = real.unwrap_or_else(|_| folder.to_path_buf());
    let index = home.join(INDEXES).join(file_of(&name_of(&real)));
    discard(system, &index).err().map(|error| told(&error))
}

fn names(system: &System, folder: &Path) -> Result<Vec<String>, PathError> {
    match system.disk.list(folder) {
        Ok(names) => Ok(names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).doing("list", folder),
    }
}

/// The indexes but one: each by the name of its file, though only something beside it may be there.
fn others(names: &[String], own: &str) -> Vec<String> {
    const ENDING: &str = ".sqlite";
    let mut found: Vec<String> = names
        .iter()
        .filter_map(|name| Some(name.get(..name.find(ENDING)? + ENDING.len())?.to_owned()))
        .filter(|name| name != own)
        .collect();
    found.sort();
    found.dedup();
    found
}

fn told(error: &PathError) -> String {
    format!("{error}: {}", error.source)
}

#[cfg(test)]
mod tests {
    use super::{folder, sessions};
    use crate::searching::{INDEXES, file_of, name_of};
    use latchwork_sys::System;
    use std::fs;

    #[test]
    fn indexes_of_other_versions_go_and_those_of_other_folders_stay() {
        let (system, home) = (System::real(), tempfile::tempdir().unwrap());
        let at = home.path().join(INDEXES);
        assert_eq!(sessions(&system, home.path(), &["s".to_owned()]), None);
        assert!(!at.exists(), "nothing is made");
        fs::create_dir(&at).unwrap();
        let copy = home.path().join("archive/s");
        fs::create_dir_all(&copy).unwrap();
        let of_copy = file_of(&name_of(&copy.canonicalize().unwrap()));
        for name in [
            "sessions.v0.sqlite",
            "sessions.v0.sqlite-wal",
            "sessions.v9.sqlite.aside",
            "folder-00.v0.sqlite",
            &of_copy,
        ] {
            fs::write(at.join(name), "words").unwrap();
        }
        assert_eq!(sessions(&system, home.path(), &["s".to_owned()]), None);
        assert_eq!(folder(&system, home.path(), &copy), None);
        let left = fs::read_dir(&at).unwrap().flatten();
        let left: Vec<_> = left.map(|file| file.file_name()).collect();
        assert_eq!(left, ["folder-00.v0.sqlite"]);
    }
}
