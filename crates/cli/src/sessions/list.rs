//! `latchwork sessions list`: the rows of a store, as OpenClaw lists them.

use latchwork::Latchwork;
use latchwork::openclaw_home::{ListedRow, list};
use serde_json::{Value, json};

use crate::args::List;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::world::World;

use super::store;

/// Runs the command.
pub(super) fn run(typed: &List, latchwork: &Latchwork, world: &World) -> Result<Exit, Failure> {
    let path = store::of(typed.store.as_deref(), latchwork)?;
    let index = latchwork.session_index(&path)?;
    let rows = index.read()?.ok_or_else(|| store::missing(&path))?;
    let now_ms = world.system.clock.wall_ms();
    let listing = list(&rows, now_ms, typed.active, typed.limit.0);
    let has_more = listing.rows.len() < listing.total;
    let mut output = Output::standard();
    if typed.json {
        output.json(&json!({
            "path": path.display().to_string(),
            "count": listing.rows.len(),
            "totalCount": listing.total,
            "limitApplied": typed.limit.0,
            "hasMore": has_more,
            "activeMinutes": typed.active,
            "malformed": rows.malformed().iter().map(|row| json!({ "key": row.key, "why": row.why })).collect::<Vec<_>>(),
            "sessions": listing.rows.iter().map(|row| &row.json).collect::<Vec<_>>(),
        }))?;
        output.finish()?;
        return Ok(Exit::Ok);
    }
    output.line(format!("Session store: {}", path.display()));
    let of = match typed.limit.0.filter(|_| has_more) {
        Some(limit) => format!(" of {} (limit {limit})", listing.total),
        None => String::new(),
    };
    output.line(format!("Sessions listed: {}{of}", listing.rows.len()));
    if let Some(minutes) = typed.active {
        output.line(format!("Filtered to last {minutes} minute(s)"));
    }
    for row in rows.malformed() {
        output.line(format!("Malformed row {:?} is kept: {}", row.key, row.why));
    }
    if listing.rows.is_empty() {
        output.line("No sessions found.");
    } else {
        output.line(columns(
            [
                "Kind",
                "Key",
                "Age",
                "Model",
                "Runtime",
                "Tokens (ctx %)",
                "Flags",
            ]
            .map(str::to_owned),
        ));
        for row in &listing.rows {
            output.line(in_words(row));
        }
    }
    output.finish()?;
    Ok(Exit::Ok)
}

fn in_words(row: &ListedRow) -> String {
    let tokens = match (row.total_tokens, row.context_tokens) {
        (Some(total), Some(context)) if context > 0 => {
            format!(
                "{total}/{context} ({}%)",
                total.saturating_mul(100) / context
            )
        }
        (Some(total), _) => total.to_string(),
        (None, _) => "-".to_owned(),
    };
    let mut flags = vec!["systemSent", "abortedLastRun"];
    flags.retain(|name| row.json.get(*name).and_then(Value::as_bool) == Some(true));
    columns([
        row.kind.to_owned(),
        shortened(&row.key),
        age(row.age_ms),
        row.model.clone().unwrap_or_else(|| "-".to_owned()),
        row.runtime.clone(),
        tokens,
        flags.join(" "),
    ])
}

fn columns([kind, key, age, model, runtime, tokens, flags]: [String; 7]) -> String {
    let line =
        format!("{kind:<11} {key:<26} {age:<9} {model:<14} {runtime:<18} {tokens:<20} {flags}");
    line.trim_end().to_owned()
}

/// A key in at most 26 characters: its beginning and its end.
pub(super) fn shortened(key: &str) -> String {
    let count = key.chars().count();
    if count <= 26 {
        return key.to_owned();
    }
    let head: String = key.chars().take(16).collect();
    let tail: String = key.chars().skip(count.saturating_sub(6)).collect();
    format!("{head}...{tail}")
}

/// How long ago, in the largest unit that fits.
pub(super) fn age(ms: Option<i64>) -> String {
    let Some(ms) = ms else {
        return "unknown".to_owned();
    };
    let minutes = ms / 60_000;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes}m ago"),
        60..1_440 => format!("{}h ago", minutes / 60),
        _ => format!("{}d ago", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use super::{age, shortened};

    #[test]
    fn a_long_key_keeps_its_ends_and_an_age_its_largest_unit() {
        assert_eq!(
            shortened("agent:main:telegram:direct:1234567"),
            "agent:main:teleg...234567"
        );
        assert_eq!(shortened("agent:main:main"), "agent:main:main");
        assert_eq!(
            [None, Some(0), Some(3_600_000)].map(age),
            ["unknown", "just now", "1h ago"]
        );
    }
}
