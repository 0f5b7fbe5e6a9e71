//! The parts of a message, and what each becomes.

use latchwork_format::json::Raw;

use crate::build::{List, Obj, Tokens, call_block, image_block, is_string, quote, text_block};
use crate::part::Part;
use crate::reply::{thinking_block, withheld_block};

/// The parts of a message, and how many have no place.
pub(super) fn parts_of(content: Option<Raw<'_>>) -> (Vec<Part>, usize) {
    let Some(content) = content else {
        return (Vec::new(), 0);
    };
    if is_string(content) {
        return (text_part(content).into_iter().collect(), 0);
    }
    let (mut parts, mut unknown) = (Vec::new(), 0);
    for item in content.items().unwrap_or_default() {
        match part_of(item) {
            Ok(part) => parts.extend(part),
            Err(Unknown) => unknown += 1,
        }
    }
    (parts, unknown)
}

/// A part that has no place.
struct Unknown;

fn part_of(item: Raw<'_>) -> Result<Option<Part>, Unknown> {
    let fields = item.fields().ok_or(Unknown)?;
    let field = |key| fields.get(key).ok_or(Unknown);
    Ok(match fields.str("type").ok_or(Unknown)?.as_ref() {
        "text" => text_part(field("text")?),
        "thinking" => {
            let text = field("thinking")?;
            let seal = fields.get("signature").filter(|seal| is_string(*seal));
            is_string(text).then(|| Part::Block(thinking_block(text.text(), seal.map(Raw::text))))
        }
        "redacted_thinking" if is_string(field("data")?) => {
            Some(Part::Block(withheld_block(field("data")?)))
        }
        "image" => {
            let source = field("source")?.fields().ok_or(Unknown)?;
            let data = source.get("data").ok_or(Unknown)?;
            let mime = source.get("media_type").ok_or(Unknown)?;
            Some(Part::Block(image_block(data, mime).ok_or(Unknown)?))
        }
        "tool_use" => {
            let id = fields.str("id").ok_or(Unknown)?.into_owned();
            let name = fields.str("name").ok_or(Unknown)?.into_owned();
            let input = fields.get("input").filter(|input| input.is_object());
            let block = call_block(&id, &name, input.map_or("{}", Raw::text), None);
            Some(Part::Call { id, name, block })
        }
        "tool_result" => {
            let call = fields.str("tool_use_id").ok_or(Unknown)?.into_owned();
            let failed = fields.get("is_error").is_some_and(Raw::truthy);
            let content = outcome_content(fields.get("content"));
            Some(Part::Outcome {
                call,
                content,
                failed,
            })
        }
        _ => return Err(Unknown),
    })
}

fn text_part(text: Raw<'_>) -> Option<Part> {
    let block = text_block(text)?;
    let text = text.as_str()?.into_owned();
    Some(Part::Text { block, text })
}

/// What a call gave, as blocks; a part that has no place of its own is shown as the text that it is.
fn outcome_content(content: Option<Raw<'_>>) -> String {
    let mut list = List::default();
    let Some(content) = content.filter(|content| !content.is_null()) else {
        return list.end();
    };
    match content.items() {
        Some(items) => {
            for item in items {
                match part_of(item) {
                    Ok(Some(Part::Text { block, .. } | Part::Block(block))) => list.push(&block),
                    Ok(None) => {}
                    _ => list.push(&Obj::of("text").raw("text", &quote(item.text())).end()),
                }
            }
        }
        None => text_block(content)
            .into_iter()
            .for_each(|block| list.push(&block)),
    }
    list.end()
}

/// The outcome of a call as a message.
pub(super) fn outcome(
    part: &Part,
    tool: &str,
    details: Option<Raw<'_>>,
    at_ms: Option<i64>,
) -> String {
    let Part::Outcome {
        call,
        content,
        failed,
    } = part
    else {
        return String::new();
    };
    let mut said = Obj::new()
        .str("role", "toolResult")
        .str("toolCallId", call)
        .str("toolName", tool)
        .raw("content", content)
        .raw("isError", if *failed { "true" } else { "false" });
    if let Some(details) = details {
        said = said.raw("details", details.text());
    }
    said.time(at_ms).end()
}

/// What a user said as a message.
pub(super) fn user(parts: &[Part], at_ms: Option<i64>) -> String {
    let mut list = List::default();
    for part in parts {
        match part {
            Part::Text { block, .. } | Part::Block(block) | Part::Call { block, .. } => {
                list.push(block);
            }
            Part::Outcome { .. } => {}
        }
    }
    let said = Obj::new().str("role", "user").raw("content", &list.end());
    said.time(at_ms).end()
}

/// Why a model stopped, in the format's words.
pub(super) fn stop_of(reason: &str) -> Option<&'static str> {
    match reason {
        "end_turn" | "stop_sequence" | "pause_turn" | "refusal" => Some("stop"),
        "tool_use" => Some("toolUse"),
        "max_tokens" | "model_context_window_exceeded" => Some("length"),
        _ => None,
    }
}

pub(super) fn usage_of(usage: Raw<'_>) -> Option<Tokens> {
    let fields = usage.fields()?;
    let number = |key| fields.get(key).and_then(Raw::as_u64).unwrap_or_default();
    Some(Tokens {
        input: number("input_tokens"),
        output: number("output_tokens"),
        cache_read: number("cache_read_input_tokens"),
        cache_write: number("cache_creation_input_tokens"),
    })
}
