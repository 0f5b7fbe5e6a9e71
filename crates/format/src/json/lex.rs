//! Where the parts of JSON text end, by their brackets and quotes alone.
//!
//! Bytes, not characters: all that structures JSON is ASCII, so text that is not UTF-8 has the same parts. Nothing here
//! judges: of text that is no JSON some end is found or none, and whoever asks has the part read.

/// Whether JSON takes this byte for space.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The first place from `at` on that is no space.
pub(crate) fn space_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let space = rest.iter().take_while(|&&byte| is_space(byte)).count();
    at + space
}

/// The end of the string that opens at `open`, behind its closing quote.
pub(crate) fn string_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[found] == b'"' {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// The end of the object or array that opens at `open`.
pub(crate) fn nest_end(bytes: &[u8], open: usize) -> Option<usize> {
    let (mut at, mut depth) = (open, 0_usize);
    loop {
        match *bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The end of the value that begins at `at`.
pub(crate) fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        b'"' => string_end(bytes, at),
        b'{' | b'[' => nest_end(bytes, at),
        _ => Some(word_end(bytes, at)),
    }
}

/// The end of the number or the word that begins at `at`.
pub(crate) fn word_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let of_word = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    at + rest.iter().take_while(of_word).count()
}

/// Whether `text` nests deeper than `limit`; counts brackets outside strings.
#[must_use]
pub fn deeper_than(text: &[u8], limit: usize) -> bool {
    // Most lines hold fewer brackets than the limit, and counting those is cheap.
    if memchr::memchr2_iter(b'{', b'[', text).nth(limit).is_none() {
        return false;
    }
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => match string_end(text, at) {
                Some(end) => {
                    at = end;
                    continue;
                }
                None => return false,
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::deeper_than;

    #[test]
    fn brackets_inside_strings_are_not_depth() {
        let text = format!(r#"{{"a":"{}\"{}"}}"#, "[".repeat(600), "{".repeat(600));
        assert!(!deeper_than(text.as_bytes(), 512));
    }

    proptest::proptest! {
        #[test]
        fn depth_is_counted_byte_by_byte(text in "[\\[{}\\]\"\\\\a]{0,60}", limit in 0_usize..6) {
            let (mut depth, mut most, mut quoted, mut escaped) = (0_usize, 0, false, false);
            for character in text.chars() {
                match character {
                    _ if escaped => escaped = false,
                    '\\' if quoted => escaped = true,
                    '"' => quoted = !quoted,
                    '{' | '[' if !quoted => depth += 1,
                    '}' | ']' if !quoted => depth = depth.saturating_sub(1),
                    _ => {}
                }
                most = most.max(depth);
            }
            proptest::prop_assert_eq!(deeper_than(text.as_bytes(), limit), most > limit);
        }
    }
}
