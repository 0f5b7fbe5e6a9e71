//! One entry as JSON for the page.

use super::json::{Object, push_list, push_string};
use crate::told::{Part, Told};

/// Writes the entry. What the index has (time, voice, usage) is not said again.
pub(crate) fn push_entry(out: &mut Vec<u8>, told: &Told<'_>) {
    let mut entry = Object::begin(out);
    entry.text("id", &told.id);
    entry.text("kind", &told.kind);
    entry.text_if("provider", told.provider.as_deref());
    entry.text_if("model", told.model.as_deref());
    entry.text_if("stop", told.stop.as_deref());
    entry.text_if("error", told.error.as_deref());
    entry.text_if("call", told.call.as_deref());
    entry.text_if("tool", told.tool.as_deref());
    entry.flag("failed", told.failed);
    push_list(entry.field("parts"), &told.parts, push_part);
    entry.end();
}

fn push_part(out: &mut Vec<u8>, part: &Part<'_>) {
    let mut object = Object::begin(out);
    match part {
        Part::Text(text) => object.text("text", text),
        Part::Thinking(text) => object.text("thinking", text),
        Part::Command(text) => object.text("command", text),
        Part::Output(text) => object.text("output", text),
        Part::Note(text) => object.text("note", text),
        Part::Call {
            id,
            name,
            arguments,
        } => {
            object.text("name", name);
            object.text("id", id);
            object.text_if("arguments", arguments.as_deref());
        }
        Part::Image { mime, bytes, data } => {
            object.text("image", mime);
            object.number("bytes", bytes);
            if let Some(data) = data {
                push_string(object.field("data"), data);
            }
        }
        Part::Json { what, text } => {
            object.text("what", what);
            object.text("json", text);
        }
        Part::LeftOut { what, bytes } => {
            object.text("leftOut", what);
            object.number("bytes", bytes);
        }
    }
    object.end();
}
