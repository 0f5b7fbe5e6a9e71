//! Rust source with its comments and the insides of its literals blanked out, so that a check that looks for a word
//! does not trip over prose. Lines and columns (in characters) stay where they were.
//!
//! A scanner, not a parser: it knows comments, strings, raw strings and character literals, and nothing of syntax.

/// The same text, with only the code left.
pub(super) fn code_only(text: &str) -> String {
    let chars = text.chars().collect::<Vec<_>>();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped(&chars, at);
        if end > at {
            out.extend(
                chars[at..end]
                    .iter()
                    .map(|&c| if c == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment or literal that starts at `at` ends; `at` itself if none starts there.
fn skipped(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match (chars[at], next) {
        ('/', Some('/')) => find(chars, at, |rest| rest[0] == '\n'),
        ('/', Some('*')) => block_comment(chars, at),
        ('"', _) => quoted(chars, at + 1, '"'),
        ('r', Some('"' | '#')) if !within_word(chars, at) => raw_string(chars, at),
        ('\'', Some('\\')) => quoted(chars, at + 1, '\''),
        // 'x' is a character, 'x without the second quote a lifetime.
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

fn find(chars: &[char], from: usize, stop: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len())
        .find(|&at| stop(&chars[at..]))
        .unwrap_or(chars.len())
}

/// Block comments nest.
fn block_comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0_usize, from);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) if depth == 1 => return at + 2,
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    chars.len()
}

fn quoted(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_string(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return at; // a raw identifier
    }
    let open = at + hashes + 2;
    let closes = |rest: &[char]| {
        rest[0] == '"' && rest[1..].iter().take_while(|&&c| c == '#').count() >= hashes
    };
    (find(chars, open, closes) + 1 + hashes).min(chars.len())
}

/// Whether the letter here ends a longer word; a prefix of one letter (`br"..."`) does not count.
fn within_word(chars: &[char], at: usize) -> bool {
    let letters = chars[..at]
        .iter()
        .rev()
        .take_while(|c| c.is_alphanumeric() || **c == '_')
        .count();
    letters > 1 || (letters == 1 && !matches!(chars[at - 1], 'b' | 'c'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_code_is_kept() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("b\"c") + d"#, "f(      ) + d"),
            (r##"f(r#"b"c"#) + d"##, "f(        ) + d"),
            (r#"f(br"b\") + d"#, "f(b     ) + d"),
            ("'b' + '\\'' + d", "    +      + d"),
            ("fn a<'b>(c: &'b str)", "fn a<'b>(c: &'b str)"),
            ("r#type + for\"b\"", "r#type + for   "),
            ("a \"open", "a      "),
            ("a /* open", "a        "),
        ] {
            assert_eq!(code_only(text), code, "{text}");
        }
    }

    #[test]
    fn no_text_is_too_broken_to_scan_and_lines_stay() {
        let pieces = ["\"", "'", "\\", "r#", "/*", "*/", "//", "\n", "a", "é"];
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    let text = format!("{a}{b}{c}{a}");
                    let code = code_only(&text);
                    assert_eq!(code.chars().count(), text.chars().count(), "{text:?}");
                    assert_eq!(
                        code.matches('\n').count(),
                        text.matches('\n').count(),
                        "{text:?}"
                    );
                }
            }
        }
    }
}
