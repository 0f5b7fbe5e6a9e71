//! `docs/reliability-house.md`: what the campaign of the house did and found, written by the command that ran it.

use serde_json::Value;

/// The page, below the root.
pub(super) const PAGE: &str = "docs/reliability-house.md";

/// What does not change from run to run.
const HEAD: &str = "# What keeping house withstands

Written by `cargo xtask torture house --write`; do not edit.

Eighteen operations of the whole program (redact, vacuum, rm, archive, restore, cleanup, import, search, fork, rewind with a summary, label,
merge, the first write to an old version) are run on a home of a few sessions, and stopped at each system call that changes something, counted
over all threads: killed there, or the call answered with EIO or ENOSPC, once and from then on. Then the files are read as plain JSON lines,
without any of the product's code: each transcript is the old one or the new one, or the old one and whole lines of what comes, or whole in one
place; nothing that was said to be done is missing; nothing is open to others. Then the operation is said again: it is done, once or twice where
saying it twice does it twice, and the list and a search give what they give without the fault. What goes is in no file any more.
";

/// What each part is, and the words for it.
const PARTS: [(&str, &str); 4] = [
    ("killed", "Each operation killed at each of its calls"),
    (
        "failing",
        "Each call failing, once or from then on, with EIO or ENOSPC (acknowledgements: ended well all the same)",
    ),
    (
        "unlocked",
        "Redact and vacuum while a program without a lock appends (calls: its lines; acknowledgements: done; leftovers: refused)",
    ),
    (
        "racing",
        "A cleanup beside sessions that live (faults: such sessions; calls: what they said; acknowledgements: idle ones that went)",
    ),
];

pub(super) fn page(lines: &str, about: &str) -> String {
    let read: Vec<Value> = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let mut page = format!(
        "{HEAD}\n{about}\n| what | seed | faults | temporary files left | calls | acknowledgements | broken | seconds |\n|---|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    for (name, words) in PARTS {
        match read.iter().find(|part| part["what"] == name) {
            None => page += &format!("| {words} | | not done | | | | | |\n"),
            Some(part) => {
                let seconds = part["seconds"].as_f64().unwrap_or(0.0);
                let cells = [
                    "seed",
                    "faults",
                    "torn",
                    "calls",
                    "acknowledgements",
                    "broken",
                ];
                let cells = cells.map(|name| part[name].to_string());
                page += &format!("| {words} | {} | {seconds:.1} |\n", cells.join(" | "));
            }
        }
    }
    page + &big(&read)
}

/// The big home.
fn big(read: &[Value]) -> String {
    let named = |part: &Value| Some(part["what"].as_str()?.strip_prefix("big: ")?.to_owned());
    let mut table = String::from(
        "\n## A big home\n\n| command | sessions | bytes | memory at most, KiB (goal: 102400) | ms |\n|---|--:|--:|--:|--:|\n",
    );
    for part in read {
        let Some(name) = named(part) else {
            continue;
        };
        let ms = part["ms"].as_f64().unwrap_or(0.0);
        table += &format!(
            "| {name} | {} | {} | {} | {ms:.1} |\n",
            part["sessions"], part["bytes"], part["kib"]
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn the_page_has_what_was_done_what_was_not_and_the_big_home() {
        let lines = concat!(
            r#"{"what":"killed","seed":7,"faults":800,"seconds":12.34,"cpu":1,"torn":3,"calls":4,"acknowledgements":5,"broken":0}"#,
            "\n",
            r#"{"what":"big: list, warm","sessions":10000,"bytes":9,"kib":2048,"ms":31.26}"#,
            "\n",
        );
        let page = page(lines, "- Date: today\n");
        assert!(
            page.contains("| 7 | 800 | 3 | 4 | 5 | 0 | 12.3 |"),
            "{page}"
        );
        assert!(
            page.contains("| list, warm | 10000 | 9 | 2048 | 31.3 |"),
            "{page}"
        );
        assert_eq!(page.matches("not done").count(), 3, "{page}");
    }
}
