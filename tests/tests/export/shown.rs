//! What a reader of an exported page finds: every branch in the tree, every word by searching, calls with their results, charts.

use latchwork_testkit::program::Home;
use serde_json::{Value, json};

use crate::browser::{self, Seen};
use crate::hostile::entry;

/// Exports these lines with all branches and opens the page at each of the fragments.
fn opened(chromium: &str, lines: &[Value], fragments: &[&str]) -> Vec<Seen> {
    let home = Home::new();
    let header = json!({ "type": "session", "version": 3, "id": "s", "timestamp": "2026-01-01T00:00:00.000Z", "cwd": "/x" });
    let text: String = std::iter::once(&header)
        .chain(lines)
        .map(|line| format!("{line}\n"))
        .collect();
    home.write("s.jsonl", text);
    home.latchwork([
        "sessions",
        "export",
        "s.jsonl",
        "--all-branches",
        "--out",
        "s.html",
    ])
    .run()
    .expect_success();
    let page = home.path("s.html");
    let seen = fragments
        .iter()
        .map(|fragment| browser::open(chromium, &home, &page, fragment));
    let seen: Vec<Seen> = seen.collect();
    seen.iter().for_each(Seen::assert_sound);
    seen
}

fn said(id: &str, parent: Option<&str>, role: &str, text: &str) -> Value {
    entry(
        "message",
        id,
        &json!(parent),
        json!({ "message": { "role": role, "content": text } }),
    )
}

/// Places of entries in elements of this class.
fn places(seen: &Seen, class: &str) -> Vec<usize> {
    let begin = format!("class=\"{class}");
    let parts = seen.shown().split(begin.as_str()).skip(1);
    let places = parts.filter_map(|part| {
        part.split(" data-place=\"")
            .nth(1)?
            .split('"')
            .next()?
            .parse()
            .ok()
    });
    places.collect()
}

fn status(seen: &Seen) -> &str {
    let rest = seen.shown().split("role=\"status\">").nth(1).unwrap();
    rest.split('<').next().unwrap()
}

#[test]
fn the_tree_shows_every_branch_with_labels_and_the_head_and_each_can_be_gone_to() {
    let Some(chromium) = browser::chromium() else {
        return;
    };
    let lines = [
        said("a", None, "user", "root words"),
        said("b", Some("a"), "assistant", "left words"),
        said("c", Some("b"), "user", "left further"),
        said("d", Some("a"), "assistant", "kept words"),
        entry(
            "label",
            "l",
            &json!("d"),
            json!({ "targetId": "d", "label": "a good place" }),
        ),
        said("e", Some("d"), "user", "kept further"),
        said("g", Some("gone"), "assistant", "after a gap"),
    ];
    let seen = opened(chromium, &lines, &["", "#e=c"]);
    let mut tree = places(&seen[0], "line");
    // Left first and indented, the active branch straight down: a, then b and c, then d.
    assert_eq!(tree[..4], [0, 1, 2, 3], "{tree:?}");
    tree.sort_unstable();
    assert_eq!(tree, [0, 1, 2, 3, 4, 5, 6], "every entry of every branch");
    assert_eq!(seen[0].values("aria-level")[..3], ["1", "2", "2"]);
    let shown = seen[0].shown();
    assert!(shown.contains("a good place") && shown.contains(">head<"));
    assert!(shown.contains("Entries are lost here"));
    assert!(shown.contains("after a gap</div>") && !shown.contains("left further</div>"));
    assert_eq!(
        places(&seen[1], "entry"),
        [0, 1, 2],
        "the branch that was gone to"
    );
    assert!(seen[1].shown().contains("left further</div>"));
}

#[test]
fn search_counts_what_is_there_on_every_branch_and_goes_to_it() {
    let Some(chromium) = browser::chromium() else {
        return;
    };
    let lines = [
        said("a", None, "user", "A Needle, and a needle. 5 < 6 (a+b)"),
        said("b", Some("a"), "assistant", "nothing"),
        said("c", Some("b"), "user", "on a branch that was left: NEEDLE"),
        said("d", Some("b"), "user", "hay"),
    ];
    let seen = opened(
        chromium,
        &lines,
        &["#q=needle", "#q=was+left", "#q=(a%2Bb)", "#q=absent"],
    );
    assert_eq!(status(&seen[0]), "3 hits in 2 entries, at 1");
    assert_eq!(
        seen[0].shown().matches("<mark>").count(),
        2 + seen[0]
            .shown()
            .split("class=\"talk")
            .next()
            .unwrap()
            .matches("<mark>")
            .count()
    );
    assert_eq!(status(&seen[1]), "1 hit in 1 entry, at 1");
    assert_eq!(
        places(&seen[1], "entry"),
        [0, 1, 2],
        "the branch of the hit"
    );
    assert_eq!(status(&seen[2]), "1 hit in 1 entry, at 1");
    assert_eq!(status(&seen[3]), "0 hits in 0 entries");
}

#[test]
fn calls_stand_with_their_results_reasoning_is_folded_and_what_it_took_is_drawn() {
    let Some(chromium) = browser::chromium() else {
        return;
    };
    let reply = json!({ "message": { "role": "assistant", "provider": "prov", "model": "mod", "timestamp": 1_767_225_600_000_i64,
        "usage": { "input": 1200, "output": 34, "cacheRead": 5, "cacheWrite": 0, "cost": { "total": 1.5 } },
        "content": [{ "type": "thinking", "thinking": "deep thought" }, { "type": "toolCall", "id": "t1", "name": "ls", "arguments": { "path": "/etc" } }] } });
    let result = json!({ "message": { "role": "toolResult", "toolCallId": "t1", "toolName": "ls", "isError": true,
        "content": [{ "type": "text", "text": "no such folder" }, { "type": "image", "mimeType": "image/gif",
            "data": "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7" }] } });
    let lines = [
        said(
            "a",
            None,
            "user",
            "see https://example.com/a?b=c. And \u{202e}this",
        ),
        entry("message", "b", &json!("a"), reply),
        entry("message", "c", &json!("b"), result),
    ];
    let seen = opened(chromium, &lines, &["", "#q=deep", "#charts"]);
    let shown = seen[0].shown();
    assert_eq!(
        places(&seen[0], "entry"),
        [0, 1],
        "a result stands with its call"
    );
    assert_eq!(places(&seen[0], "result failed"), [2]);
    assert!(
        shown.contains("no such folder")
            && shown.contains("prov/mod")
            && shown.contains("2026-01-01 00:00:00")
    );
    assert!(
        shown.contains("<details class=\"thinking\"><summary>"),
        "reasoning is folded"
    );
    assert!(
        seen[1]
            .shown()
            .contains("<details class=\"thinking\" open=\"\">"),
        "and open where a hit is"
    );
    assert!(shown.contains("1,239 tokens in 1 reply, $1.50"));
    assert!(
        !shown.contains("<svg"),
        "charts are drawn when they are opened"
    );
    let charts = seen[2].shown();
    let bars =
        ["read", "written", "input", "output"].map(|name| format!("class=\"tokens-{name}\""));
    assert!(bars.iter().all(|bar| charts.contains(bar)), "{charts}");
    assert!(charts.contains("class=\"cost\"") && charts.contains("<td>prov/mod</td>"));
    assert!(charts.contains("2026-01-01 00:00:00: 1,205 in (5 cached), 34 out, $1.50"));
    assert_eq!(seen[0].values("src").len(), 1);
    assert!(seen[0].values("src")[0].starts_with("data:image/gif;base64,R0lGOD"));
    assert_eq!(seen[0].values("href"), ["https://example.com/a?b=c"]);
    assert_eq!(seen[0].values("rel"), ["noopener noreferrer"]);
    assert!(shown.contains(">U+202E</span>"), "what turns text is shown");
}

#[test]
fn a_hundred_thousand_entries_are_a_page_of_few_elements_in_which_the_last_is_found() {
    let Some(chromium) = browser::chromium() else {
        return;
    };
    let count = 100_000_usize;
    let id = |n: usize| format!("{n:x}");
    let lines: Vec<Value> = (0..count)
        .map(|n| {
            let parent = n.checked_sub(1).map(id);
            let role = if n % 2 == 0 { "user" } else { "assistant" };
            let text = if n == count - 2 {
                "the needle".to_owned()
            } else {
                format!("words {n}")
            };
            said(&id(n), parent.as_deref(), role, &text)
        })
        .collect();
    let seen = opened(chromium, &lines, &["#q=needle"]);
    assert_eq!(status(&seen[0]), "1 hit in 1 entry, at 1");
    let entries = places(&seen[0], "entry");
    assert!(
        entries.contains(&(count - 2)) && entries.len() < 400,
        "{} entries",
        entries.len()
    );
    assert!(
        places(&seen[0], "line").contains(&(count - 2)),
        "the tree is at it, too"
    );
    assert!(seen[0].shown().matches('<').count() < 20_000);
}
