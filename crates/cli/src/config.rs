//! `latchwork config`: what is set, where that comes from, whether it can be used; and setting it.
//!
//! | file | idea |
//! |---|---|
//! | `explain` | one setting, all that there is to know of it |
//! | `set` | one setting changed in the user's file |
//! | `show` | all settings, as they may be shown |
//! | `places` | where the files are |

mod explain;
mod places;
mod set;
mod show;

use std::path::Path;

use latchwork::{Sources, reference};

use crate::args::{Config, ConfigWhat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};
use crate::settings::files;
use crate::world::World;

/// Runs the command.
pub(crate) fn run(typed: Config, world: &World, errors: Errors) -> Result<Exit, Failure> {
    match typed.what {
        ConfigWhat::Show { origins, json } => show::run(origins, json, world, errors),
        ConfigWhat::Explain { key, json } => explain::run(&key, json, world, errors),
        ConfigWhat::Check { file } => check(file.as_deref(), world, errors),
        ConfigWhat::Schema => schema(),
        ConfigWhat::Set { key, value } => set::run(&key, &value, world, errors),
        ConfigWhat::Path { json } => places::run(json, world),
    }
}

fn check(file: Option<&Path>, world: &World, errors: Errors) -> Result<Exit, Failure> {
    let sources = match file {
        None => world.sources(Vec::new())?,
        Some(path) => alone(path, world)?,
    };
    let count = sources.files().len();
    world.resolve(sources, &errors)?;
    let mut output = Output::standard();
    output.line(match (file, count) {
        (Some(path), _) => format!("nothing is wrong with {}", path.display()),
        (None, 0) => "nothing is wrong; there is no settings file".to_owned(),
        (None, 1) => "nothing is wrong (1 file, the environment)".to_owned(),
        (None, count) => format!("nothing is wrong ({count} files, the environment)"),
    });
    output.finish()?;
    Ok(Exit::Ok)
}

/// The file as if it were the user's, and nothing else.
fn alone(path: &Path, world: &World) -> Result<Sources, Failure> {
    let file = files::read(path)?.ok_or_else(|| {
        Failure::new(format!("there is no file {}", path.display()))
            .hint("`latchwork config path` says where settings files are looked for")
    })?;
    Ok(Sources {
        user_file: Some(file),
        cwd: world.cwd.clone(),
        ..Sources::default()
    })
}

fn schema() -> Result<Exit, Failure> {
    let mut output = Output::standard();
    output.line(format_args!("{:#}", reference::schema()));
    output.finish()?;
    Ok(Exit::Ok)
}
