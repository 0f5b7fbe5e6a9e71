//! Bytes as text: what is not UTF-8 becomes a question mark, so that text is never longer than the bytes were.
//!
//! Deliberately absent: escaping for a terminal. Outcomes are for a model and a transcript; who shows them escapes them.

/// Text, and in how many places the bytes were not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Clean {
    pub(crate) text: String,
    pub(crate) replaced: usize,
}

pub(crate) fn clean(bytes: &[u8]) -> Clean {
    let mut clean = Clean {
        text: String::with_capacity(bytes.len()),
        replaced: 0,
    };
    for chunk in bytes.utf8_chunks() {
        clean.text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            clean.text.push('?');
            clean.replaced += 1;
        }
    }
    clean
}

/// The longest beginning of at most `max` bytes that does not cut a character.
pub(crate) fn whole_chars_front(bytes: &[u8], max: usize) -> &[u8] {
    let mut end = max.min(bytes.len());
    if end < bytes.len() {
        // A character has at most three bytes after its first.
        for back in 0..=3.min(end) {
            if !is_continuation(bytes[end - back]) {
                end -= back;
                break;
            }
        }
    }
    &bytes[..end]
}

/// The end of `bytes` from the first character that begins in it.
pub(crate) fn whole_chars_back(bytes: &[u8]) -> &[u8] {
    let cut = bytes
        .iter()
        .take(3)
        .take_while(|byte| is_continuation(**byte))
        .count();
    &bytes[cut..]
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{clean, whole_chars_back, whole_chars_front};

    #[test]
    fn what_is_not_utf_8_is_counted() {
        let cleaned = clean(b"a\xff\xfeb\xc3");
        assert_eq!((cleaned.text.as_str(), cleaned.replaced), ("a??b?", 3));
    }

    proptest! {
        #[test]
        fn text_is_never_longer_than_its_bytes(bytes: Vec<u8>) {
            prop_assert!(clean(&bytes).text.len() <= bytes.len());
        }

        #[test]
        fn valid_text_stays_valid_wherever_it_is_cut(text: String, at in 0usize..64) {
            let front = whole_chars_front(text.as_bytes(), at);
            prop_assert!(text.starts_with(std::str::from_utf8(front).unwrap()));
            prop_assert!(front.len() <= at && front.len() + 4 > at.min(text.len()));
            let back = whole_chars_back(&text.as_bytes()[at.min(text.len())..]);
            prop_assert!(text.ends_with(std::str::from_utf8(back).unwrap()));
        }

        #[test]
        fn any_bytes_can_be_cut_anywhere(bytes: Vec<u8>, at in 0usize..64) {
            prop_assert!(bytes.starts_with(whole_chars_front(&bytes, at)));
            prop_assert!(bytes.ends_with(whole_chars_back(&bytes)));
        }
    }
}
