//! Which settings files there are, and that nobody else may write them.
//!
//! A file that others may write says what others want: another address for a key, another command for a secret. So it is
//! refused by its name, with the way out, and so is a home of sessions. Deliberately absent: what a file says.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use latchwork::config::SourceFile;
use latchwork::home::{PROJECT_FILE, SYSTEM_FILE, sessions_in, spellings, user_file};
use latchwork::{Flag, Sources};

use crate::failure::Failure;
use crate::world::read_text;

/// Who beside us may write.
const WORLD: u32 = 0o002;
const GROUP: u32 = 0o020;

/// Where this process's own entry is: what it belongs to is what we are.
const OURSELVES: &str = "/proc/self";

/// Everything that settings come from.
///
/// # Errors
/// A file that cannot be read, or that others may write.
pub(crate) fn sources(
    environment: &BTreeMap<String, String>,
    cwd: &Path,
    flags: Vec<Flag>,
) -> Result<Sources, Failure> {
    let mut sources = Sources {
        system_file: read_one(Path::new(SYSTEM_FILE))?,
        user_file: user_file(environment)
            .as_deref()
            .map_or(Ok(None), read_one)?,
        project_file: read_one(&cwd.join(PROJECT_FILE))?,
        openclaw_file: None,
        environment: environment.clone(),
        cwd: cwd.to_owned(),
        flags,
    };
    if let Some(path) = sources.openclaw_path() {
        sources.openclaw_file = read(&path)?;
    }
    Ok(sources)
}

/// The one settings file with this name in whatever format, if there is one.
///
/// # Errors
/// Two of them, one that cannot be read, one that others may write.
pub(crate) fn read_one(file: &Path) -> Result<Option<SourceFile>, Failure> {
    let mut found = Vec::new();
    for path in spellings(file) {
        found.extend(read(&path)?);
    }
    match found.as_slice() {
        [_, _, ..] => {
            let names: Vec<_> = found
                .iter()
                .map(|file| file.path.display().to_string())
                .collect();
            Err(Failure::settings(format!(
                "there are two settings files for one thing: {}",
                names.join(" and ")
            ))
            .hint("keep one of them, in whichever format you like"))
        }
        _ => Ok(found.pop()),
    }
}

/// Reads a settings file; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<SourceFile>, Failure> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => {
            return Err(Failure::settings(format!(
                "the settings file {} cannot be read",
                path.display()
            ))
            .because(&error)
            .hint("make it a readable text file of at most 1 MiB, or take it away"));
        }
    };
    not_open_to_others("the settings file", path)?;
    Ok(Some(SourceFile::named(path, text)))
}

/// Refuses a home of sessions that others may write.
pub(crate) fn home_is_ours(home: &Path) -> Result<(), Failure> {
    for folder in [home.to_owned(), sessions_in(home)] {
        not_open_to_others("the folder of sessions", &folder)?;
    }
    Ok(())
}

fn not_open_to_others(what: &str, path: &Path) -> Result<(), Failure> {
    let facts = match std::fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => {
            return Err(Failure::settings(format!(
                "{what} {} cannot be looked at",
                path.display()
            ))
            .because(&error));
        }
    };
    let our_group = std::fs::metadata(OURSELVES).ok().map(|facts| facts.gid());
    let Some(who) = open_to(&facts, our_group) else {
        return Ok(());
    };
    Err(Failure::settings(format!(
        "{what} {} is refused: {who} may write it (mode {:03o})",
        path.display(),
        facts.mode() & 0o777
    ))
    .hint(format!(
        "look through it, then: chmod go-w {}",
        quoted(path)
    )))
}

/// Who besides its owner may write. Our own group is us: with private groups that is how files are made.
fn open_to(facts: &Metadata, our_group: Option<u32>) -> Option<String> {
    let is_ours = facts.gid() == 0 || Some(facts.gid()) == our_group;
    match facts.mode() {
        mode if mode & WORLD != 0 => Some("everybody".to_owned()),
        mode if mode & GROUP != 0 && !is_ours => Some(format!("the group {}", facts.gid())),
        _ => None,
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// As a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{home_is_ours, read, read_one};
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt as _, chown};

    #[test]
    fn a_file_that_others_may_write_is_refused_by_name_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        write(&path, "session = 'x'").unwrap();
        let with = |mode| {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            read(&path)
        };
        for mode in [0o600, 0o644, 0o664] {
            assert!(with(mode).unwrap().is_some(), "{mode:o}");
        }
        let told = with(0o646).unwrap_err().to_string();
        let way_out = format!("chmod go-w {}", path.display());
        assert!(
            told.contains("everybody may write it (mode 646)") && told.contains(&way_out),
            "{told}"
        );
        // Only who may give files away can make one of another group.
        if chown(&path, None, Some(4242)).is_ok() {
            assert!(with(0o644).is_ok());
            let told = with(0o664).unwrap_err().to_string();
            assert!(told.contains("the group 4242 may write it"), "{told}");
        }
    }

    #[test]
    fn a_home_that_others_may_write_is_refused_and_one_that_is_not_there_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        home_is_ours(&home).unwrap();
        create_dir(&home).unwrap();
        create_dir(home.join("sessions")).unwrap();
        home_is_ours(&home).unwrap();
        for folder in [home.clone(), home.join("sessions")] {
            set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
            let told = home_is_ours(&home).unwrap_err().to_string();
            assert!(
                told.contains(&format!("{} is refused", folder.display())),
                "{told}"
            );
            set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        }
    }

    #[test]
    fn of_two_files_for_one_thing_none_is_taken_and_each_format_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        assert!(read_one(&file).unwrap().is_none());
        write(dir.path().join("config.yaml"), "session: x\n").unwrap();
        let found = read_one(&file).unwrap().unwrap();
        assert!(found.path.ends_with("config.yaml"));
        write(&file, "session = 'x'").unwrap();
        let told = read_one(&file).unwrap_err().to_string();
        assert!(
            told.contains("config.toml") && told.contains("config.yaml"),
            "{told}"
        );
    }
}
