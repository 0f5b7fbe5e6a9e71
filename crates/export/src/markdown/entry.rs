//! One entry as Markdown.

use latchwork_format::{Raw, Usage};

use super::words::{inline, push_code, push_words};
use crate::told::{Part, Told, Voice};

/// Writes the entry; notes about the session take a line, everything else a heading.
pub(super) fn push_entry(out: &mut String, told: &Told<'_>, label: Option<&str>) {
    if told.voice == Voice::Note {
        return push_note(out, told);
    }
    if told.voice == Voice::Gap {
        return push_gap(out);
    }
    push_heading(out, told, label);
    match told.voice {
        Voice::Compaction => out.push_str(
            "*What stands above was summed up here; from here on the model was shown this summary.*\n\n",
        ),
        Voice::Branch => out.push_str("*Another branch was left here; this sums it up.*\n\n"),
        _ => {}
    }
    for part in &told.parts {
        push_part(out, part);
    }
    if let Some(error) = &told.error {
        out.push_str(&format!("**Error:** {}\n\n", inline(error)));
    }
}

/// A place where entries are lost.
pub(super) fn push_gap(out: &mut String) {
    out.push_str("---\n\n*Entries are lost here.*\n\n---\n\n");
}

fn push_heading(out: &mut String, told: &Told<'_>, label: Option<&str>) {
    out.push_str("## ");
    out.push_str(&capital(told.voice.name()));
    match (told.voice, &told.tool) {
        (Voice::Tool, Some(tool)) => out.push_str(&format!(": {}", inline(tool))),
        (Voice::Extension, _) => out.push_str(&format!(": {}", inline(&told.kind))),
        _ => {}
    }
    if told.failed {
        out.push_str(" (failed)");
    }
    if let Some(time) = told.time_in_words() {
        out.push_str(&format!(" \u{2014} {time}"));
    }
    out.push_str("\n\n");
    let mut facts = Vec::new();
    if let Some(model) = model(told) {
        facts.push(inline(&model));
    }
    facts.extend(told.usage.as_ref().map(usage));
    let odd = told
        .stop
        .as_deref()
        .filter(|stop| !matches!(*stop, "stop" | "toolUse"));
    facts.extend(odd.map(|stop| format!("stopped: {}", inline(stop))));
    facts.extend(label.map(|label| format!("label: {}", inline(label))));
    facts.extend(
        told.call
            .as_deref()
            .map(|call| format!("call {}", inline(call))),
    );
    if !facts.is_empty() {
        out.push_str(&format!("*{}*\n\n", facts.join(" \u{b7} ")));
    }
}

fn push_part(out: &mut String, part: &Part<'_>) {
    match part {
        Part::Text(text) => push_words(out, text),
        Part::Thinking(text) if text.is_empty() => {
            out.push_str("*Reasoning that the provider withheld.*\n\n");
        }
        Part::Thinking(text) => {
            out.push_str("<details><summary>Thinking</summary>\n\n");
            push_words(out, text);
            out.push_str("</details>\n\n");
        }
        Part::Call {
            id,
            name,
            arguments,
        } => {
            out.push_str(&format!("**Call** {} ({}):\n\n", inline(name), inline(id)));
            match arguments {
                Some(arguments) => push_code(out, &pretty(arguments), "json"),
                None => out.push_str("*(what it was called with is left out)*\n\n"),
            }
        }
        Part::Command(command) => push_code(out, &format!("$ {command}"), "sh"),
        Part::Output(text) if text.trim().is_empty() => out.push_str("*(no output)*\n\n"),
        Part::Output(text) => push_code(out, text, ""),
        Part::Image { mime, bytes, data } => match data {
            Some(data) => out.push_str(&format!("![image](data:{mime};base64,{data})\n\n")),
            None => out.push_str(&format!(
                "*(image: {}, {})*\n\n",
                inline(mime),
                size(*bytes)
            )),
        },
        Part::Json { text, .. } => push_code(out, &pretty(text), "json"),
        Part::Note(note) => out.push_str(&format!("*{note}*\n\n")),
        Part::LeftOut { what, bytes } => {
            out.push_str(&format!("*(left out: {what}, {})*\n\n", size(*bytes)));
        }
    }
}

/// What is about the session and says something to a reader; the state of extensions does not.
fn push_note(out: &mut String, told: &Told<'_>) {
    let text = match told.parts.first() {
        Some(Part::Text(text)) => Some(inline(text)),
        _ => None,
    };
    let said = match (told.kind.as_ref(), text) {
        ("model_change", _) => model(told).map(|model| format!("model: {}", inline(&model))),
        ("thinking_level_change", Some(level)) => Some(format!("thinking level: {level}")),
        ("session_info", Some(name)) => Some(format!("the session was named {name}")),
        _ => None,
    };
    if let Some(said) = said {
        out.push_str(&format!("*({said})*\n\n"));
    }
}

fn model(told: &Told<'_>) -> Option<String> {
    match (told.provider.as_deref(), told.model.as_deref()) {
        (Some(provider), Some(model)) => Some(format!("{provider}/{model}")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}

/// What a reply took.
pub(super) fn usage(usage: &Usage) -> String {
    let cached = usage.cache_read + usage.cache_write;
    let mut said = format!("{} tokens in", usage.input.saturating_add(cached));
    if cached > 0 {
        said.push_str(&format!(" ({cached} of them cached)"));
    }
    said.push_str(&format!(", {} out", usage.output));
    if let Some(cost) = usage.cost_total.filter(|cost| *cost > 0.0) {
        said.push_str(&format!(", ${cost:.4}"));
    }
    said
}

fn pretty(json: &str) -> String {
    let value = Raw::parse(json).ok().filter(|raw| raw.is_object());
    let pretty = value.and_then(|_| {
        let value: serde_json::Value = serde_json::from_str(json).ok()?;
        serde_json::to_string_pretty(&value).ok()
    });
    pretty.unwrap_or_else(|| json.to_owned())
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} kB", bytes / 1_024),
        _ => format!("{} MB", bytes / 1_048_576),
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
