//! Names that stay the same from one import to the next: `import:<program>:<session>:<place>[#<content>]`.
//!
//! The place is the source's own name for the item where it has one; else the number of its line, and then a digest of the
//! content stands behind it, so that a line that was changed is another item. A reply that several lines of a source make up is
//! `<first>/<last>`: grown by a line since, it is another item that begins where the old one begins. Items that nothing
//! follows (notes, settings) begin with `~`.

use crate::kind::SourceKind;

/// The longest name of a source's own that stands in a key as it is.
const NAME_BYTES_MAX: usize = 100;

/// A source's own name, made fit for a key: printable, short, without the characters that structure keys.
pub(crate) fn fit(name: &str) -> String {
    let plain = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '@' | '+')
    };
    if !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(plain) {
        return name.to_owned();
    }
    let hash = blake3::hash(name.as_bytes()).to_hex();
    format!("x{}", hash.get(..32).unwrap_or(&hash))
}

/// Sixteen digits that stand for some bytes.
pub(crate) fn digits(hash: &blake3::Hash) -> String {
    let hex = hash.to_hex();
    hex.get(..16).unwrap_or(&hex).to_owned()
}

/// What all keys of a source begin with.
pub(crate) fn prefix(kind: SourceKind, session: &str) -> String {
    format!("import:{kind}:{}:", fit(session))
}

/// Whose item a key names: the part before the content, if it is a key of an import.
#[must_use]
pub fn place_of(key: &str) -> Option<&str> {
    key.starts_with("import:")
        .then(|| key.split_once('#').map_or(key, |(place, _)| place))
}

/// The beginning of a place of several lines.
pub(crate) fn start_of(place: &str) -> &str {
    place.split_once('/').map_or(place, |(start, _)| start)
}

/// Whether something may follow the entry of this key; `None` if it is no key of an import.
#[must_use]
pub fn is_followed_key(key: &str) -> Option<bool> {
    place_of(key).map(is_followed)
}

/// Whether something may follow the item of this place.
pub(crate) fn is_followed(place: &str) -> bool {
    let own = place.splitn(4, ':').nth(3).unwrap_or_default();
    !own.starts_with('~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{fit, is_followed, place_of, prefix, start_of};
    use crate::kind::SourceKind;

    #[test]
    fn a_key_is_taken_apart_as_it_was_put_together() {
        let key = format!("{}12/14#aa", prefix(SourceKind::Codex, "s"));
        assert_eq!(place_of(&key), Some("import:codex:s:12/14"));
        assert_eq!(start_of("import:codex:s:12/14"), "import:codex:s:12");
        assert!(is_followed("import:codex:s:12") && !is_followed("import:codex:s:~12"));
        assert_eq!(place_of("codex:s:12"), None);
    }

    proptest! {
        #[test]
        fn whatever_a_source_calls_itself_its_keys_are_short_and_plain(name in any::<String>()) {
            let fit = fit(&name);
            prop_assert!(!fit.is_empty() && fit.len() <= 100);
            prop_assert!(!fit.contains([':', '#', '/', '~', ' ', '\n']));
        }
    }
}
