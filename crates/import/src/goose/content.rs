//! The parts of a message of goose's, and what each becomes.

use latchwork_format::json::{Fields, Raw};

use crate::build::{List, Obj, call_block, image_block, is_string, quote, text_block};
use crate::part::Part;
use crate::reply::{thinking_block, withheld_block};

/// The parts of a message, and how many have no place.
pub(super) fn parts_of(content: Raw<'_>) -> (Vec<Part>, usize) {
    let (mut parts, mut unknown) = (Vec::new(), 0);
    for item in content.items().unwrap_or_default() {
        match item.fields().and_then(|fields| part_of(&fields)) {
            Some(part) => parts.extend(part),
            None => unknown += 1,
        }
    }
    (parts, unknown)
}

/// `None`: it has no place. `Some(None)`: it says nothing.
fn part_of(fields: &Fields<'_>) -> Option<Option<Part>> {
    let field = |key| fields.get(key);
    let part = match fields.str("type")?.as_ref() {
        "text" => {
            let text = field("text")?;
            let Some(block) = text_block(text) else {
                return is_string(text).then_some(None);
            };
            Part::Text {
                block,
                text: text.as_str()?.into_owned(),
            }
        }
        "image" => Part::Block(image_block(field("data")?, field("mimeType")?)?),
        "thinking" => {
            let text = field("thinking").filter(|text| is_string(*text))?;
            let seal = field("signature").filter(|seal| is_string(*seal) && seal.text() != "\"\"");
            Part::Block(thinking_block(text.text(), seal.map(Raw::text)))
        }
        "redactedThinking" => Part::Block(withheld_block(
            field("data").filter(|data| is_string(*data))?,
        )),
        "toolRequest" | "frontendToolRequest" => call(fields)?,
        "toolResponse" => outcome(fields)?,
        _ => return None,
    };
    Some(Some(part))
}

/// A call. One that goose could not make out keeps what goose said of it.
fn call(fields: &Fields<'_>) -> Option<Part> {
    let id = fields.str("id")?.into_owned();
    let call = fields.get("toolCall")?.fields()?;
    let value = call.get("value").and_then(Raw::fields);
    let (name, arguments) = match &value {
        Some(value) => {
            let given = value.get("arguments").filter(|given| given.is_object());
            let given = given.map_or("{}", Raw::text).to_owned();
            (value.str("name")?.into_owned(), given)
        }
        None => {
            let error = call.str("error").unwrap_or_default();
            let error = Obj::new().str("error", &error).end();
            ("invalid".to_owned(), error)
        }
    };
    let block = call_block(&id, &name, &arguments, fields.get("thoughtSignature"));
    Some(Part::Call { id, name, block })
}

/// What a call gave: a list of parts, or an object that has one and says whether it went well.
fn outcome(fields: &Fields<'_>) -> Option<Part> {
    let call = fields.str("id")?.into_owned();
    let result = fields.get("toolResult")?.fields()?;
    let mut list = List::default();
    let mut failed = false;
    match result.get("value") {
        Some(value) => {
            let inner = value.fields();
            if let Some(inner) = &inner {
                failed = inner.get("isError").is_some_and(Raw::truthy);
            }
            let content = inner.as_ref().and_then(|inner| inner.get("content"));
            for item in content.unwrap_or(value).items().unwrap_or_default() {
                let part = item.fields().and_then(|fields| part_of(&fields));
                match part {
                    Some(Some(Part::Text { block, .. } | Part::Block(block))) => list.push(&block),
                    Some(None) => {}
                    _ => list.push(&Obj::of("text").raw("text", &quote(item.text())).end()),
                }
            }
        }
        None => {
            failed = true;
            let error = result.str("error").unwrap_or_default();
            list.push(&Obj::of("text").str("text", &error).end());
        }
    }
    let content = list.end();
    Some(Part::Outcome {
        call,
        content,
        failed,
    })
}

/// The text of a message that holds nothing else.
pub(super) fn only_text(parts: &[Part]) -> Option<String> {
    let texts = parts.iter().map(|part| match part {
        Part::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<&str> = texts.collect::<Option<_>>()?;
    let text = texts.join("\n");
    (!text.trim().is_empty()).then_some(text)
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
