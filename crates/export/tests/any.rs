//! Whatever a file holds: an export ends, the page's only code is its own, and every text reads back as it was.
//!
//! The page is taken apart here by a small reader that follows the rules for script elements, and shares no code with the writer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may"
)]

mod apart;

use apart::{Apart, apart};
use latchwork_export::{Images, Lines, Options, Session, Which, html, markdown};
use latchwork_format::escape::steers;
use latchwork_format::{Block, Content, Outline, Transcript};
use proptest::prelude::*;
use serde_json::{Value, json};

fn page(file: &[u8], options: &Options<'_>) -> String {
    let outline = Outline::parse(file);
    let mut page = Vec::new();
    let done = html(
        &Session::of(&outline),
        &mut Lines::new(file, &outline),
        options,
        &mut page,
    )
    .unwrap();
    assert_eq!((done.bytes, done.of), (page.len() as u64, outline.len()));
    String::from_utf8(page).unwrap()
}

fn text(file: &[u8], options: &Options<'_>) -> String {
    let outline = Outline::parse(file);
    let mut text = Vec::new();
    markdown(
        &Session::of(&outline),
        &mut Lines::new(file, &outline),
        options,
        &mut text,
    )
    .unwrap();
    String::from_utf8(text).unwrap()
}

const ALL: Options<'_> = Options {
    which: &Which::All,
    thinking: true,
    tools: true,
    images: Images::Inline,
    title: None,
    redact: None,
};

/// A session of messages with these texts, on two branches.
fn session(texts: &[String]) -> Vec<u8> {
    let mut lines =
        vec![json!({ "type": "session", "version": 3, "id": "s", "timestamp": "", "cwd": "/x" })];
    for (n, text) in texts.iter().enumerate() {
        let parent = n.checked_sub(1 + n % 2).map(|parent| parent.to_string());
        let message = match n % 3 {
            0 => json!({ "role": "user", "content": text }),
            1 => json!({ "role": "assistant", "model": text, "content": [
                { "type": "thinking", "thinking": text }, { "type": "text", "text": text },
                { "type": "toolCall", "id": text, "name": text, "arguments": { text: text } },
            ] }),
            _ => {
                json!({ "role": "toolResult", "toolCallId": text, "toolName": text, "content": [{ "type": "text", "text": text }] })
            }
        };
        lines.push(json!({ "type": "message", "id": n.to_string(), "parentId": parent, "timestamp": "2026-01-01T00:00:00.000Z", "message": message }));
    }
    lines
        .iter()
        .flat_map(|line| format!("{line}\n").into_bytes())
        .collect()
}

/// All texts of the entries, as this crate's neighbour reads them.
fn said(file: &[u8]) -> Vec<Vec<String>> {
    let transcript = Transcript::parse(file);
    let texts = transcript.entries().map(|entry| {
        let Some(message) = entry.message() else {
            return Vec::new();
        };
        match message.content() {
            Content::None => Vec::new(),
            Content::Text(text) => vec![text.into_owned()],
            Content::Blocks(blocks) => blocks
                .iter()
                .filter_map(|block| match block {
                    Block::Text { text, .. } | Block::Thinking { text, .. } => {
                        Some(text.to_string())
                    }
                    Block::ToolCall(call) => call.arguments.map(|raw| raw.text().to_owned()),
                    _ => None,
                })
                .collect(),
        }
    });
    texts.collect()
}

/// All texts of the entries, as the page has them.
fn embedded(apart: &Apart) -> Vec<Vec<String>> {
    let texts = apart.entries.iter().map(|entry| {
        let parts = entry["parts"].as_array().unwrap().iter();
        let names = ["text", "thinking", "output", "arguments"];
        parts
            .filter_map(|part| {
                names
                    .iter()
                    .find_map(|name| part[*name].as_str())
                    .map(str::to_owned)
            })
            .collect()
    });
    texts.collect()
}

fn hostile() -> impl Strategy<Value = String> {
    let worst = prop_oneof![
        Just("</script><script>alert(1)</script>"),
        Just("<!--<script>"),
        Just("]]>--></style>"),
        Just("<img src=x onerror=alert(1)>"),
        Just("javascript:alert(1)"),
        Just("\u{202e}\u{0}\u{2028}\u{feff}"),
        Just("\"\\u003c/script>"),
    ];
    prop_oneof![
        worst.prop_map(str::to_owned),
        any::<String>(),
        "[<>/!\\-scriptSCRIPT \"'&\n]{0,40}",
    ]
}

/// The lines of Markdown that stand in no fence.
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
    lines
}

/// What no page may be without, whatever it holds.
fn check(page: &str) -> Result<Apart, TestCaseError> {
    let apart = apart(page);
    prop_assert_eq!(apart.code.len(), 1, "one script element with code");
    prop_assert_eq!(apart.styles.len(), 1);
    let script = format!("script-src '{}';", apart::hash(&apart.code[0]));
    let style = format!("style-src '{}';", apart::hash(&apart.styles[0]));
    prop_assert!(
        apart.policy.contains(&script) && apart.policy.contains(&style),
        "the hashes are those of the page"
    );
    prop_assert!(apart.policy.starts_with("default-src 'none'; "));
    prop_assert!(!page.chars().any(steers));
    let allowed = [
        "html", "head", "meta", "title", "style", "body", "noscript", "div", "script",
    ];
    prop_assert!(
        apart.tags.iter().all(|tag| allowed.contains(&tag.as_str())),
        "{:?}",
        apart.tags
    );
    let count = apart.entries.len();
    for column in ["voice", "time", "size", "up"] {
        prop_assert_eq!(apart.index[column].as_array().map(Vec::len), Some(count));
    }
    Ok(apart)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_text_reads_back_from_a_page_whose_only_code_is_its_own(texts in proptest::collection::vec(hostile(), 1..8)) {
        let file = session(&texts);
        let apart = check(&page(&file, &ALL))?;
        prop_assert_eq!(embedded(&apart), said(&file));
        prop_assert_eq!(apart.entries.len(), texts.len());
        for (place, entry) in apart.entries.iter().enumerate() {
            prop_assert_eq!(&entry["id"], &Value::String(place.to_string()));
        }
    }

    #[test]
    fn any_bytes_export_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0_usize..4000, texts in proptest::collection::vec(hostile(), 1..6)) {
        check(&page(&bytes, &ALL))?;
        let _ = text(&bytes, &ALL);
        // A session of which a piece is missing and another is noise.
        let mut torn = session(&texts);
        let at = cut % torn.len();
        torn.splice(at..(at + 9).min(torn.len()), bytes.iter().copied().take(20));
        for which in [Which::All, Which::Active] {
            let options = Options { which: &which, tools: cut % 2 == 0, thinking: cut % 3 == 0, ..ALL };
            check(&page(&torn, &options))?;
            let words = text(&torn, &options);
            prop_assert!(!words.chars().any(steers));
        }
    }

    #[test]
    fn a_title_stays_text(title in hostile()) {
        let options = Options { title: Some(&title), ..ALL };
        let apart = check(&page(&session(&["x".to_owned()]), &options))?;
        prop_assert_eq!(apart.index["title"].as_str(), Some(title.as_str()));
    }

    #[test]
    fn every_entry_stands_once_in_markdown_and_no_output_ends_its_fence(texts in proptest::collection::vec("(```|~~~|[a-z`\n]){0,12}", 1..8)) {
        let marked: Vec<String> = texts.iter().enumerate().map(|(n, text)| format!("{text}\nword{n}end")).collect();
        let words = text(&session(&marked), &ALL);
        let outputs = (0..marked.len()).filter(|n| n % 3 == 2).map(|n| format!("word{n}end"));
        let outputs: Vec<String> = outputs.collect();
        let lines = outside(&words);
        let of_words = lines.iter().filter(|line| !line.starts_with("## ") && !line.starts_with('*'));
        for line in of_words {
            prop_assert!(!outputs.iter().any(|output| line.contains(output)), "{line:?} in {words}");
        }
        prop_assert_eq!(words.lines().filter(|line| line.starts_with("## ")).count(), texts.len(), "a heading for each entry: {}", words);
    }
}

#[test]
fn the_export_of_one_branch_holds_nothing_of_another() {
    let texts: Vec<String> = (0..6).map(|n| format!("text-{n}-")).collect();
    let file = session(&texts);
    let outline = Outline::parse(&file);
    let on_branch: Vec<u32> = outline.branch(3);
    let which = Which::Leaf("3".into());
    let options = Options {
        which: &which,
        ..ALL
    };
    let (page, words) = (page(&file, &options), text(&file, &options));
    for n in 0..6_u32 {
        let sign = format!("text-{n}-");
        let is_on_branch = on_branch.contains(&n);
        assert_eq!(page.contains(&sign), is_on_branch, "{n}");
        assert_eq!(
            words.contains(&sign.replace('-', "\\-")) || words.contains(&sign),
            is_on_branch,
            "{n}"
        );
    }
    let absent = Which::Leaf("nobody".into());
    let outcome = html(
        &Session::of(&outline),
        &mut Lines::new(&file, &outline),
        &Options {
            which: &absent,
            ..ALL
        },
        &mut Vec::new(),
    );
    assert!(outcome.unwrap_err().to_string().contains("nobody"));
}
