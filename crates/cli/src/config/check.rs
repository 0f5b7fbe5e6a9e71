//! Whether the settings can be used; everything that is wrong is told at once.
//!
//! What a command finds out only when it needs it (a provider that there is not, a tool, a filter of logs) is looked for here,
//! too, once everything can be read. Deliberately absent: whether an address answers, or a secret is where it is said to be.

use std::path::Path;

use latchwork::config::{ConfigError, Resolved};
use latchwork::{Settings, Sources, misnamed_model};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};
use crate::settings::{files, log, report};
use crate::world::World;

/// Runs the command.
pub(crate) fn run(
    file: Option<&Path>,
    as_json: bool,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let sources = match file {
        None => world.sources(Vec::new())?,
        Some(path) => alone(path, world)?,
    };
    let files = sources.files();
    let resolved = examined(sources);
    let mut output = Output::standard();
    let wrong = match &resolved {
        Err(error) => Some(report::failure(error, &files, errors.styled)),
        Ok(_) => None,
    };
    let warnings: Vec<String> = resolved
        .iter()
        .flat_map(|resolved| &resolved.warnings)
        .map(ToString::to_string)
        .collect();
    if as_json {
        let paths: Vec<_> = files
            .iter()
            .map(|file| file.path.to_string_lossy())
            .collect();
        let faults = wrong.as_ref().map(Failure::faults_as_json);
        output.json(&json!({
            "usable": wrong.is_none(),
            "files": paths,
            "faults": faults.unwrap_or_else(|| Value::Array(Vec::new())),
            "warnings": warnings,
        }))?;
    } else {
        warnings.iter().for_each(|warning| errors.warn(warning));
        if wrong.is_none() {
            output.line(in_words(file, files.len()));
        }
    }
    output.finish()?;
    wrong.map_or(Ok(Exit::Ok), Err)
}

/// The settings, with what is found out elsewhere only by whoever asks a model.
fn examined(sources: Sources) -> Result<Resolved<Settings>, ConfigError> {
    let resolved = sources.resolve().and_then(log::understood)?;
    match misnamed_model(&resolved) {
        Some(fault) => Err(ConfigError {
            faults: vec![fault],
        }),
        None => Ok(resolved),
    }
}

fn in_words(file: Option<&Path>, count: usize) -> String {
    match (file, count) {
        (Some(path), _) => format!("nothing is wrong with {}", path.display()),
        (None, 0) => "nothing is wrong; there is no settings file".to_owned(),
        (None, 1) => "nothing is wrong (1 file, the environment)".to_owned(),
        (None, count) => format!("nothing is wrong ({count} files, the environment)"),
    }
}

/// The file as if it were the user's, and nothing else.
fn alone(path: &Path, world: &World) -> Result<Sources, Failure> {
    let file = files::read(path)?.ok_or_else(|| {
        Failure::new(format!("there is no file {}", path.display()))
            .near(path, false)
            .hint("`latchwork config path` says where settings files are looked for")
    })?;
    Ok(Sources {
        user_file: Some(file),
        cwd: world.cwd.clone(),
        ..Sources::default()
    })
}
