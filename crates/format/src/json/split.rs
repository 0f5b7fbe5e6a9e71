//! The parts of a value that was scanned before: where its elements, its keys and its values stand.
//!
//! What was found to be JSON once need not be read by its grammar again; it is enough to step over strings and to count
//! brackets. Invariant: for a syntactically valid value the parts are those that a parser finds. Of anything else they
//! are some slices of it, or none.

/// Steps through one array or object.
pub(super) struct Parts<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parts<'a> {
    /// The parts of what begins with `[` or `{`.
    pub(super) fn of(text: &'a str) -> Self {
        Parts { text, at: 1 }
    }

    /// The next element, or the next key, or the value behind it.
    pub(super) fn next_part(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let gap = |byte: u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':');
        while bytes.get(self.at).copied().is_some_and(gap) {
            self.at += 1;
        }
        let begin = self.at;
        let end = match bytes.get(begin)? {
            b'"' => behind_string(bytes, begin)?,
            b'{' | b'[' => behind_brackets(bytes, begin)?,
            b'}' | b']' => return None,
            _ => {
                let rest = bytes.get(begin..)?;
                let stops = |byte: &u8| gap(*byte) || matches!(byte, b'}' | b']');
                begin + rest.iter().position(stops)?
            }
        };
        self.at = end;
        self.text.get(begin..end)
    }
}

/// Whether no space stands between the tokens of a valid value.
pub(crate) fn is_compact(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b'"' => match behind_string(bytes, at) {
                Some(end) => end,
                None => return false,
            },
            b' ' | b'\n' | b'\r' | b'\t' => return false,
            _ => at + 1,
        };
    }
    true
}

/// Where the string that begins at `begin` has ended.
fn behind_string(bytes: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin + 1;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(found)? == &b'"' {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// Where the array or object that begins at `begin` has ended.
fn behind_brackets(bytes: &[u8], begin: usize) -> Option<usize> {
    let (mut at, mut depth) = (begin, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = behind_string(bytes, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Parts;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    fn parts(text: &str) -> Vec<&str> {
        let mut parts = Parts::of(text);
        std::iter::from_fn(|| parts.next_part()).collect()
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("-1.5e+3".to_owned()),
            "\"([a-z,:{}\\[\\] ]|\\\\[\\\\\"n]|\\\\ud800|é|🙂){0,6}\"",
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let space = prop::sample::select(vec!["", " ", "\n\t "]);
            let key = "\"([a-z]|\\\\\"){0,3}\"";
            prop_oneof![
                (prop::collection::vec(inner.clone(), 0..4), space.clone())
                    .prop_map(|(items, s)| format!("[{s}{}{s}]", items.join(&format!("{s},{s}")))),
                (prop::collection::vec((key, inner), 0..4), space).prop_map(|(fields, s)| {
                    let fields: Vec<_> = fields
                        .iter()
                        .map(|(key, value)| format!("{key}{s}:{s}{value}"))
                        .collect();
                    format!("{{{s}{}{s}}}", fields.join(&format!("{s},{s}")))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_parts_are_those_that_a_parser_finds(text in json()) {
            if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(&text) {
                let items: Vec<_> = items.into_iter().map(RawValue::get).collect();
                prop_assert_eq!(parts(&text), items);
                prop_assert_eq!(super::is_compact(&text), super::super::compact(&text) == text);
            } else if text.starts_with('{') {
                let raw = super::super::Raw::parse(&text).unwrap();
                let fields = super::super::Fields::read(&text).unwrap().unwrap();
                let values: Vec<_> = fields.iter().map(|(_, value)| value.text()).collect();
                let split: Vec<_> = parts(raw.text()).into_iter().skip(1).step_by(2).collect();
                prop_assert_eq!(split, values);
            }
        }

        #[test]
        fn of_what_is_no_json_the_parts_come_to_an_end(text in "[\\[{][\\[\\]{}\",:\\\\a ]{0,20}") {
            prop_assert!(parts(&text).len() <= text.len());
        }
    }
}
