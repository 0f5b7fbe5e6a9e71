//! What programs and terminals are shown: the shape of the JSON, hostile names, the documentation.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use latchwork::doctor::SORTS;
use serde_json::Value;

use crate::bench::{Bench, dead_payload, entry, set_mode};

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn each_line_of_json_has_the_documented_shape() {
    let bench = Bench::healthy();
    bench.put("main.jsonl.lock", dead_payload());
    set_mode(&bench.path("main.jsonl"), 0o644);
    for flags in [&[][..], &["--fix"]] {
        let found = bench.findings(flags);
        for finding in &found.all {
            let expected = [
                "type", "id", "severity", "what", "path", "session", "why", "fix", "outcome",
                "detail", "facts",
            ];
            assert_eq!(keys(finding), expected);
            let sort = SORTS.iter().find(|sort| finding["id"] == sort.id).unwrap();
            assert_eq!(finding["severity"], sort.severity.name());
            assert!(
                ["told", "fixed", "skipped", "failed"]
                    .contains(&finding["outcome"].as_str().unwrap())
            );
        }
        assert_eq!(
            keys(&found.summary),
            [
                "type",
                "schema",
                "folders",
                "sessions",
                "errors",
                "warnings",
                "notes",
                "fixed",
                "remaining",
                "interrupted"
            ]
        );
        assert_eq!(found.summary["schema"], 1);
        assert_eq!(
            found.summary["remaining"],
            if flags.is_empty() { 2 } else { 0 }
        );
        let facts = keys(&found.the("lock.dead")["facts"]);
        assert_eq!(
            facts,
            ["pid", "alive", "ageMs", "staleReasons", "writtenByUs"]
        );
    }
}

/// Names that would clear a screen, forge a finding, or are not Unicode.
const HOSTILE: [&[u8]; 5] = [
    b"\x1b[2J\x1b[31mred",
    b"x\nerror lock.forged y",
    b"\xc2\x9b31m",
    b"\xe2\x80\xae txt",
    b"\xff\xfe",
];

#[test]
fn hostile_names_and_contents_steer_no_terminal_and_forge_no_line() {
    let bench = Bench::healthy();
    for name in HOSTILE {
        let named = |ending: &str| {
            let mut bytes = name.to_vec();
            bytes.extend_from_slice(ending.as_bytes());
            Path::new(std::ffi::OsStr::from_bytes(&bytes)).to_path_buf()
        };
        bench.put(named(".jsonl"), format!("{}\u{1b}[2J", entry("a", None)));
        bench.put(
            named(".jsonl.lock"),
            "{\"pid\":4194999,\"createdAt\":\"\\u001b[2J\"}",
        );
        bench.put(Path::new(".latchwork").join(named(".head")), "\u{1b}[2J");
        bench.put(
            Path::new(".latchwork").join(named(".claim.1")),
            "{\"host\":\"\\u001b[2J\"}",
        );
        bench.put(Path::new(".latchwork").join(named("")), "\u{1b}[2J");
    }
    bench.put(
        "../openclaw.json",
        "{lastTouchedVersion: '\u{1b}[2J\nerror lock.forged'}",
    );
    for flags in [&[][..], &["--deep"], &["--fix"]] {
        let mut words = vec!["doctor"];
        words.extend(flags);
        let words = bench.home.latchwork(words).run();
        let harmless = |text: &str| {
            let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(steers), "{text:?}");
        };
        harmless(&words.stdout);
        harmless(&words.stderr);
        assert!(
            words
                .stdout
                .lines()
                .all(|line| !line.starts_with("error lock.forged")),
            "{words}"
        );
        let json = bench.doctor(flags).run();
        harmless(&json.stdout);
        let lines = json.json_lines();
        assert!(
            lines
                .iter()
                .all(|line| line["type"] == "finding" || line["type"] == "summary")
        );
    }
}

#[test]
fn words_say_what_where_why_and_what_a_repair_would_do() {
    let bench = Bench::healthy();
    bench.put("main.jsonl.lock", dead_payload());
    let told = bench.home.latchwork(["doctor"]).run().expect_code(65);
    let lock = bench.path("main.jsonl.lock");
    for words in [
        &format!("warning lock.dead {lock:?}\n  its owner has ended: pid=4194999 (dead) age="),
        "stale=yes (dead-pid, too-old)",
        "\n  why: OpenClaw waits",
        "\n  --fix: takes the session's lock",
        "\n1 sessions in 1 folders: 0 errors, 1 warnings, ",
        "`latchwork doctor --fix` puts 1 of them in order",
    ] {
        assert!(told.stdout.contains(words), "{words:?} in {told}");
    }
    let fixed = bench
        .home
        .latchwork(["doctor", "--fix"])
        .run()
        .expect_success();
    assert!(fixed.stdout.contains("\n  fixed: removed\n"), "{fixed}");
    let worst = told.stdout.lines().next().unwrap();
    assert!(
        worst.starts_with("warning"),
        "what is wrong comes first: {worst}"
    );
}

#[test]
fn every_sort_of_finding_is_documented_with_its_severity_and_its_repair() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for sort in SORTS {
        let start = format!("| `{}` | {} | ", sort.id, sort.severity.name());
        let row = rows.iter().find(|row| row.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no row {start:?}"));
        assert_eq!(row.ends_with("| no |"), sort.fix.is_none(), "{row}");
    }
}
