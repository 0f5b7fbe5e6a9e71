//! `sessions list` and `sessions cleanup`: an OpenClaw home's session store.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use crate::bench::Bench;

/// Long ago, in seconds since 1970.
const LONG_AGO: u64 = 1_700_000_000;
const FOLDER: &str = "claw/agents/main/sessions";

/// A home with an old session, one of today, one whose transcript is lost, and a row that cannot be read.
fn openclaw(bench: &Bench) -> String {
    let young = LONG_AGO * 1_000 * 3;
    let store = json!({
        "agent:main:old": { "sessionId": "old", "updatedAt": LONG_AGO * 1_000 },
        "agent:main:young\u{1b}[31m": { "sessionId": "young", "updatedAt": young, "model": "m\u{202e}", "totalTokens": 7, "contextTokens": 100 },
        "agent:main:lost": { "sessionId": "lost", "updatedAt": LONG_AGO * 1_000 },
        "broken": 7,
    });
    bench.write(&format!("{FOLDER}/sessions.json"), &store.to_string());
    for id in ["old", "young"] {
        let path = bench.write(&format!("{FOLDER}/{id}.jsonl"), "{}\n");
        let file = std::fs::File::options().append(true).open(path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(LONG_AGO))
            .unwrap();
    }
    bench.path(FOLDER).to_str().unwrap().to_owned()
}

fn text(bench: &Bench) -> String {
    std::fs::read_to_string(bench.path(FOLDER).join("sessions.json")).unwrap()
}

#[test]
fn the_rows_of_a_store_are_listed_newest_first_and_nothing_in_them_steers_the_terminal() {
    let bench = Bench::new();
    let store = openclaw(&bench);
    let listed = bench.run(&["sessions", "list", "--store", &store, "--json"]);
    let listed = listed.ended_with(0).json();
    assert_eq!(
        (&listed["count"], &listed["totalCount"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(listed["sessions"][0]["sessionId"], "young");
    assert_eq!(listed["malformed"][0]["key"], "broken");
    let words = bench.run(&["sessions", "list", "--store", &store, "--limit", "1"]);
    let words = words.ended_with(0).stdout;
    assert!(
        words.contains("Sessions listed: 1 of 3 (limit 1)"),
        "{words}"
    );
    assert!(words.contains("7/100 (7%)"), "{words}");
    assert!(!words.contains(['\u{1b}', '\u{202e}']), "{words:?}");
    bench
        .run(&["sessions", "list", "--store", &store, "--limit", "0"])
        .ended_with(2);
}

#[test]
fn a_cleanup_says_what_would_go_and_why_and_does_it_only_when_it_is_told_to() {
    let bench = Bench::new();
    let store = openclaw(&bench);
    let before = text(&bench);
    let dry = [
        "sessions",
        "cleanup",
        "--store",
        &store,
        "--dry-run",
        "--fix-missing",
        "--json",
    ];
    let dry = bench.run(&dry).ended_with(0).json();
    assert_eq!(dry["mode"], "warn");
    assert_eq!(
        (&dry["beforeCount"], &dry["afterCount"]),
        (&json!(4), &json!(2))
    );
    assert_eq!((&dry["pruned"], &dry["missing"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&dry["dryRun"], &dry["wouldMutate"]),
        (&json!(true), &json!(true))
    );
    let why = dry["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["key"] == "agent:main:old");
    assert_eq!(why.unwrap()["why"], "it is older than is kept");
    assert_eq!(text(&bench), before);
    let warned = bench.run(&["sessions", "cleanup", "--store", &store]);
    let warned = warned.ended_with(0).stdout;
    assert!(warned.contains("--enforce does it"), "{warned}");
    assert_eq!(text(&bench), before);
    let kept = [
        "sessions",
        "cleanup",
        "--store",
        &store,
        "--enforce",
        "--active-key",
        "Agent:main:OLD",
        "--json",
    ];
    assert_eq!(
        bench.run(&kept).ended_with(0).json()["rows"][0]["why"],
        "it was named as active"
    );
    let done = bench.run(&["sessions", "cleanup", "--store", &store, "--enforce"]);
    let done = done.ended_with(0).stdout;
    assert!(
        done.contains("Applied maintenance. Current entries: 2"),
        "{done}"
    );
    assert!(text(&bench).contains("\"broken\": 7") && !text(&bench).contains("\"old\""));
    assert!(!bench.path(FOLDER).join("old.jsonl").exists());
}

#[test]
fn what_openclaw_is_set_to_holds_here_and_what_is_not_understood_is_told() {
    let bench = Bench::new();
    let store = openclaw(&bench);
    bench.write(
        "claw/openclaw.json",
        "{ session: { maintenance: { mode: 'enforce', pruneAfter: '100000d', maxEntries: 'many' } } } // theirs",
    );
    let done = bench.run(&["sessions", "cleanup", "--store", &store, "--json"]);
    let done = done.ended_with(0);
    assert!(
        done.stderr.contains("session.maintenance.maxEntries"),
        "{}",
        done.stderr
    );
    assert_eq!(
        (&done.json()["mode"], &done.json()["pruned"]),
        (&json!("enforce"), &json!(0))
    );
    bench.write("claw/openclaw.json", "{ session: ");
    let told = bench.run(&["sessions", "cleanup", "--store", &store, "--json"]);
    let told = told.ended_with(0);
    assert!(
        told.stderr.contains("cannot be understood"),
        "{}",
        told.stderr
    );
    assert_eq!(told.json()["mode"], "warn");
}

#[test]
fn a_store_that_is_missing_torn_or_not_named_is_a_failure_with_what_to_do() {
    let bench = Bench::new();
    let unnamed = bench.run(&["sessions", "cleanup"]).ended_with(2);
    assert!(unnamed.stderr.contains("--store"), "{}", unnamed.stderr);
    for command in ["list", "cleanup"] {
        let missing = bench.run(&["sessions", command, "--store", "nowhere/sessions.json"]);
        assert!(missing.ended_with(1).stderr.contains("no session store"));
        bench.write("torn/sessions.json", "{\"a\": ");
        let torn = bench.run(&["sessions", command, "--store", "torn", "--json"]);
        let torn = torn.ended_with(1);
        assert!(torn.stderr.contains("left as it is"), "{}", torn.stderr);
        let text = std::fs::read_to_string(bench.path("torn/sessions.json")).unwrap();
        assert_eq!(text, "{\"a\": ");
    }
}
