//! What of a session is exported, and what becomes of its words on the way.
//!
//! Invariant: what is left out is never replaced by something that tells more than its kind and size; where a restriction is in
//! force, whatever we do not understand (unknown blocks, state of extensions) is left out too, since it may hold what was to go.

use std::borrow::Cow;

use latchwork_format::EntryId;

/// Takes out of a text what must not leave the house. It is given every text of the session, decoded: words, arguments and
/// output of tools, names, ids, errors; not the data of images. A secret that is cut in two by the end of a block is not seen.
pub type Redact<'r> = dyn Fn(&str) -> Cow<'_, str> + 'r;

/// Which entries are exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The active branch.
    #[default]
    Active,
    /// The branch that ends with this entry.
    Leaf(EntryId),
    /// Every branch.
    All,
}

/// What becomes of images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Images {
    /// Their kind and size are told.
    #[default]
    Named,
    /// They are in the export: in Markdown as `data:` URLs.
    Inline,
}

/// How a session is exported.
#[derive(Clone, Copy)]
pub struct Options<'r> {
    /// Which entries; see [`Which`].
    pub which: &'r Which,
    /// Whether the model's reasoning is exported.
    pub thinking: bool,
    /// Whether it is exported what tools were called with and what they answered. Their names are in any case.
    pub tools: bool,
    /// What becomes of images.
    pub images: Images,
    /// The title, in place of the session's name.
    pub title: Option<&'r str>,
    /// What takes secrets out.
    pub redact: Option<&'r Redact<'r>>,
}

/// Everything of the active branch; images are named.
impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            which: &Which::Active,
            thinking: true,
            tools: true,
            images: Images::Named,
            title: None,
            redact: None,
        }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("which", self.which)
            .field("thinking", &self.thinking)
            .field("tools", &self.tools)
            .field("images", &self.images)
            .field("title", &self.title)
            .field("redact", &self.redact.is_some())
            .finish()
    }
}

impl Options<'_> {
    /// Whether something is left out on purpose, so that what we do not understand must go, too.
    pub(crate) fn restricts(&self, images: bool) -> bool {
        !self.thinking || !self.tools || (images && self.images == Images::Named)
    }

    /// The text without what must not leave the house.
    pub(crate) fn clean<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        let Some(redact) = self.redact else {
            return text;
        };
        match redact(&text) {
            Cow::Borrowed(same) if std::ptr::eq(same, text.as_ref()) => text,
            other => Cow::Owned(other.into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_a_secret_is_not_copied() {
        fn redact(text: &str) -> Cow<'_, str> {
            match text.contains("sk-1") {
                true => Cow::Owned(text.replace("sk-1", "[secret]")),
                false => Cow::Borrowed(text),
            }
        }
        let options = Options {
            redact: Some(&redact),
            ..Options::default()
        };
        assert_eq!(options.clean("a sk-1 b".into()), "a [secret] b");
        assert!(matches!(options.clean("x".into()), Cow::Borrowed("x")));
        let plain = Options::default();
        assert!(matches!(plain.clean("x".into()), Cow::Borrowed("x")));
    }
}
