//! What is looked at, and how deeply: homes, OpenClaw's homes, long transcripts; and what mending leaves.

use std::time::Duration;

use crate::bench::{
    Bench, Findings, age, contents, dead_payload, entry, now, payload, picture, set_mode,
};

#[test]
fn a_home_that_is_not_there_yet_and_a_variable_that_means_nothing_are_told() {
    let bench = Bench::healthy();
    let nowhere = bench.home.path("nowhere");
    let found = bench
        .doctor(&[])
        .env("LATCHWORK_HOME", &nowhere)
        .env("LATCHWORK_NO_SUCH", "1")
        .run();
    let found = Findings::of(&found);
    assert_eq!(found.the("folder.missing")["severity"], "note");
    assert!(
        found.the("settings.warning")["what"]
            .as_str()
            .unwrap()
            .contains("LATCHWORK_NO_SUCH")
    );
    assert_eq!(found.code, Some(65));
    assert!(!nowhere.exists());
}

#[test]
fn what_was_cut_off_is_kept_and_what_was_glued_to_it_can_be_read_again() {
    let bench = Bench::healthy();
    let fragment = &entry("b", Some("a"))[..40];
    let path = bench.transcript("cut", &format!("{fragment}{}\n", entry("c", Some("a"))));
    let before = std::fs::read(&path).unwrap();
    bench.findings(&["--fix"]);
    let after = std::fs::read(&path).unwrap();
    assert_eq!(after.len(), before.len());
    let kept = contents(&bench.path(".latchwork/cut.quarantine"));
    assert_eq!(kept, [fragment.as_bytes()]);
    let at = before.len() - fragment.len() - entry("c", Some("a")).len() - 1;
    assert_eq!(&after[at..at + 40], &[b' '; 40]);
    assert_eq!(
        (&after[..at], &after[at + 40..]),
        (&before[..at], &before[at + 40..])
    );
}

#[test]
fn damage_in_the_middle_of_a_long_transcript_is_seen_by_a_deep_look_alone_and_left_in_place() {
    let bench = Bench::healthy();
    let filler = entry("b", Some("a")).replace("hello", &"x".repeat(200_000));
    bench.transcript(
        "long",
        &format!("not json\n{filler}\n{}\n", entry("c", Some("b"))),
    );
    assert_eq!(bench.findings(&[]).wrong(), Vec::<&str>::new());
    let before = picture(&bench.sessions());
    let deep = bench.findings(&["--deep", "--fix"]);
    assert_eq!(deep.the("transcript.damaged")["facts"]["lines"], 1);
    assert_eq!(before, picture(&bench.sessions()));
}

#[test]
fn an_openclaw_home_is_looked_through_and_its_version_is_told() {
    let bench = Bench::healthy();
    let claw = bench.home.path("claw");
    for agent in ["one", "two"] {
        let dir = claw.join("agents").join(agent).join("sessions");
        std::fs::create_dir_all(&dir).unwrap();
        let lock = dir.join("x.jsonl.lock");
        std::fs::write(&lock, dead_payload()).unwrap();
        age(&lock, Duration::from_secs(3_600));
    }
    std::fs::write(
        claw.join("openclaw.json"),
        "{meta: {lastTouchedVersion: '2026.5.18'}}",
    )
    .unwrap();
    let found = bench.findings(&[claw.to_str().unwrap()]);
    assert_eq!(
        found.wrong(),
        ["lock.dead", "lock.dead"],
        "theirs are the permissions of their folders"
    );
    let seen = found
        .all
        .iter()
        .find(|finding| finding["id"] == "peers.seen")
        .unwrap();
    assert_eq!(seen["facts"]["peers"]["OpenClaw"]["version"], "2026.5.18");
    let lock = found
        .all
        .iter()
        .find(|finding| finding["id"] == "lock.dead")
        .unwrap();
    assert_eq!(
        lock["facts"]["staleReasons"],
        serde_json::json!(["dead-pid", "too-old"])
    );
    assert!(
        lock["what"]
            .as_str()
            .unwrap()
            .contains("pid=4194999 (dead) age=")
    );
    assert_eq!(
        bench.findings(&["--fix", claw.to_str().unwrap()]).code,
        Some(0)
    );
}

#[test]
fn the_age_from_which_a_lock_is_old_is_the_one_that_is_set() {
    let bench = Bench::healthy();
    let path = bench.put("main.jsonl.lock", payload(std::process::id(), &now()));
    age(&path, Duration::ZERO);
    let old = bench
        .doctor(&[])
        .env("OPENCLAW_SESSION_WRITE_LOCK_STALE_MS", "1")
        .run();
    let old = Findings::of(&old);
    let reasons = &old.the("lock.old")["facts"]["staleReasons"];
    assert_eq!(reasons, &serde_json::json!(["too-old"]));
    assert!(bench.findings(&[]).ids().contains(&"lock.held"));
}

#[test]
fn a_folder_of_sessions_may_be_reached_through_a_link_and_is_repaired_behind_it() {
    let bench = Bench::healthy();
    let real = bench.home.path("real");
    std::fs::rename(bench.sessions(), &real).unwrap();
    std::os::unix::fs::symlink(&real, bench.sessions()).unwrap();
    assert_eq!(bench.findings(&[]).wrong(), Vec::<&str>::new());
    bench.put("main.jsonl.lock", dead_payload());
    set_mode(&real, 0o755);
    let fixed = bench.findings(&["--fix"]);
    assert_eq!(
        (fixed.code, &fixed.summary["fixed"]),
        (Some(0), &2.into()),
        "{fixed:#?}"
    );
}

#[test]
fn a_folder_of_another_user_is_told_of_and_nothing_of_ours_is_made_in_it() {
    let bench = Bench::healthy();
    bench.put("main.jsonl.lock", dead_payload());
    bench.put(crate::bench::temporary(1), "x");
    if std::os::unix::fs::chown(bench.sessions(), Some(12_345), None).is_err() {
        println!("SKIPPED(owner): these tests may not give folders away");
        return;
    }
    let before = picture(&bench.sessions());
    let left = bench.findings(&["--fix"]);
    assert_eq!(before, picture(&bench.sessions()));
    for id in ["lock.dead", "left.temporary"] {
        let found = left.the(id);
        assert_eq!(found["outcome"], "skipped", "{found:#}");
        assert!(
            found["detail"]
                .as_str()
                .unwrap()
                .contains("belongs to user 12345")
        );
    }
}
