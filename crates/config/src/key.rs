//! Names of settings: `lock.max_hold`, segments from the outermost table inwards.
//!
//! A key may come from a file, so it is displayed with everything escaped that could disturb a terminal. Somebody may have
//! pasted a secret where a name belongs; what is said of wrong settings shows names as [`Key::veiled`] does. Limit: a secret of a
//! few small letters looks like a name.

use std::fmt;

/// What stands for a name that may be a secret.
const VEIL: &str = "•••";
/// The most letters of a name that is shown though it names nothing.
const NAME_MAX: usize = 32;
/// The most characters of a name of the user's own choice, such as a provider's, that is shown; keys of providers are longer.
const OWN_NAME_MAX: usize = 12;

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

    /// As it may be shown where it names no setting: of its names only those of small letters and `_`, as settings have
    /// them; the rest may be a secret that was pasted there.
    #[must_use]
    pub fn veiled(&self) -> Self {
        self.with(is_like_a_setting)
    }

    /// The same where it names a setting, in a table whose names are the user's own: short ones are shown, too.
    pub(crate) fn with_own_names_veiled(&self) -> Self {
        self.with(|name| is_like_a_setting(name) || is_short(name))
    }

    /// Veiled, but for its last name: where that is nearly the name of a setting, it is no secret.
    #[must_use]
    pub fn veiled_but_last(&self) -> Self {
        let mut key = self.veiled();
        key.0.pop();
        key.child(self.last())
    }

    fn with(&self, is_shown: impl Fn(&str) -> bool) -> Self {
        let shown = |name: &String| if is_shown(name) { name.as_str() } else { VEIL }.to_owned();
        Self(self.0.iter().map(shown).collect())
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

fn is_like_a_setting(name: &str) -> bool {
    name.len() <= NAME_MAX && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn is_short(name: &str) -> bool {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.len() <= OWN_NAME_MAX && name.chars().all(bare)
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
            if segment == VEIL || (!segment.is_empty() && segment.chars().all(bare)) {
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

    #[test]
    fn a_secret_in_the_place_of_a_name_is_not_shown_and_a_name_is() {
        for (key, shown) in [
            ("turn.round_max", "turn.round_max"),
            ("sk-canary", "•••"),
            ("turn.sk-canary.x", "turn.•••.x"),
            ("AIzaSyCanary0123", "•••"),
            ("models.\"a b\"", "models.•••"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "•••"),
        ] {
            assert_eq!(Key::from(key).veiled().to_string(), shown, "{key}");
        }
        let own = Key::from("models.my-server2.sk-canary-0123456789");
        assert_eq!(
            own.with_own_names_veiled().to_string(),
            "models.my-server2.•••"
        );
        let near = Key::from("sk-canary.roundsMax");
        assert_eq!(near.veiled_but_last().to_string(), "•••.roundsMax");
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
