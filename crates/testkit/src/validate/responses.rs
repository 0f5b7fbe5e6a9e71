//! OpenAI Responses (`POST /v1/responses`) with the whole conversation as input.
//!
//! From the API reference: the items and their fields. From its refusals: "No tool output found for function call", "No tool call
//! found for function call output with call_id", "Item of type 'reasoning' was provided without its required following
//! item", "Duplicate item found with id", "Expected an ID that begins with 'fc'", ids of at most 64 letters. Without
//! storage, an item of reasoning that holds no encrypted content names what nobody has.

use std::collections::HashSet;

use serde_json::Value;

use super::report::{Refusals, is_made_of, plain};

/// Why the provider would refuse this body.
pub fn refusals(body: &Value) -> Vec<String> {
    let mut found = Refusals::default();
    found.words(&body["model"], "model");
    if !body["instructions"].is_null() {
        found.words(&body["instructions"], "instructions");
    }
    let mut look = Look {
        stored: body["store"] != false,
        ids: HashSet::new(),
        calls: HashSet::new(),
        open: Vec::new(),
        found,
    };
    let items = look.found.list(body, "input", "body");
    for (n, item) in items.iter().enumerate() {
        look.item(item, items.get(n + 1), &format!("input[{n}]"));
    }
    for call in std::mem::take(&mut look.open) {
        look.found.add(
            "input",
            format!("no tool output found for function call {call:?}"),
        );
    }
    look.found.finish()
}

struct Look {
    stored: bool,
    ids: HashSet<String>,
    calls: HashSet<String>,
    open: Vec<String>,
    found: Refusals,
}

impl Look {
    fn item(&mut self, item: &Value, next: Option<&Value>, place: &str) {
        match item["type"].as_str() {
            Some("message") => self.message(item, place),
            Some("function_call") => self.call(item, place),
            Some("function_call_output") => self.output(item, place),
            Some("reasoning") => self.reasoning(item, next, place),
            _ => self
                .found
                .add(place, format!("unknown item {}", item["type"])),
        }
    }

    /// An id must begin as its kind's do, and be the only one.
    fn id(&mut self, item: &Value, begins: &str, place: &str) {
        let id = item["id"].as_str().unwrap_or_default();
        let fits = id.starts_with(begins) && is_made_of(&item["id"], 64, plain);
        self.found.unless(
            fits,
            place,
            format!("expected an id that begins with {begins:?}"),
        );
        let new = self.ids.insert(id.to_owned());
        self.found
            .unless(new, place, format!("duplicate item found with id {id:?}"));
    }

    fn message(&mut self, item: &Value, place: &str) {
        if !item["id"].is_null() {
            self.id(item, "msg_", place);
        }
        let (text, images) = match item["role"].as_str() {
            Some("user") => ("input_text", true),
            Some("system" | "developer") => ("input_text", false),
            Some("assistant") => ("output_text", false),
            _ => {
                return self
                    .found
                    .add(place, format!("unknown role {}", item["role"]));
            }
        };
        if item["content"].is_string() {
            return self.found.words(&item["content"], place);
        }
        for part in self.found.list(item, "content", place) {
            self.part(part, text, images, place);
        }
    }

    fn part(&mut self, part: &Value, text: &str, images: bool, place: &str) {
        match part["type"].as_str() {
            Some(kind) if kind == text => self.found.words(&part["text"], place),
            Some("input_image") if images => self.found.data_url(&part["image_url"], place),
            _ => self.found.add(
                place,
                format!("this item cannot hold a part {}", part["type"]),
            ),
        }
    }

    fn call(&mut self, item: &Value, place: &str) {
        if !item["id"].is_null() {
            self.id(item, "fc_", place);
        }
        let fits = is_made_of(&item["call_id"], 64, |letter| letter.is_ascii_graphic());
        self.found.unless(
            fits,
            place,
            "`call_id` must be a string of at most 64 letters",
        );
        let fits = is_made_of(&item["name"], 64, plain);
        self.found
            .unless(fits, place, "`name` must match ^[a-zA-Z0-9_-]{1,64}$");
        self.found.object_text(&item["arguments"], place);
        let id = item["call_id"].as_str().unwrap_or_default().to_owned();
        let new = self.calls.insert(id.clone());
        self.found
            .unless(new, place, format!("duplicate call_id {id:?}"));
        self.open.push(id);
    }

    fn output(&mut self, item: &Value, place: &str) {
        let id = item["call_id"].as_str().unwrap_or_default();
        match self.open.iter().position(|call| call == id) {
            Some(at) => drop(self.open.remove(at)),
            None => self.found.add(
                place,
                format!("no tool call found for function call output {id:?}"),
            ),
        }
        if item["output"].is_string() {
            return self.found.words(&item["output"], place);
        }
        for part in self.found.list(item, "output", place) {
            self.part(part, "input_text", true, place);
        }
    }

    fn reasoning(&mut self, item: &Value, next: Option<&Value>, place: &str) {
        self.id(item, "rs_", place);
        match item["summary"].as_array() {
            None => self.found.add(place, "`summary` must be a list"),
            Some(parts) => {
                let fit = |part: &Value| part["type"] == "summary_text" && part["text"].is_string();
                let fits = parts.iter().all(fit);
                self.found
                    .unless(fits, place, "`summary` holds summary_text parts");
            }
        }
        let sealed = item["encrypted_content"]
            .as_str()
            .is_some_and(|text| !text.is_empty());
        self.found.unless(
            sealed || self.stored,
            place,
            "the item is not stored and has no encrypted_content",
        );
        let followed = next.is_some_and(|next| match next["type"].as_str() {
            Some("reasoning" | "function_call") => true,
            Some("message") => next["role"] == "assistant",
            _ => false,
        });
        self.found.unless(
            followed,
            place,
            "reasoning was provided without its required following item",
        );
    }
}
