//! Where settings files are looked for, and which are there.

use std::path::{Path, PathBuf};

use latchwork::home::{PROJECT_FILE, SYSTEM_FILE, spellings, user_file};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::world::World;

/// Runs the command.
pub(crate) fn run(json: bool, world: &World) -> Result<Exit, Failure> {
    let mut output = Output::standard();
    for (layer, file) in places(world) {
        let (path, is_there) = found(&file);
        if json {
            output.json(
                &json!({ "layer": layer, "file": path.to_string_lossy(), "exists": is_there }),
            )?;
        } else {
            let there = if is_there { "" } else { "  (not there)" };
            output.line(format!("{layer:<8} {}{there}", path.display()));
        }
    }
    output.finish()?;
    Ok(Exit::Ok)
}

/// The places, lowest layer first.
fn places(world: &World) -> Vec<(&'static str, PathBuf)> {
    let mut places = vec![("system", PathBuf::from(SYSTEM_FILE))];
    places.extend(user_file(&world.environment).map(|file| ("user", file)));
    places.push(("project", world.cwd.join(PROJECT_FILE)));
    // Files that cannot be read are told by every other command; here it is asked where they are.
    let openclaw = world.sources(Vec::new()).ok();
    places.extend(
        openclaw
            .and_then(|sources| sources.openclaw_path())
            .map(|file| ("openclaw", file)),
    );
    places
}

/// The one that is there, in whatever format; else where it could be.
pub(super) fn found(file: &Path) -> (PathBuf, bool) {
    match spellings(file).into_iter().find(|path| path.exists()) {
        Some(path) => (path, true),
        None => (file.to_owned(), false),
    }
}
