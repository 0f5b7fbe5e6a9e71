//! Google's `generateContent` (`POST /v1beta/models/MODEL:generateContent`). The model is not in the body.
//!
//! From the reference: a content has at least one part, a part exactly one kind of data, `args` and `response` are objects, names begin
//! with a letter or an underscore. From its refusals: "function call turn comes immediately after a user turn or after a
//! function response turn", "function response turn comes immediately after a function call turn", "the number of
//! function response parts is equal to the number of function call parts", turns that do not alternate, an end that is
//! not the user's. From "Thought signatures": from Gemini 3 on, the first call of each step of the present turn bears one.

use serde_json::Value;

use super::report::{Refusals, is_base64, is_made_of, plain};

const IMAGES: [&str; 5] = [
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/heic",
    "image/heif",
];
/// What the documentation gives for calls of other models.
const NO_SIGNATURE: [&str; 2] = [
    "skip_thought_signature_validator",
    "context_engineering_is_the_way_to_go",
];
const DATA: [&str; 4] = ["text", "inlineData", "functionCall", "functionResponse"];

/// Why the provider would refuse this body for that model.
pub fn refusals(body: &Value, model: &str) -> Vec<String> {
    let mut found = Refusals::default();
    if !body["systemInstruction"].is_null() {
        for part in found.list(&body["systemInstruction"], "parts", "systemInstruction") {
            found.words(&part["text"], "systemInstruction");
        }
    }
    let contents = found.list(body, "contents", "body");
    let mut turns = Vec::new();
    for (n, content) in contents.iter().enumerate() {
        turns.push(turn(content, &mut found, &format!("contents[{n}]")));
    }
    order(&turns, &mut found);
    if model.starts_with("gemini-")
        && !model.starts_with("gemini-1")
        && !model.starts_with("gemini-2")
    {
        signed(contents, &turns, &mut found);
    }
    found.finish()
}

/// What a turn is, with the names and ids of its calls or responses.
#[derive(PartialEq)]
enum Turn {
    User,
    Model,
    Calls(Vec<(Value, Value)>),
    Responses(Vec<(Value, Value)>),
    Unknown,
}

fn turn(content: &Value, found: &mut Refusals, place: &str) -> Turn {
    let (mut calls, mut responses) = (Vec::new(), Vec::new());
    let parts = found.list(content, "parts", place);
    for (n, part) in parts.iter().enumerate() {
        let place = format!("{place}.parts[{n}]");
        let kinds = DATA.iter().filter(|kind| !part[**kind].is_null()).count();
        found.unless(kinds == 1, &place, "exactly one kind of data must be set");
        self::part(part, found, &place);
        let named = |kind: &str| (part[kind]["name"].clone(), part[kind]["id"].clone());
        if !part["functionCall"].is_null() {
            calls.push(named("functionCall"));
        }
        if !part["functionResponse"].is_null() {
            responses.push(named("functionResponse"));
        }
    }
    match content["role"].as_str() {
        Some("user") => {
            found.unless(calls.is_empty(), place, "a user calls no function");
            if responses.is_empty() {
                return Turn::User;
            }
            found.unless(
                responses.len() == parts.len(),
                place,
                "a response turn holds responses only",
            );
            Turn::Responses(responses)
        }
        Some("model") => {
            found.unless(
                responses.is_empty(),
                place,
                "a model gives no function response",
            );
            if calls.is_empty() {
                Turn::Model
            } else {
                Turn::Calls(calls)
            }
        }
        _ => {
            found.add(place, "please use a valid role: user, model");
            Turn::Unknown
        }
    }
}

fn part(part: &Value, found: &mut Refusals, place: &str) {
    let thought = part["thought"] == true;
    if !part["text"].is_null() && !thought && part["thoughtSignature"].is_null() {
        found.words(&part["text"], place);
    }
    if let Some(image) = part["inlineData"].as_object() {
        let said = |key: &str| image.get(key).and_then(Value::as_str).unwrap_or_default();
        found.image(said("mimeType"), said("data"), &IMAGES, place);
    }
    for (kind, content) in [("functionCall", "args"), ("functionResponse", "response")] {
        let function = &part[kind];
        if function.is_null() {
            continue;
        }
        found.unless(is_name(&function["name"]), place, "invalid function name");
        found.unless(
            function[content].is_object(),
            place,
            format!("`{content}` must be an object"),
        );
    }
    match &part["thoughtSignature"] {
        Value::Null => {}
        Value::String(text) if is_base64(text) || NO_SIGNATURE.contains(&text.as_str()) => {}
        _ => found.add(place, "`thoughtSignature` must be base64"),
    }
}

fn is_name(name: &Value) -> bool {
    let begins =
        |text: &str| text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    name.as_str().is_some_and(begins)
        && is_made_of(name, 64, |letter| {
            plain(letter) || letter == '.' || letter == ':'
        })
}

fn order(turns: &[Turn], found: &mut Refusals) {
    let first = turns.first().is_none_or(|turn| *turn == Turn::User);
    found.unless(first, "contents", "the first turn must be the user's");
    let last = turns.last();
    let ended = last.is_none_or(|turn| matches!(turn, Turn::User | Turn::Responses(_)));
    found.unless(ended, "contents", "the last turn must be the user's");
    for (n, pair) in turns.windows(2).enumerate() {
        let place = format!("contents[{}]", n + 1);
        match (&pair[0], &pair[1]) {
            (Turn::Calls(calls), Turn::Responses(responses)) => {
                let equal = calls.len() == responses.len();
                found.unless(equal, &place, "as many function responses as function calls");
                let same = calls.iter().all(|call| responses.contains(call));
                found.unless(same, &place, "a function response must name its call");
            }
            (Turn::Calls(_), _) => found.add(&place, "a function response turn must come immediately after a function call turn"),
            (_, Turn::Responses(_)) => found.add(&place, "a function response turn comes only after a function call turn"),
            (Turn::Model, Turn::Model | Turn::Calls(_)) => found.add(&place, "a function call turn comes after a user turn or a function response turn; turns alternate"),
            (Turn::User, Turn::User) => found.add(&place, "turns alternate between user and model"),
            _ => {}
        }
    }
}

/// The calls since the user last spoke: the first of each turn is signed.
fn signed(contents: &[Value], turns: &[Turn], found: &mut Refusals) {
    let begin = turns
        .iter()
        .rposition(|turn| *turn == Turn::User)
        .unwrap_or(0);
    for (n, content) in contents.iter().enumerate().skip(begin) {
        let parts = content["parts"].as_array().into_iter().flatten();
        let first = parts
            .into_iter()
            .find(|part| !part["functionCall"].is_null());
        let signed = first.is_none_or(|part| part["thoughtSignature"].is_string());
        found.unless(
            signed,
            &format!("contents[{n}]"),
            "function call is missing a thought_signature",
        );
    }
}
