//! What a validator found, and the questions that all of them ask of a value.

use serde_json::{Map, Value};

/// Images that OpenAI and Anthropic take.
pub(super) const WEB_IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The reasons for a refusal, in the order in which they were met.
#[derive(Default)]
pub(super) struct Refusals(Vec<String>);

impl Refusals {
    pub(super) fn add(&mut self, place: &str, why: impl AsRef<str>) {
        self.0.push(format!("{place}: {}", why.as_ref()));
    }

    pub(super) fn unless(&mut self, holds: bool, place: &str, why: impl AsRef<str>) {
        if !holds {
            self.add(place, why);
        }
    }

    pub(super) fn finish(self) -> Vec<String> {
        self.0
    }

    /// The list at `key`, which must be there and hold something.
    pub(super) fn list<'v>(&mut self, value: &'v Value, key: &str, place: &str) -> &'v [Value] {
        match value[key].as_array() {
            Some(list) if !list.is_empty() => list,
            Some(_) => {
                self.add(place, format!("`{key}` is empty"));
                &[]
            }
            None => {
                self.add(place, format!("`{key}` must be a list"));
                &[]
            }
        }
    }

    /// A text that must say something.
    pub(super) fn words(&mut self, value: &Value, place: &str) {
        match value.as_str() {
            None => self.add(place, "must be a string"),
            Some(text) if text.trim().is_empty() => self.add(place, "text must not be blank"),
            Some(_) => {}
        }
    }

    /// The text of a JSON object.
    pub(super) fn object_text(&mut self, value: &Value, place: &str) {
        let object = value
            .as_str()
            .and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
        self.unless(object.is_some(), place, "must be the text of a JSON object");
    }

    /// An image as a data URL.
    pub(super) fn data_url(&mut self, value: &Value, place: &str) {
        let parts = value
            .as_str()
            .and_then(|url| url.strip_prefix("data:")?.split_once(";base64,"));
        match parts {
            None => self.add(place, "must be a data URL"),
            Some((mime, data)) => self.image(mime, data, &WEB_IMAGES, place),
        }
    }

    /// An image of a form that is taken.
    pub(super) fn image(&mut self, mime: &str, data: &str, forms: &[&str], place: &str) {
        self.unless(
            forms.contains(&mime),
            place,
            format!("unsupported image {mime:?}"),
        );
        self.unless(is_base64(data), place, "invalid base64 data");
    }
}

/// A text of at most so many of these letters, and at least one.
pub(super) fn is_made_of(value: &Value, most: usize, letters: fn(char) -> bool) -> bool {
    value
        .as_str()
        .is_some_and(|text| (1..=most).contains(&text.chars().count()) && text.chars().all(letters))
}

/// `[a-zA-Z0-9_-]`.
pub(super) fn plain(letter: char) -> bool {
    matches!(letter, 'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-')
}

/// Four letters at a time, the last ones perhaps padded.
pub(super) fn is_base64(text: &str) -> bool {
    let padding = text
        .chars()
        .rev()
        .take_while(|letter| *letter == '=')
        .count();
    let letter = |letter: char| matches!(letter, 'a'..='z' | 'A'..='Z' | '0'..='9' | '+' | '/');
    padding <= 2
        && text.len() >= 4
        && text.len().is_multiple_of(4)
        && text.chars().take(text.len() - padding).all(letter)
}
