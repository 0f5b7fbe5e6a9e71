//! Which message is which, as OpenClaw's mirror has it.
//!
//! A message's identity is what its maker says (`__openclaw.mirrorIdentity`, such as `<turn>:prompt`); else its role and a digest of its role
//! and content as JavaScript writes them. Its key is the scope and the identity, and stands in the message (`idempotencyKey`) as well as in
//! our mark, so each of the two programs knows what the other has mirrored.
//!
//! Limit: numbers in a content are digested as they are written; `JSON.stringify` would write some otherwise.

use latchwork_format::json::Raw;
use latchwork_format::{Body, RawObject};
use latchwork_session::{Key, KeyError, NewEntry};
use serde_json::json;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::mirror::Entry;

/// One message to be mirrored, as JSON.
#[derive(Clone, Debug)]
pub struct MirrorMessage(RawObject);

impl MirrorMessage {
    /// A message; `None` for what is no JSON object.
    #[must_use]
    pub fn new(message: &RawValue) -> Option<Self> {
        RawObject::parse(message.get()).ok().map(Self)
    }

    /// A message that serialises as a JSON object.
    #[must_use]
    pub fn of(message: &impl serde::Serialize) -> Option<Self> {
        RawObject::parse(&serde_json::to_string(message).ok()?)
            .ok()
            .map(Self)
    }

    /// The same, called `identity`, such as `<turn>:prompt`: the same for one message however often it is given, another for
    /// another one that says the same.
    #[must_use]
    pub fn called(&self, identity: &str) -> Self {
        let meta = self
            .0
            .object("__openclaw")
            .or_else(|| RawObject::parse("{}").ok());
        match meta {
            Some(meta) => {
                let meta = meta.with_str("mirrorIdentity", identity);
                Self(self.0.with_object("__openclaw", &meta))
            }
            None => self.clone(),
        }
    }

    /// What the user said, with who sent it.
    #[must_use]
    pub fn prompt(text: &str, sender: &Sender, at_ms: i64) -> Option<Self> {
        let said = json!({ "role": "user", "content": text, "timestamp": at_ms });
        let mut object = RawObject::parse(&said.to_string()).ok()?;
        let fields = [
            ("senderId", sender.id()),
            ("senderName", sender.name()),
            ("senderUsername", sender.username()),
            ("senderE164", sender.e164()),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                object = object.with_str(name, value);
            }
        }
        if let Some(label) = sender.label() {
            object = object.with_str("senderLabel", &label);
        }
        Some(Self(object))
    }

    /// `None`: its role is not mirrored.
    pub(super) fn entry(&self, scope: Option<&str>) -> Result<Option<Entry>, KeyError> {
        let Some(role) = mirrored_role(&self.0) else {
            return Ok(None);
        };
        let key = match scope {
            Some(scope) => Some(Key::new(format!("{scope}:{}", identity(&self.0, &role)))?),
            None => None,
        };
        let object = match &key {
            Some(key) => keyed(&self.0, key),
            None => self.0.clone(),
        };
        let entry = as_message(&object).map(|body| match key {
            Some(key) => NewEntry::keyed(body, key),
            None => NewEntry::new(body),
        });
        Ok(entry.map(|entry| Entry {
            entry,
            is_message: true,
        }))
    }
}

/// Who sent a message, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// The id on the channel.
    pub id: Option<String>,
    /// The name for people.
    pub name: Option<String>,
    /// The name on the channel.
    pub username: Option<String>,
    /// The telephone number.
    pub e164: Option<String>,
}

fn said(text: &Option<String>) -> Option<&str> {
    let text = text.as_deref().map(str::trim);
    text.filter(|text| !text.is_empty())
}

impl Sender {
    fn id(&self) -> Option<&str> {
        said(&self.id)
    }

    fn name(&self) -> Option<&str> {
        said(&self.name)
    }

    fn username(&self) -> Option<&str> {
        said(&self.username)
    }

    fn e164(&self) -> Option<&str> {
        said(&self.e164)
    }

    /// What the sender is shown as: the first that is known of name, username, number and id, with the id behind it unless it is
    /// in there.
    #[must_use]
    pub fn label(&self) -> Option<String> {
        let known = [self.name(), self.username(), self.e164(), self.id()];
        let label = known.into_iter().flatten().next()?;
        Some(match self.id() {
            Some(id) if !label.contains(id) => format!("{label} ({id})"),
            _ => label.to_owned(),
        })
    }
}

/// The identity of a message, by what its maker says or by its content; `None` for a role that is not mirrored.
#[must_use]
pub fn identity_of(message: &RawValue) -> Option<String> {
    let object = RawObject::parse(message.get()).ok()?;
    let role = mirrored_role(&object)?;
    Some(identity(&object, &role))
}

fn identity(object: &RawObject, role: &str) -> String {
    let meta = object.object("__openclaw");
    let named = meta.and_then(|meta| meta.str("mirrorIdentity"));
    named
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("{role}:{}", fingerprint(object, role)))
}

/// The first half of the SHA-256's first half, in hexadecimal digits.
fn fingerprint(object: &RawObject, role: &str) -> String {
    let text = object.text();
    let content = Raw::parse(&text)
        .ok()
        .and_then(Raw::fields)
        .and_then(|fields| fields.get("content"));
    let mut json = String::from("{\"role\":");
    push_quoted(&mut json, role);
    if let Some(content) = content {
        json.push_str(",\"content\":");
        stringify(&mut json, content);
    }
    json.push('}');
    let hash = Sha256::digest(json.as_bytes());
    let hex = hash.iter().take(8).map(|byte| format!("{byte:02x}"));
    hex.collect()
}

/// As JavaScript writes it: without space, with as few escapes as may be.
fn stringify(json: &mut String, value: Raw<'_>) {
    if let Some(text) = value.as_str() {
        push_quoted(json, &text);
    } else if let Some(items) = value.items() {
        json.push('[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            stringify(json, item);
        }
        json.push(']');
    } else if let Some(fields) = value.fields() {
        json.push('{');
        for (index, (name, value)) in fields.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            push_quoted(json, name);
            json.push(':');
            stringify(json, value);
        }
        json.push('}');
    } else {
        json.push_str(value.text());
    }
}

fn push_quoted(json: &mut String, text: &str) {
    // Writing to memory does not fail.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// The role, if it is one that is mirrored.
pub(super) fn mirrored_role(object: &RawObject) -> Option<String> {
    let role = object.str("role")?;
    matches!(role.as_str(), "user" | "assistant" | "toolResult").then_some(role)
}

/// The message with its key in it.
pub(super) fn keyed(object: &RawObject, key: &Key) -> RawObject {
    object.with_str("idempotencyKey", key.as_str())
}

/// The object as a message.
pub(super) fn as_message(object: &RawObject) -> Option<Body> {
    let text = object.text().into_owned();
    RawValue::from_string(text).ok().map(Body::Message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn of(text: &str) -> Option<String> {
        identity_of(&RawValue::from_string(text.to_owned()).unwrap())
    }

    #[test]
    fn a_message_is_called_as_its_maker_says_else_by_what_it_says() {
        let named = r#"{"role":"user","content":"a","__openclaw":{"mirrorIdentity":"t1:prompt"}}"#;
        assert_eq!(of(named).unwrap(), "t1:prompt");
        let said = r#"{"content" : "a\u0062" , "role":"user", "timestamp":1}"#;
        let digest = Sha256::digest(br#"{"role":"user","content":"ab"}"#);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(of(said).unwrap(), format!("user:{}", &hex[..16]));
        // As OpenClaw 2026.5.18's own function has it.
        let real = r#"{"role":"assistant","content":[{"type":"text","text":"yo \" é"}],"n":1}"#;
        assert_eq!(of(real).unwrap(), "assistant:92e45b1c83bd6d36");
        assert_eq!(of(r#"{"role":"system","content":"a"}"#), None);
        let message = RawValue::from_string(said.to_owned()).unwrap();
        let called = MirrorMessage::new(&message).unwrap().called("x");
        let entry = called
            .entry(Some("codex-app-server:t"))
            .unwrap()
            .unwrap()
            .entry;
        assert_eq!(entry.key.unwrap().as_str(), "codex-app-server:t:x");
        let Body::Message(message) = entry.body else {
            panic!()
        };
        let message: Value = serde_json::from_str(message.get()).unwrap();
        assert_eq!(message["idempotencyKey"], "codex-app-server:t:x");
    }

    #[test]
    fn a_sender_is_shown_by_the_best_name_with_the_id_once() {
        let sender = |id: &str, name: &str, e164: &str| Sender {
            id: Some(id.to_owned()),
            name: Some(name.to_owned()),
            e164: Some(e164.to_owned()),
            username: None,
        };
        let label = |id, name, e164| sender(id, name, e164).label();
        assert_eq!(label("7", " Ann ", "").as_deref(), Some("Ann (7)"));
        assert_eq!(label("7", "", "+47").as_deref(), Some("+47"));
        assert_eq!(label(" ", "", ""), None);
        let prompt = MirrorMessage::prompt("hi", &sender("7", "Ann", ""), 5).unwrap();
        assert!(prompt.0.text().contains(r#""senderLabel":"Ann (7)""#));
    }

    proptest! {
        #[test]
        fn space_and_escapes_are_no_part_of_an_identity(text in any::<String>(), number in any::<i32>()) {
            let content = serde_json::json!([{ "type": "text", "text": text, "n": number }]);
            let plain = serde_json::json!({ "role": "assistant", "content": content });
            let escaped: String = plain.to_string().chars().map(|character| {
                if character.is_ascii() { character.to_string() } else {
                    let mut units = [0; 2];
                    character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
                }
            }).collect();
            let pretty = serde_json::to_string_pretty(&plain).unwrap();
            prop_assert_eq!(of(&escaped), of(&plain.to_string()));
            prop_assert_eq!(of(&pretty), of(&plain.to_string()));
        }
    }
}
