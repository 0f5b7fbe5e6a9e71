//! The real OpenClaw: what it holds is left alone, what it left is removed, and our words for its lock files are its own.

use std::collections::BTreeMap;
use std::time::Duration;

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::peers::Peers;
use serde_json::Value;

use crate::bench::{Bench, NOBODY, age, entry, now, payload, picture};

#[test]
fn a_lock_file_is_called_stale_for_the_very_reasons_of_the_real_openclaw() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    let bench = Bench::healthy();
    let own = std::process::id();
    let now = now();
    let long_ago = "2026-01-01T00:00:00.000Z";
    let recycled = format!(r#"{{"pid":{own},"createdAt":"{now}","starttime":1}}"#);
    for (name, content) in [
        ("dead", payload(NOBODY, &now)),
        ("dead-and-old", payload(NOBODY, long_ago)),
        ("stranger", payload(own, &now)),
        ("stranger-and-old", payload(own, long_ago)),
        ("peer", payload(openclaw.pid(), long_ago)),
        ("recycled", recycled),
        ("no-time", format!(r#"{{"pid":{own}}}"#)),
        ("bad-time", payload(own, "yesterday")),
        ("no-pid", payload(0, &now)),
        (
            "text-pid",
            format!(r#"{{"pid":"{own}","createdAt":"{now}"}}"#),
        ),
        ("empty", String::new()),
        ("half", "{\"pid\":".to_owned()),
    ] {
        let path = bench.put(format!("{name}.jsonl.lock"), content);
        age(&path, Duration::from_secs(3_600));
    }
    let told = bench.findings(&[]);
    let locks = told
        .all
        .iter()
        .filter(|finding| finding["id"].as_str().unwrap().starts_with("lock."));
    let ours: BTreeMap<&str, (&Value, &Value)> = locks
        .map(|finding| {
            let facts = &finding["facts"];
            (
                finding["path"].as_str().unwrap(),
                (&facts["pid"], &facts["staleReasons"]),
            )
        })
        .collect();
    let theirs = openclaw.clean_locks(bench.sessions(), None);
    let theirs: BTreeMap<&str, (&Value, &Value)> = theirs
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            (
                found["lockPath"].as_str().unwrap(),
                (&found["pid"], &found["staleReasons"]),
            )
        })
        .collect();
    assert_eq!(ours.len(), 12);
    assert_eq!(ours, theirs);
    openclaw.close();
}

#[test]
fn what_the_real_openclaw_holds_is_left_alone_and_what_it_left_when_it_was_killed_is_removed() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    let bench = Bench::healthy();
    let cut = &entry("b", Some("a"))[..40];
    let path = bench.transcript("theirs", cut);
    openclaw.lock(&path, 5_000).expect("its own lock");
    let lock = bench.path("theirs.jsonl.lock");
    let before = picture(&bench.sessions());
    let left = bench.findings(&["--fix"]);
    assert_eq!(before, picture(&bench.sessions()));
    assert_eq!(left.the("lock.held")["facts"]["pid"], openclaw.pid());
    assert_eq!(
        left.the("transcript.end")["outcome"],
        "skipped",
        "{left:#?}"
    );
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &openclaw.pid().to_string()])
        .status();
    assert!(killed.unwrap().success());
    // Its threads end one after the other, and while one is left the file is open: it is dead when it was waited for.
    drop(openclaw);
    let fixed = eventually("a repair", || {
        let fixed = bench.findings(&["--fix"]);
        fixed.ids().contains(&"lock.dead").then_some(fixed)
    });
    assert_eq!(
        (fixed.code, &fixed.the("lock.dead")["outcome"]),
        (Some(0), &"fixed".into()),
        "{fixed:#?}"
    );
    assert!(!lock.exists());
}
