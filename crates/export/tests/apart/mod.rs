//! Takes a page apart as a browser's parser would: tags, what stands in scripts and styles, the policy.

use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What a page is made of.
#[derive(Debug, Default)]
pub(crate) struct Apart {
    /// The names of all elements that begin.
    pub(crate) tags: Vec<String>,
    /// The text of every script element that is not marked as data.
    pub(crate) code: Vec<String>,
    pub(crate) styles: Vec<String>,
    pub(crate) policy: String,
    /// All entries of all blocks of data.
    pub(crate) entries: Vec<Value>,
    pub(crate) index: Value,
}

/// The hash of a text as a policy has it.
pub(crate) fn hash(text: &str) -> String {
    let sum = Sha256::digest(text.as_bytes());
    format!(
        "sha256-{}",
        base64::engine::general_purpose::STANDARD.encode(sum)
    )
}

pub(crate) fn apart(page: &str) -> Apart {
    let mut apart = Apart::default();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if tag.starts_with(['/', '!']) {
            continue;
        }
        let name = tag
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if tag.contains("Content-Security-Policy") {
            apart.policy = tag
                .split("content=\"")
                .nth(1)
                .unwrap()
                .trim_end_matches('"')
                .to_owned();
        }
        if ["script", "style", "title"].contains(&name.as_str()) {
            let inside = raw_text(rest, &name);
            rest = &rest[inside.len()..];
            apart.take(&name, tag, inside);
        }
        apart.tags.push(name);
    }
    apart
}

/// Up to the end tag. After `<!--` with `<script` behind it a browser would look further: that is how data swallows a page.
fn raw_text<'a>(text: &'a str, name: &str) -> &'a str {
    let lower = text.to_ascii_lowercase();
    let end = lower.find(&format!("</{name}")).expect("the element ends");
    let inside = &text[..end];
    assert!(
        !(inside.contains("<!--") && lower[..end].contains("<script")),
        "the element would not end there"
    );
    inside
}

impl Apart {
    fn take(&mut self, name: &str, tag: &str, inside: &str) {
        if name == "style" {
            self.styles.push(inside.to_owned());
        }
        if name != "script" {
            return;
        }
        if !tag.contains("type=\"application/json\"") {
            return self.code.push(inside.to_owned());
        }
        let value: Value = serde_json::from_str(inside).expect("data is JSON");
        match value {
            Value::Array(entries) => self.entries.extend(entries),
            index => self.index = index,
        }
    }
}
