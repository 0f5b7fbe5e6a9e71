//! One setting changed in the user's file: comments and order stay, and the file is replaced as a whole or not at all.
//!
//! What would not be understood is refused before anything is written. Of several `set` at once each has the folder of the file to
//! itself (`flock`) while it reads, changes and replaces it, so none is lost, and nothing is left behind. Limits: an editor takes
//! no lock, so what it saves in those few milliseconds is lost; files of other formats than TOML are left to people.

use std::error::Error;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use latchwork::config::{Format, Key, Origin, Resolved, SourceFile};
use latchwork::home::user_file;
use latchwork::sys::{DiskFile, OpenHow, System, make_private_dir, write_whole};
use latchwork::{EditError, Settings, Sources, edited, misnamed_model};
use serde_json::json;

use super::explain::known;
use super::places::found;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};
use crate::settings::json::origin;
use crate::settings::{files, log, report};
use crate::world::World;

/// What a new settings file may be read and written by.
const PRIVATE: u32 = 0o600;
/// How long another `set` is waited for, and how long between two looks.
const WAIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// Runs the command.
pub(crate) fn run(
    key: &str,
    value: &str,
    as_json: bool,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let (key, _) = known(key)?;
    let path = path(&key, world)?;
    // First without the lock: what is refused makes nobody wait, and no folder.
    let mut alone = None;
    let changed = loop {
        let old = files::read(&path)?.map_or_else(String::new, |file| file.text);
        let new = edited(&old, &key, value).map_err(|error| refused(&error, &path))?;
        understood(&key, &path, &new, world, errors)?;
        if new == old {
            break false;
        }
        if alone.is_some() {
            write(&world.system, &path, &new)?;
            break true;
        }
        alone = Some(the_only_one(&world.system, &path)?);
    };
    drop(alone);
    let resolved = world
        .sources(Vec::new())
        .ok()
        .and_then(|sources| sources.resolve().ok());
    let over = resolved
        .as_ref()
        .and_then(|resolved| overruled(&key, &path, resolved));
    let mut output = Output::standard();
    if as_json {
        output.json(&json!({
            "key": key.to_string(),
            "file": path.to_string_lossy(),
            "changed": changed,
            "overruledBy": over.as_ref().map(origin),
        }))?;
    } else {
        output.line(format!("{key} is set in {}", path.display()));
    }
    output.finish()?;
    if let Some(over) = over.filter(|_| !as_json) {
        errors.warn(&format!("it does not hold: {over} is over it"));
    }
    // Set it is: the provider may be set up next.
    let model = resolved.as_ref().and_then(misnamed_model);
    if let Some(fault) = model.filter(|fault| fault.key() == Some(&key)) {
        errors.warn(&fault.to_string());
    }
    Ok(Exit::Ok)
}

/// The user's file.
fn path(key: &Key, world: &World) -> Result<PathBuf, Failure> {
    let file = user_file(&world.environment).ok_or_else(|| {
        Failure::settings(
            "there is no place for your settings: neither HOME nor XDG_CONFIG_HOME is set",
        )
        .hint("set HOME, or XDG_CONFIG_HOME to a folder of yours (an absolute path)")
    })?;
    let (path, _) = found(&file);
    if Format::of(&path) != Format::Toml {
        return Err(Failure::settings(format!(
            "{} is not TOML, and only TOML is changed from here",
            path.display()
        ))
        .hint(format!("write it there by hand: {}", by_hand(key)))
        .hint("`latchwork config check` says whether it can be used then"));
    }
    Ok(path)
}

/// As JSON5 and YAML take it. The value is the user's to write: it may be a secret.
fn by_hand(key: &Key) -> String {
    let (last, tables) = key
        .segments()
        .split_last()
        .map_or(("", &[][..]), |(last, tables)| (last.as_str(), tables));
    let innermost = format!("{last:?}: VALUE");
    let tables = tables.iter().rev();
    tables.fold(innermost, |inner, table| {
        format!("{table:?}: {{ {inner} }}")
    })
}

/// Waits until no other `set` is at work on the file. The lock is on its folder, which is made if it is not there.
fn the_only_one(system: &System, path: &Path) -> Result<Box<dyn DiskFile>, Failure> {
    let target = behind_links(path);
    let folder = target.parent().unwrap_or(&target);
    let cannot = |error: &(dyn Error + 'static)| {
        Failure::settings(format!(
            "the folder of the settings {} cannot be made or locked",
            folder.display()
        ))
        .because(error)
        .hint("make it writable for you, or set XDG_CONFIG_HOME to a folder of yours (an absolute path)")
    };
    if !folder.exists() {
        std::fs::create_dir_all(folder.parent().unwrap_or(folder))
            .map_err(|error| cannot(&error))?;
        make_private_dir(&*system.disk, folder).map_err(|error| cannot(&error))?;
    }
    let lock = system.disk.open(folder, &OpenHow::reading().following());
    let lock = lock.map_err(|error| cannot(&error))?;
    let until = system.clock.monotonic() + WAIT;
    while !lock.try_lock().map_err(|error| cannot(&error))? {
        if system.clock.monotonic() >= until {
            return Err(Failure::new(format!(
                "somebody has kept {} locked for {} s; nothing was changed",
                folder.display(),
                WAIT.as_secs()
            ))
            .exit(Exit::Busy)
            .hint("try again; a `latchwork config set` that was stopped keeps it until it goes on or ends"));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(lock)
}

/// Through a link, as a dotfile often is one: the link stays, what it leads to is replaced.
fn behind_links(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn refused(error: &EditError, path: &Path) -> Failure {
    let failure = Failure::of(error);
    match error {
        EditError::Syntax => failure.exit(Exit::Settings).hint(format!(
            "`latchwork config check {}` says what is wrong with it",
            path.display()
        )),
        EditError::NoTable { .. } => failure.exit(Exit::Settings),
        _ => failure.exit(Exit::Usage),
    }
}

/// Refuses what would not be understood. What else is wrong with the file was so before, and is told by whoever reads it.
fn understood(
    key: &Key,
    path: &Path,
    text: &str,
    world: &World,
    errors: Errors,
) -> Result<(), Failure> {
    let file = SourceFile::named(path, text);
    let sources = Sources {
        user_file: Some(file.clone()),
        cwd: world.cwd.clone(),
        ..Sources::default()
    };
    let Err(mut error) = sources.resolve().and_then(log::understood) else {
        return Ok(());
    };
    error
        .faults
        .retain(|fault| fault.key().is_some_and(|wrong| touches(wrong, key)));
    if error.faults.is_empty() {
        return Ok(());
    }
    Err(report::failure(&error, &[file], errors.styled).hint("nothing was changed"))
}

/// Whether a fault at one key is about the other: the same, or an item of a list in it.
fn touches(wrong: &Key, key: &Key) -> bool {
    wrong.segments().starts_with(key.segments())
}

fn write(system: &System, path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |error: &(dyn Error + 'static)| {
        Failure::settings(format!("{} cannot be written", path.display()))
            .because(error)
            .hint("make its folder writable for you, or set XDG_CONFIG_HOME to a folder of yours (an absolute path)")
    };
    let target = behind_links(path);
    let mode =
        std::fs::metadata(&target).map_or(PRIVATE, |facts| facts.permissions().mode() & 0o777);
    write_whole(
        &*system.disk,
        &*system.entropy,
        &target,
        text.as_bytes(),
        mode,
    )
    .map_err(|error| cannot(&error))
}

/// What has the last word instead of the file.
fn overruled(key: &Key, path: &Path, resolved: &Resolved<Settings>) -> Option<Origin> {
    let origin = resolved.origin(key.clone())?;
    (origin.file() != Some(path)).then(|| origin.clone())
}
