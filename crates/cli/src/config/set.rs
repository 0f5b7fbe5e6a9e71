//! One setting changed in the user's file: comments and order stay, and the file is replaced as a whole or not at all.
//!
//! What would not be understood is refused before anything is written. Limits: of two `set` at once the later one wins
//! whole; files of other formats than TOML are left to people.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use latchwork::config::{Format, Key, Origin, Resolved, SourceFile};
use latchwork::home::user_file;
use latchwork::sys::{System, make_private_dir, write_whole};
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

/// Runs the command.
pub(crate) fn run(
    key: &str,
    value: &str,
    as_json: bool,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let (key, _) = known(key)?;
    let path = path(world)?;
    let old = files::read(&path)?.map_or_else(String::new, |file| file.text);
    let new = edited(&old, &key, value).map_err(|error| refused(&error, &path))?;
    understood(&key, &path, &new, world, errors)?;
    if new != old {
        write(&world.system, &path, &new)?;
    }
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
            "changed": new != old,
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
fn path(world: &World) -> Result<PathBuf, Failure> {
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
        .hint("change it by hand; `latchwork config check` says whether it can be used"));
    }
    Ok(path)
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
    let cannot = |error: &(dyn std::error::Error + 'static)| {
        Failure::settings(format!("{} cannot be written", path.display())).because(error)
    };
    // Through a link, as a dotfile often is one: the link stays, what it leads to is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = target.parent().filter(|folder| !folder.exists()) {
        std::fs::create_dir_all(folder.parent().unwrap_or(folder))
            .map_err(|error| cannot(&error))?;
        make_private_dir(&*system.disk, folder).map_err(|error| cannot(&error))?;
    }
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
