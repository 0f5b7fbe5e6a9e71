//! Our own field on the lines we write: `"latchwork":{"key":…,"placement":2,"turn":…}`. Peers ignore it.
//!
//! It says which message a line is a placement of and which turn wrote it. Fields that a later version of
//! ours adds are kept.

use serde_json::{Map, Value};

use crate::json::{Raw, quote};

/// What we noted on a line when we wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The key that names the message within its session.
    pub key: Option<String>,
    /// Which placement of the message this is, counted from 1. The newest counts.
    pub placement: u32,
    /// The turn that wrote the line.
    pub turn: Option<String>,
    /// Fields we do not know.
    pub other: Map<String, Value>,
}

impl Default for Mark {
    fn default() -> Self {
        Mark {
            key: None,
            placement: 1,
            turn: None,
            other: Map::new(),
        }
    }
}

impl Mark {
    /// The field's name on a line.
    pub const FIELD: &'static str = "latchwork";

    /// The mark of a first placement of the message named `key`.
    pub fn keyed(key: impl Into<String>) -> Self {
        Mark {
            key: Some(key.into()),
            ..Mark::default()
        }
    }

    /// Reads the field's value; `None` if it is no object. Fields of the wrong type read as absent.
    #[must_use]
    pub fn read(value: Raw<'_>) -> Option<Self> {
        let fields = value.fields()?;
        let mut mark = Mark::default();
        for (name, value) in fields.effective() {
            match name {
                "key" => mark.key = value.as_str().map(std::borrow::Cow::into_owned),
                "turn" => mark.turn = value.as_str().map(std::borrow::Cow::into_owned),
                "placement" => {
                    let written = value.as_u64().and_then(|number| u32::try_from(number).ok());
                    mark.placement = written.unwrap_or(1);
                }
                _ => drop(mark.other.insert(name.to_owned(), value.to_value())),
            }
        }
        Some(mark)
    }

    /// The field's value as one line of JSON.
    pub(crate) fn to_json(&self) -> String {
        let mut object = crate::json::ObjectBuilder::new();
        object.opt_str("key", self.key.as_deref());
        if self.key.is_some() || self.placement != 1 {
            object.u64("placement", u64::from(self.placement));
        }
        object.opt_str("turn", self.turn.as_deref());
        for (name, value) in &self.other {
            if !matches!(name.as_str(), "key" | "placement" | "turn") {
                let text = serde_json::to_string(value).unwrap_or_else(|_| quote(""));
                object.raw(name, Raw::trusted(&text));
            }
        }
        object.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_with_what_we_do_not_know_yet() {
        let mut mark = Mark {
            key: Some("k".into()),
            placement: 3,
            turn: Some("t".into()),
            other: Map::new(),
        };
        mark.other
            .insert("later".into(), serde_json::json!({ "x": [1, 2] }));
        let text = mark.to_json();
        assert_eq!(Mark::read(Raw::parse(&text).unwrap()).unwrap(), mark);
    }

    #[test]
    fn a_mark_of_the_wrong_shape_costs_nothing() {
        assert_eq!(Mark::read(Raw::parse("7").unwrap()), None);
        let odd = Mark::read(Raw::parse(r#"{"key":7,"placement":-1}"#).unwrap()).unwrap();
        assert_eq!(odd, Mark::default());
    }
}
