//! Names of settings: `lock.max_hold`, segments from the outermost table inwards.
//!
//! A key may come from a file, so it is displayed with everything escaped that could disturb a terminal.

use std::fmt;

/// The name of a setting.
///
/// Written with dots; a segment that is more than letters, digits, `_` and `-` stands in double quotes:
/// `providers."api.example".url`. Elements of arrays are numbered from 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key(Vec<String>);

impl Key {
    /// The segments, outermost first.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn from_segments(segments: Vec<String>) -> Self {
        Self(segments)
    }

    pub(crate) fn child(&self, segment: impl Into<String>) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment.into());
        Self(segments)
    }

    /// The key without its last segment; None for the root.
    pub(crate) fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, parent)| Self(parent.to_vec()))
    }

    pub(crate) fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads the dotted form. A quote that is not closed runs to the end; there is no text that is not a key.
impl From<&str> for Key {
    fn from(text: &str) -> Self {
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (segment, after) = match rest.strip_prefix('"') {
                Some(quoted) => unquote(quoted),
                None => rest
                    .split_once('.')
                    .map_or((rest.to_owned(), ""), |(segment, after)| {
                        (segment.to_owned(), after)
                    }),
            };
            segments.push(segment);
            rest = after;
        }
        Self(segments)
    }
}

fn unquote(quoted: &str) -> (String, &str) {
    let mut segment = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let after = &quoted[at + 1..];
                return (segment, after.strip_prefix('.').unwrap_or(after));
            }
            '\\' => segment.extend(chars.next().map(|(_, c)| c)),
            c => segment.push(c),
        }
    }
    (segment, "")
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if !segment.is_empty() && segment.chars().all(bare) {
                f.write_str(segment)?;
            } else {
                write!(f, "{segment:?}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_separate_and_quotes_hold_together() {
        let key = Key::from("providers.\"api.example\".url");
        assert_eq!(key.segments(), ["providers", "api.example", "url"]);
        assert_eq!(key.to_string(), "providers.\"api.example\".url");
    }

    #[test]
    fn an_escape_sequence_in_a_key_does_not_reach_the_terminal() {
        assert_eq!(
            Key::from_segments(vec!["a\u{1b}[2J".to_owned()]).to_string(),
            r#""a\u{1b}[2J""#
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            drop(Key::from(text.as_str()).to_string());
        }

        #[test]
        fn printable_keys_are_read_back_as_they_are_displayed(segments in prop::collection::vec("[ -~]{1,8}", 1..4)) {
            let key = Key::from_segments(segments);
            prop_assert_eq!(Key::from(key.to_string().as_str()), key);
        }
    }
}
