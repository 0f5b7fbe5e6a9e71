//! `latchwork config`: what is set, where that comes from, whether it can be used; and setting it.
//!
//! | file | idea |
//! |---|---|
//! | `check` | whether they can be used |
//! | `explain` | one setting, all that there is to know of it |
//! | `set` | one setting changed in the user's file |
//! | `show` | all settings, as they may be shown |
//! | `places` | where the files are |

mod check;
mod explain;
mod places;
mod set;
mod show;

use latchwork::reference;

use crate::args::{Config, ConfigWhat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};
use crate::world::World;

/// Runs the command.
pub(crate) fn run(typed: Config, world: &World, errors: Errors) -> Result<Exit, Failure> {
    match typed.what {
        ConfigWhat::Show { origins, json } => show::run(origins, json, world, errors),
        ConfigWhat::Explain { key, json } => explain::run(&key, json, world, errors),
        ConfigWhat::Check { file, json } => check::run(file.as_deref(), json, world, errors),
        ConfigWhat::Schema { .. } => schema(),
        ConfigWhat::Set { key, value, json } => set::run(&key, &value, json, world, errors),
        ConfigWhat::Path { json } => places::run(json, world),
    }
}

fn schema() -> Result<Exit, Failure> {
    let mut output = Output::standard();
    output.line(format_args!("{:#}", reference::schema()));
    output.finish()?;
    Ok(Exit::Ok)
}
