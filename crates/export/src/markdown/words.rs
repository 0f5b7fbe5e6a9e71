//! Words of a session as Markdown that stays theirs: what they format is kept, and what could act or pass for our own is not.
//!
//! Invariants, whatever the words are: no `<` begins a tag, a comment or an address; no image is loaded; a link leads to the web or
//! is none; a heading is deeper than ours; code stands in a fence of ours, which it cannot end; no character steers a terminal.
//! Limits: inside of code spans what is escaped shows as the escape; a fence that begins on the line of a list's bullet is not seen
//! as one, and its lines are then read as words.

use latchwork_format::Escaped;

/// Headings of entries have two signs; those in their words begin with so many more.
const DEEPER: usize = 3;

/// Writes words of somebody.
pub(super) fn push_words(out: &mut String, text: &str) {
    let harmless = Escaped(&text.replace("\r\n", "\n")).to_string();
    let mut lines = harmless.lines().peekable();
    let mut is_after_text = false;
    while let Some(line) = lines.next() {
        let Some((fence, info)) = fence_of(line) else {
            push_line(out, line, is_after_text);
            is_after_text = !line.trim().is_empty();
            continue;
        };
        let mut code = String::new();
        for line in lines.by_ref() {
            if ends(line, fence) {
                break;
            }
            code.push_str(line);
            code.push('\n');
        }
        if is_after_text {
            out.push('\n');
        }
        push_code(out, &code, info);
        is_after_text = false;
    }
    if is_after_text {
        out.push('\n');
    }
}

/// Writes code in a fence that is longer than any in it.
pub(super) fn push_code(out: &mut String, code: &str, info: &str) {
    let harmless = Escaped(&code.replace("\r\n", "\n")).to_string();
    let longest = harmless
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '#' | '.');
    let info: String = info.chars().take_while(is_plain).take(40).collect();
    let newline = if harmless.is_empty() || harmless.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    out.push_str(&format!("{fence}{info}\n{harmless}{newline}{fence}\n\n"));
}

/// Writes a short text into a line of ours: names, times, sizes.
pub(super) fn inline(text: &str) -> String {
    let harmless = Escaped(text).to_string();
    let mut out = String::with_capacity(harmless.len());
    for character in harmless.chars() {
        match character {
            '\n' | '\t' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_ascii_punctuation()
                && !matches!(c, '.' | ',' | '/' | ':' | '-' | '(' | ')') =>
            {
                out.push('\\');
                out.push(c);
            }
            other => out.push(other),
        }
    }
    // A web address would be made a link by many readers; these are names.
    out.replace("://", ":\\//")
}

/// The fence that a line begins, with what stands behind it.
fn fence_of(line: &str) -> Option<(&str, &str)> {
    let text = line.trim_start();
    let sign = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = text.chars().take_while(|c| *c == sign).count();
    let (fence, info) = text.split_at_checked(length)?;
    // Behind a fence of backticks there is none: it is a span of code.
    (length >= 3 && !(sign == '`' && info.contains('`'))).then(|| (fence, info.trim()))
}

/// Whether the line ends code that began with this fence.
fn ends(line: &str, fence: &str) -> bool {
    let text = line.trim();
    let sign = fence.chars().next();
    text.len() >= fence.len() && text.chars().all(|c| Some(c) == sign)
}

fn push_line(out: &mut String, line: &str, is_after_text: bool) {
    let text = line.trim_start();
    let indent = line.get(..line.len() - text.len()).unwrap_or_default();
    out.push_str(indent);
    let signs = text.chars().take_while(|c| *c == '#').count();
    let is_heading =
        (1..=6).contains(&signs) && text[signs..].chars().next().is_none_or(char::is_whitespace);
    if is_heading {
        out.push_str(&"#".repeat(DEEPER.min(6 - signs)));
    } else if is_after_text && underlines(text) {
        out.push('\\');
    }
    push_escaped(out, text);
    out.push('\n');
}

/// Whether the line would make a heading of the line above.
fn underlines(text: &str) -> bool {
    let text = text.trim_end();
    !text.is_empty() && (text.bytes().all(|b| b == b'=') || text.bytes().all(|b| b == b'-'))
}

fn push_escaped(out: &mut String, text: &str) {
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        let rest = text.get(at + character.len_utf8()..).unwrap_or_default();
        match character {
            '<' => out.push_str("&lt;"),
            // An entity would be read as what it stands for, in the address of a link too.
            '&' => out.push_str("&amp;"),
            '[' if before == '!' => out.push_str("\\["),
            '(' if before == ']' && !is_web(rest) => out.push_str("\\("),
            ':' if before == ']' => out.push_str("\\:"),
            other => out.push(other),
        }
        before = character;
    }
}

/// Whether an address begins that leads to the web.
fn is_web(address: &str) -> bool {
    let begins = |with: &str| {
        address
            .get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    begins("https://") || begins("http://")
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchwork_format::escape::steers;
    use proptest::prelude::*;

    fn words(text: &str) -> String {
        let mut out = String::new();
        push_words(&mut out, text);
        out
    }

    #[test]
    fn formatting_is_kept_and_html_images_and_foreign_links_are_not() {
        assert_eq!(words("a *b* `c`\n\n- d"), "a *b* `c`\n\n- d\n\n");
        assert_eq!(words("<b onclick=x>"), "&lt;b onclick=x>\n\n");
        assert_eq!(words("![x](https://spy)"), "!\\[x](https://spy)\n\n");
        assert_eq!(
            words("[x](javascript:alert(1))"),
            "[x]\\(javascript:alert(1))\n\n"
        );
        assert_eq!(
            words("[x]( &#106;avascript:1)"),
            "[x]\\( &amp;#106;avascript:1)\n\n"
        );
        assert_eq!(
            words("[x]: data:text/html,1"),
            "[x]\\: data:text/html,1\n\n"
        );
        assert_eq!(
            words("[x](https://a.example)"),
            "[x](https://a.example)\n\n"
        );
    }

    #[test]
    fn words_cannot_pass_for_a_heading_of_ours() {
        assert_eq!(
            words("## user\nx\n===\n---"),
            "##### user\nx\n\\===\n\\---\n\n"
        );
        assert_eq!(words("###### x"), "###### x\n\n");
        assert_eq!(words("#hash"), "#hash\n\n");
    }

    #[test]
    fn code_keeps_its_signs_in_a_fence_that_it_cannot_end() {
        assert_eq!(
            words("see\n  ~~~rust x\n<T>\n````\n~~~\nend"),
            "see\n\n`````rust\n<T>\n````\n`````\n\nend\n\n"
        );
        assert_eq!(words("```\nnever ended"), "```\nnever ended\n```\n\n");
    }

    /// The lines outside of fences, read as CommonMark does where a fence stands in the first column.
    fn outside(markdown: &str) -> Vec<&str> {
        let (mut open, mut lines) = (None, Vec::new());
        for line in markdown.lines() {
            let length = line.len() - line.trim_start_matches('`').len();
            match open {
                Some(fence) if length >= fence && line.len() == length => open = None,
                Some(_) => {}
                None if length >= 3 && !line[length..].contains('`') => open = Some(length),
                None => lines.push(line),
            }
        }
        assert_eq!(open, None, "a fence is left open in {markdown:?}");
        lines
    }

    proptest! {
        #[test]
        fn no_words_act(text in "([a-z<>&!#=\\-\\[\\]():`~ \n\t\r]|```|~~~|\\PC|\u{202e}){0,60}") {
            let markdown = words(&text);
            prop_assert!(!markdown.chars().any(steers));
            for line in outside(&markdown) {
                prop_assert!(!line.contains('<') && !line.contains("!["), "{line:?}");
                for (at, _) in line.match_indices("](") {
                    prop_assert!(is_web(&line[at + 2..]), "{line:?}");
                }
                prop_assert!(!line.trim_start().starts_with("## ") && !line.trim_start().starts_with("# "), "{line:?}");
            }
        }

        #[test]
        fn no_name_acts(text in "([a-z<>&!#*_\\[\\]():`~ \n]|\\PC|\u{202e}){0,40}") {
            let name = inline(&text);
            prop_assert!(!name.contains(['<', '\n']) && !name.chars().any(steers));
            prop_assert!(!name.replace("\\\\", "").replace("\\`", "").contains('`'));
        }
    }
}
