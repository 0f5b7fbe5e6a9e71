//! One setting, all that there is to know of it.

use latchwork::config::{Key, Saying};
use latchwork::{Name, meant_by, name_of, shown};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};
use crate::settings::json::origin;
use crate::world::World;

/// Runs the command.
pub(crate) fn run(key: &str, json: bool, world: &World, errors: Errors) -> Result<Exit, Failure> {
    let (key, name) = known(key)?;
    let resolved = world.settings(Vec::new(), &errors)?;
    let trail = resolved.trail(&key);
    let mut output = Output::standard();
    if json {
        output.json(&all_as_json(&key, name, trail))?;
    } else {
        for line in lines(&key, name, trail) {
            output.line(line);
        }
    }
    output.finish()?;
    Ok(Exit::Ok)
}

/// The setting of this name.
pub(super) fn known(typed: &str) -> Result<(Key, &'static Name), Failure> {
    let key = Key::from(typed);
    if let Some(name) = name_of(&key) {
        return Ok((key, name));
    }
    let (shown, hint) = match meant_by(typed) {
        Some(meant) => (key.veiled_but_last(), format!("did you mean `{meant}`?")),
        None => (
            key.veiled(),
            "`latchwork config show` lists all settings".to_owned(),
        ),
    };
    Err(Failure::usage(format!("there is no setting `{shown}`")).hint(hint))
}

fn lines(key: &Key, name: &Name, trail: &[Saying]) -> Vec<String> {
    let told = |saying: &Saying| shown(key, saying);
    let mut lines = Vec::new();
    let mut shadowed = trail.iter().rev();
    match shadowed.next() {
        Some(saying) if !told(saying).is_null() => {
            lines.push(format!("{key} = {}", told(saying)));
            lines.push(format!("  {}", name.help));
            lines.push(format!("  from      {}", saying.origin));
        }
        _ => {
            lines.push(format!("{key} is not set"));
            lines.push(format!("  {}", name.help));
        }
    }
    for saying in shadowed.filter(|saying| !told(saying).is_null()) {
        lines.push(format!("  shadows   {} ({})", told(saying), saying.origin));
    }
    lines.push(format!("  may be    {}", name.kind));
    if let Some(words) = name.default_words {
        lines.push(format!("  default   {words}"));
    }
    if let Some(variable) = name.variable {
        lines.push(format!("  variable  {variable}"));
    }
    if name.for_projects {
        lines.push("  a project file may set it".to_owned());
    }
    lines.push(format!("  a change  holds {}", name.effect));
    lines.push(format!("  since     {}", name.since));
    lines
}

fn all_as_json(key: &Key, name: &Name, trail: &[Saying]) -> Value {
    let said =
        |saying: &Saying| json!({ "value": shown(key, saying), "origin": origin(&saying.origin) });
    let mut sayings = trail.iter().rev().map(said);
    let holds = sayings.next();
    json!({
        "key": key.to_string(),
        "holds": holds,
        "shadows": sayings.collect::<Vec<_>>(),
        "help": name.help,
        "type": name.kind.to_string(),
        "range": name.range().map(|range| [range.min(), range.max()]),
        "variable": name.variable,
        "forProjects": name.for_projects,
        "holdsFrom": name.effect.to_string(),
        "since": name.since,
    })
}
