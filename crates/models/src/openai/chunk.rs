//! One chunk of an answer, read leniently.
//!
//! Compatible servers leave fields out, add their own, or put `null` and empty strings where the original has nothing.
//! So a chunk is a walk over JSON: what is absent or of the wrong type reads as not said, and only what is no JSON
//! object at all is an error. A whole `chat.completion` reads as one chunk.
//!
//! Deliberately absent: what the chunks amount to (`assembly`). Of several choices only the first is read; we ask for
//! one.

use latchwork_format::request::wire::chat::THINKING_FIELDS;
use latchwork_session::Usage;
use serde_json::Value;

/// What one chunk says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chunk {
    /// The provider's name for the whole reply.
    pub(crate) response_id: Option<String>,
    /// More of the answer, in order.
    pub(crate) pieces: Vec<Piece>,
    /// Why the model stopped, in the provider's words.
    pub(crate) finish: Option<String>,
    /// The tokens so far.
    pub(crate) usage: Option<Usage>,
    /// The provider reports an error instead.
    pub(crate) error: Option<WireError>,
}

/// More of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// Words.
    Text(String),
    /// Thinking.
    Thinking {
        /// The words.
        text: String,
        /// The field that they came in, in which they have to be shown to the model again.
        field: &'static str,
    },
    /// A part of a call.
    Call(CallPiece),
}

/// A part of a call: whatever the chunk says of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CallPiece {
    pub(crate) index: Option<u64>,
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) arguments: String,
}

/// An error in the provider's words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WireError {
    /// An HTTP status, if it says one.
    pub(crate) status: Option<u16>,
    /// Its codes and types, joined by a blank, lower case.
    pub(crate) code: String,
    /// Its words.
    pub(crate) message: String,
}

impl Chunk {
    /// Reads one event's data. `named_error`: the event's type said that it is an error.
    ///
    /// # Errors
    /// What is wrong with it, if it is no JSON object.
    pub(crate) fn read(data: &str, named_error: bool) -> Result<Self, String> {
        let value: Value = serde_json::from_str(data)
            .map_err(|error| format!("an event is not JSON ({error})"))?;
        if !value.is_object() {
            return Err("an event is not a JSON object".into());
        }
        let choice = value["choices"].get(0).unwrap_or(&Value::Null);
        let said = if choice["delta"].is_object() {
            &choice["delta"]
        } else {
            &choice["message"]
        };
        let usages = [&value["usage"], &choice["usage"], &value["x_groq"]["usage"]];
        Ok(Self {
            response_id: text(&value["id"]),
            pieces: pieces(said),
            finish: text(&choice["finish_reason"]),
            usage: usages.into_iter().find_map(usage),
            error: WireError::inside(&value).or_else(|| named_error.then(|| WireError::of(&value))),
        })
    }
}

impl WireError {
    /// The error that an answer or an error page holds, if it holds one.
    pub(crate) fn inside(value: &Value) -> Option<Self> {
        match &value["error"] {
            Value::String(message) if !message.is_empty() => Some(Self {
                message: message.clone(),
                ..Self::default()
            }),
            error @ Value::Object(_) => Some(Self::of(error)),
            _ => None,
        }
    }

    /// The error that this object is.
    pub(crate) fn of(error: &Value) -> Self {
        let codes = [&error["code"], &error["type"], &error["status"]];
        let status = codes.iter().find_map(|code| status_of(code));
        let code = codes
            .iter()
            .filter_map(|code| code.as_str())
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase();
        let said = ["message", "details", "detail", "error"]
            .iter()
            .find_map(|field| text(&error[*field]));
        Self {
            status,
            code,
            message: said.unwrap_or_else(|| error.to_string()),
        }
    }
}

/// A number, or a string of digits, that is an HTTP status of an error.
fn status_of(code: &Value) -> Option<u16> {
    let number = code.as_u64().or_else(|| code.as_str()?.parse().ok())?;
    u16::try_from(number)
        .ok()
        .filter(|status| (400..600).contains(status))
}

fn pieces(said: &Value) -> Vec<Piece> {
    let mut pieces = Vec::new();
    // Some servers say the same thinking in two fields: one is enough.
    let thinking = THINKING_FIELDS
        .into_iter()
        .find_map(|field| Some((field, text(&said[field])?)));
    pieces.extend(thinking.map(|(field, text)| Piece::Thinking { text, field }));
    content(&said["content"], &mut pieces);
    pieces.extend(text(&said["refusal"]).map(Piece::Text));
    let calls = said["tool_calls"].as_array().into_iter().flatten();
    pieces.extend(
        calls
            .filter(|call| call.is_object())
            .map(|call| Piece::Call(call_piece(call))),
    );
    pieces
}

/// Content is a string, or a list of parts (Mistral puts thinking there).
fn content(value: &Value, pieces: &mut Vec<Piece>) {
    pieces.extend(text(value).map(Piece::Text));
    for part in value.as_array().into_iter().flatten() {
        pieces.extend(text(&part["text"]).map(Piece::Text));
        let thought = text(&part["thinking"]).into_iter();
        let thoughts = part["thinking"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|part| text(&part["text"]));
        pieces.extend(thought.chain(thoughts).map(|text| Piece::Thinking {
            text,
            field: "thinking",
        }));
    }
}

fn call_piece(call: &Value) -> CallPiece {
    let function = &call["function"];
    let arguments = match &function["arguments"] {
        Value::String(piece) => piece.clone(),
        // Whole arguments as an object instead of JSON text.
        whole @ Value::Object(_) => whole.to_string(),
        _ => String::new(),
    };
    CallPiece {
        index: call["index"].as_u64(),
        id: text(&call["id"]),
        name: text(&function["name"]),
        arguments,
    }
}

fn usage(value: &Value) -> Option<Usage> {
    let number = |value: &Value| {
        value
            .as_u64()
            .or_else(|| value.as_f64().map(|number| number.max(0.0) as u64))
    };
    let prompt = number(&value["prompt_tokens"]);
    let output = number(&value["completion_tokens"]);
    if prompt.is_none() && output.is_none() {
        return None;
    }
    let (prompt, output) = (prompt.unwrap_or_default(), output.unwrap_or_default());
    let details = &value["prompt_tokens_details"];
    let cached =
        number(&details["cached_tokens"]).or_else(|| number(&value["prompt_cache_hit_tokens"]));
    let cache_read = cached.unwrap_or_default().min(prompt);
    let cache_write = number(&details["cache_write_tokens"])
        .unwrap_or_default()
        .min(prompt - cache_read);
    let total = number(&value["total_tokens"]).unwrap_or_default();
    Some(Usage {
        input: prompt - cache_read - cache_write,
        output,
        cache_read,
        cache_write,
        total_tokens: total.max(prompt.saturating_add(output)),
    })
}

/// A string that says something.
fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Chunk {
        Chunk::read(&value.to_string(), false).unwrap()
    }

    #[test]
    fn null_empty_and_misplaced_fields_say_nothing() {
        for value in [
            json!({}),
            json!({"choices": []}),
            json!({"choices": [{"delta": {"content": "", "reasoning": null, "tool_calls": null}, "finish_reason": ""}]}),
            json!({"choices": {"delta": 3}, "usage": {}, "id": 7, "error": null}),
            json!({"choices": [{"delta": {"content": 5, "tool_calls": ["x", null]}, "finish_reason": null}], "usage": null}),
        ] {
            assert_eq!(read(&value), Chunk::default(), "{value}");
        }
    }

    #[test]
    fn cached_tokens_are_taken_out_of_the_input_wherever_a_server_puts_them() {
        let openai = json!({"usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13,
            "prompt_tokens_details": {"cached_tokens": 4}}});
        let deepseek = json!({"choices": [{"usage": {"prompt_tokens": 10, "completion_tokens": 3, "prompt_cache_hit_tokens": 4}}]});
        for value in [openai, deepseek] {
            let usage = read(&value).usage.unwrap();
            assert_eq!(
                (
                    usage.input,
                    usage.cache_read,
                    usage.output,
                    usage.total_tokens
                ),
                (6, 4, 3, 13)
            );
        }
        let nonsense = json!({"usage": {"prompt_tokens": 2, "completion_tokens": -5.5, "prompt_tokens_details": {"cached_tokens": 9}}});
        assert_eq!(read(&nonsense).usage.unwrap().input, 0);
    }

    #[test]
    fn thinking_is_found_in_every_field_and_once_only() {
        let both = json!({"choices": [{"delta": {"reasoning_content": "hm", "reasoning": "hm", "content": "so"}}]});
        let expected = vec![
            Piece::Thinking {
                text: "hm".into(),
                field: "reasoning_content",
            },
            Piece::Text("so".into()),
        ];
        assert_eq!(read(&both).pieces, expected);
        let parts = json!({"choices": [{"delta": {"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "so"}]}}]});
        let expected = vec![
            Piece::Thinking {
                text: "hm".into(),
                field: "thinking",
            },
            Piece::Text("so".into()),
        ];
        assert_eq!(read(&parts).pieces, expected);
    }

    #[test]
    fn an_error_is_seen_in_every_shape() {
        let shapes = [
            json!({"error": {"message": "no", "code": 429, "type": "X"}}),
            json!({"error": {"message": "no", "code": "429", "type": "x"}}),
        ];
        for shape in shapes {
            let error = read(&shape).error.unwrap();
            assert_eq!((error.status, error.message.as_str()), (Some(429), "no"));
            assert!(error.code.ends_with('x'));
        }
        assert_eq!(read(&json!({"error": "no"})).error.unwrap().message, "no");
        let named = Chunk::read(r#"{"code":400,"details":"too many"}"#, true)
            .unwrap()
            .error
            .unwrap();
        assert_eq!(
            (named.status, named.message.as_str()),
            (Some(400), "too many")
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(Chunk::read("[1]", false).is_err());
        assert!(Chunk::read("{\"a\":", false).is_err());
        assert!(Chunk::read(&"[".repeat(100_000), false).is_err());
    }
}
