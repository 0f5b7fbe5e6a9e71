//! Values as the format has them, built as text: what a source says is copied as it was written, not decoded.

use latchwork_format::json::Raw;
use serde_json::value::RawValue;

/// An object under construction; keys are plain words.
pub(crate) struct Obj(Vec<u8>);

impl Obj {
    pub(crate) fn new() -> Self {
        Self(vec![b'{'])
    }

    /// An object of this type.
    pub(crate) fn of(kind: &str) -> Self {
        Self::new().str("type", kind)
    }

    fn key(&mut self, key: &'static str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// A value as it was written.
    pub(crate) fn raw(mut self, key: &'static str, value: &str) -> Self {
        self.key(key);
        self.0.extend_from_slice(value.as_bytes());
        self
    }

    pub(crate) fn str(mut self, key: &'static str, value: &str) -> Self {
        self.key(key);
        quote_into(&mut self.0, value);
        self
    }

    /// A string as it was written, if it is one and not empty.
    pub(crate) fn said(self, key: &'static str, value: Option<Raw<'_>>) -> Self {
        match value.filter(|value| is_string(*value) && value.text() != "\"\"") {
            Some(value) => self.raw(key, value.text()),
            None => self,
        }
    }

    pub(crate) fn number(self, key: &'static str, value: i64) -> Self {
        self.raw(key, &value.to_string())
    }

    pub(crate) fn time(self, at_ms: Option<i64>) -> Self {
        self.number("timestamp", at_ms.unwrap_or_default())
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push(b'}');
        // Keys, texts and numbers are UTF-8, all of them.
        String::from_utf8(self.0)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// A list under construction.
#[derive(Default)]
pub(crate) struct List {
    text: String,
    pub(crate) count: usize,
}

impl List {
    pub(crate) fn push(&mut self, value: &str) {
        if self.count > 0 {
            self.text.push(',');
        }
        self.text.push_str(value);
        self.count += 1;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn end(&self) -> String {
        format!("[{}]", self.text)
    }
}

fn quote_into(bytes: &mut Vec<u8>, text: &str) {
    let before = bytes.len();
    if serde_json::to_writer(&mut *bytes, text).is_err() {
        // Writing to memory does not fail.
        bytes.truncate(before);
        bytes.extend_from_slice(b"\"\"");
    }
}

pub(crate) fn quote(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    quote_into(&mut bytes, text);
    String::from_utf8(bytes).unwrap_or_default()
}

pub(crate) fn is_string(value: Raw<'_>) -> bool {
    value.text().starts_with('"')
}

/// A block of text, as it was written. None for what is no text, or empty.
pub(crate) fn text_block(text: Raw<'_>) -> Option<String> {
    (is_string(text) && text.text() != "\"\"")
        .then(|| Obj::of("text").raw("text", text.text()).end())
}

/// A block of an image in base64.
pub(crate) fn image_block(data: Raw<'_>, mime: Raw<'_>) -> Option<String> {
    (is_string(data) && is_string(mime)).then(|| {
        Obj::of("image")
            .raw("data", data.text())
            .raw("mimeType", mime.text())
            .end()
    })
}

/// A block of an image in a `data:` address; none for one that leads elsewhere.
pub(crate) fn image_of_address(address: &str) -> Option<String> {
    let (mime, data) = address.strip_prefix("data:")?.split_once(";base64,")?;
    let image = Obj::of("image").str("data", data).str("mimeType", mime);
    Some(image.end())
}

/// A call of a tool.
pub(crate) fn call_block(id: &str, name: &str, arguments: &str, seal: Option<Raw<'_>>) -> String {
    Obj::of("toolCall")
        .str("id", id)
        .str("name", name)
        .raw("arguments", arguments)
        .said("thoughtSignature", seal)
        .end()
}

/// The arguments of a call that were written as text: the object that it holds, else the text by itself.
pub(crate) fn arguments(text: &str) -> String {
    match Raw::parse(text) {
        // Between tokens a line break means nothing, and a line of ours holds none.
        Ok(value) if value.is_object() => value.text().replace(['\n', '\r'], " "),
        _ => Obj::new().str("input", text).end(),
    }
}

/// The numbers of tokens, as the format has them. Prices are not known, and readers want a number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
}

impl Tokens {
    pub(crate) fn to_json(self) -> String {
        let total = self
            .input
            .saturating_add(self.output)
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write);
        format!(
            "{{\"input\":{},\"output\":{},\"cacheRead\":{},\"cacheWrite\":{},\"totalTokens\":{total},\
             \"cost\":{{\"input\":0,\"output\":0,\"cacheRead\":0,\"cacheWrite\":0,\"total\":0}}}}",
            self.input, self.output, self.cache_read, self.cache_write
        )
    }
}

/// Text that was built as JSON, as a value.
pub(crate) fn value(text: String) -> Option<Box<RawValue>> {
    RawValue::from_string(text).ok()
}

#[cfg(test)]
mod tests {
    use latchwork_format::json::Raw;
    use proptest::prelude::*;

    use super::{Obj, arguments, call_block, image_of_address, quote};

    proptest! {
        #[test]
        fn whatever_is_put_into_an_object_it_is_json(key in any::<String>(), text in any::<String>()) {
            let built = Obj::of(&key).str("a", &text).number("n", -3).raw("r", &quote(&text)).end();
            let fields = Raw::parse(&built).unwrap().fields().unwrap();
            prop_assert_eq!(fields.str("a").unwrap(), text.as_str());
            prop_assert_eq!(fields.str("r").unwrap(), text.as_str());
            prop_assert!(Raw::parse(&call_block(&key, &text, &arguments(&text), None)).is_ok());
            if let Some(image) = image_of_address(&text) {
                prop_assert!(Raw::parse(&image).is_ok());
            }
        }
    }
}
