//! Every sort of finding, each with its cause planted in a home where nothing else is wrong: it is found, nothing is changed
//! without `--fix`; with it, what can be repaired is, and the second repair has nothing to do.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;
use std::time::{Duration, SystemTime};

use latchwork::doctor::SORTS;

use crate::bench::{
    Bench, HEADER, age, contents, dead_payload, entry, now, payload, picture, set_mode, temporary,
};

type Plant = fn(&Bench);

const REPAIRED: &[(&str, Plant)] = &[
    ("lock.dead", |bench| {
        bench.put("main.jsonl.lock", dead_payload());
    }),
    // Of no session: the guard that the repair takes leaves nothing behind either.
    ("lock.dead", |bench| {
        bench.put("gone.jsonl.lock", dead_payload());
    }),
    // A pid that means another process by now.
    ("lock.dead", |bench| {
        let own = std::process::id();
        let recycled =
            format!(r#"{{"pid":{own},"createdAt":"2026-01-01T00:00:00.000Z","starttime":1}}"#);
        bench.put("main.jsonl.lock", recycled);
    }),
    ("lock.dead", |bench| {
        bench.put("main.jsonl.lock", "");
    }),
    // A name that is no id, and reached as a lone file.
    ("lock.dead", |bench| {
        bench.transcript("wei rd", "");
        bench.put("wei rd.jsonl.lock", dead_payload());
    }),
    ("left.locks", |bench| {
        for name in [
            "gone.latch",
            "gone.claim.4",
            "gone.claim.5",
            "gone.claim.5.ask",
            "gone.joined",
            "gone.joined.2",
        ] {
            bench.put(format!(".latchwork/{name}"), "note");
        }
    }),
    ("left.head", |bench| {
        bench.put(".latchwork/gone.head", r#"{"leaf":"a","at":1,"witness":1}"#);
    }),
    ("left.temporary", |bench| {
        bench.put(temporary(1), "half a transcript");
    }),
    ("left.temporary", |bench| {
        bench.put(format!(".latchwork/{}", temporary(2)), "");
    }),
    ("file.mode", |bench| {
        set_mode(&bench.path("main.jsonl"), 0o644);
    }),
    ("file.mode", |bench| {
        set_mode(&bench.path(".latchwork/main.head"), 0o660);
    }),
    ("folder.mode", |bench| set_mode(&bench.sessions(), 0o755)),
    ("folder.mode", |bench| {
        set_mode(&bench.path(".latchwork"), 0o750);
    }),
    ("transcript.end", |bench| {
        bench.transcript("cut", &entry("b", Some("a"))[..40]);
    }),
    ("transcript.end", |bench| {
        bench.transcript("cut", &entry("b", Some("a")));
    }),
    ("transcript.end", |bench| {
        let glued = format!(
            "{}{}\n",
            &entry("b", Some("a"))[..40],
            entry("c", Some("a"))
        );
        bench.transcript("cut", &glued);
    }),
    ("head.stale", |bench| {
        bench.put(
            ".latchwork/main.head",
            r#"{"leaf":"nobody","at":7,"witness":7}"#,
        );
    }),
    ("head.stale", |bench| {
        bench.put(".latchwork/main.head", "rubbish");
    }),
];

const TOLD: &[(&str, Plant)] = &[
    ("lock.held", |bench| {
        let path = bench.put("main.jsonl.lock", payload(std::process::id(), &now()));
        age(&path, Duration::ZERO);
    }),
    ("lock.old", |bench| {
        bench.put(
            "main.jsonl.lock",
            payload(std::process::id(), "2026-01-01T00:00:00.000Z"),
        );
    }),
    ("lock.elsewhere", |bench| {
        bench.put(
            "main.jsonl.lock",
            r#"{"pid":1,"createdAt":"2026-01-01T00:00:00.000Z","pidNs":1}"#,
        );
    }),
    ("lock.unfinished", |bench| {
        let path = bench.put("main.jsonl.lock", "{");
        age(&path, Duration::ZERO);
    }),
    ("lock.blocked", |bench| {
        std::fs::create_dir(bench.path("main.jsonl.lock")).unwrap();
    }),
    ("left.in-use", |bench| {
        let path = bench.put(temporary(3), "young");
        age(&path, Duration::ZERO);
    }),
    ("left.inbox", |bench| {
        bench.put(".latchwork/gone.inbox.jsonl", "\n{\"type\":\"accepted\"}\n");
    }),
    ("left.unknown", |bench| {
        bench.put(".latchwork/notes.txt", "mine");
    }),
    ("file.kind", |bench| {
        let made = Command::new("mkfifo")
            .arg(bench.path("pipe.jsonl"))
            .status();
        assert!(made.unwrap().success());
    }),
    ("file.kind", |bench| {
        std::os::unix::fs::symlink("main.jsonl", bench.path("link.jsonl")).unwrap();
    }),
    ("file.kind", |bench| {
        std::fs::create_dir(bench.path(".latchwork/main.claim.9")).unwrap();
    }),
    ("file.links", |bench| {
        std::fs::hard_link(bench.path("main.jsonl"), bench.path("other name")).unwrap();
    }),
    ("file.owner", |bench| {
        // Where these tests may not give files away, nothing is to be found.
        let _may_not = std::os::unix::fs::chown(bench.path("main.jsonl"), Some(12_345), None);
    }),
    ("file.name", |bench| {
        bench.put(OsStr::from_bytes(b"\xff.jsonl"), HEADER);
    }),
    ("file.name", |bench| {
        bench.put(format!("{}.jsonl", "x".repeat(220)), HEADER);
    }),
    ("transcript.damaged", |bench| {
        bench.transcript("hurt", &format!("not json\n{}\n", entry("b", Some("a"))));
    }),
    ("transcript.tree", |bench| {
        bench.transcript("hurt", &format!("{}\n", entry("b", Some("nobody"))));
    }),
    ("transcript.read-only", |bench| {
        bench.put(
            "new.jsonl",
            format!("{}\n", HEADER.replace("\"version\":3", "\"version\":9")),
        );
    }),
    ("transcript.read-only", |bench| {
        bench.put("empty.jsonl", "");
    }),
    ("transcript.old-version", |bench| {
        bench.put(
            "old.jsonl",
            format!("{}\n", HEADER.replace("\"version\":3,", "")),
        );
    }),
    ("quarantine.kept", |bench| {
        let dir = bench.path(".latchwork/main.quarantine");
        std::fs::create_dir(&dir).unwrap();
        set_mode(&dir, 0o700);
        bench.put(".latchwork/main.quarantine/at-1.bin", "kept");
    }),
    ("clock.wrong", |bench| {
        let path = bench.path("main.jsonl");
        #[expect(
            clippy::disallowed_methods,
            reason = "a file of tomorrow by the real clock"
        )]
        let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
        std::fs::File::open(path)
            .unwrap()
            .set_modified(tomorrow)
            .unwrap();
    }),
    ("settings.fault", |bench| {
        let dir = bench.home.home().join(".config/latchwork");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("config.toml"), "modle = \"x\"\n").unwrap();
    }),
    ("peers.seen", |bench| {
        bench.put(
            "../openclaw.json",
            "{meta: {lastTouchedVersion: '2026.5.18'}}",
        );
    }),
    ("fs.kind", |_| {}),
];

/// What needs another machine, a full disk or a disk that fails: tested with those.
const ELSEWHERE: &[&str] = &[
    "file.unreadable",
    "folder.missing",
    "folder.unreadable",
    "settings.warning",
    "fs.untrusted",
    "fs.locks",
    "fs.locks-unknown",
    "fs.sync",
    "fs.sync-unknown",
    "fs.read-only",
    "fs.space",
    "fs.inodes",
];

#[test]
fn every_sort_of_finding_has_a_test() {
    let planted = REPAIRED.iter().chain(TOLD).map(|(id, _)| *id);
    let tested: BTreeSet<&str> = planted.chain(ELSEWHERE.iter().copied()).collect();
    let all: BTreeSet<&str> = SORTS.iter().map(|sort| sort.id).collect();
    assert_eq!(tested, all);
    let repaired: BTreeSet<&str> = REPAIRED.iter().map(|(id, _)| *id).collect();
    let fixable = SORTS
        .iter()
        .filter(|sort| sort.fix.is_some())
        .map(|sort| sort.id);
    assert_eq!(repaired, fixable.collect());
}

#[test]
fn a_healthy_home_has_nothing_wrong_and_is_not_touched() {
    let bench = Bench::healthy();
    let before = picture(&bench.sessions());
    for flags in [&[][..], &["--deep"], &["--fix"], &["--fix", "--deep"]] {
        let found = bench.findings(flags);
        assert_eq!((found.code, found.wrong()), (Some(0), vec![]), "{found:#?}");
        assert_eq!(found.summary["sessions"], 1);
        assert_eq!(before, picture(&bench.sessions()), "{flags:?}");
    }
}

#[test]
fn what_can_be_repaired_is_found_untouched_then_repaired_and_the_second_repair_has_nothing_to_do() {
    for (number, (id, plant)) in REPAIRED.iter().enumerate() {
        let bench = Bench::healthy();
        plant(&bench);
        let (before, held) = (picture(&bench.sessions()), contents(&bench.sessions()));
        let told = bench.findings(&[]);
        assert_eq!(
            before,
            picture(&bench.sessions()),
            "{number} {id}: a look changes nothing"
        );
        assert_eq!(
            (told.code, told.wrong()),
            (Some(65), vec![*id]),
            "{number} {told:#?}"
        );
        assert!(told.the(id)["fix"].is_string() && told.the(id)["outcome"] == "told");
        let fixed = bench.findings(&["--fix"]);
        assert_eq!(
            (fixed.code, &fixed.the(id)["outcome"]),
            (Some(0), &"fixed".into()),
            "{number} {fixed:#?}"
        );
        assert_eq!(fixed.summary["fixed"], 1);
        let after = picture(&bench.sessions());
        let again = bench.findings(&["--fix", "--deep"]);
        assert_eq!(
            (again.code, again.wrong()),
            (Some(0), vec![]),
            "{number} {id} {again:#?}"
        );
        assert_eq!(again.summary["fixed"], 0);
        assert_eq!(
            after,
            picture(&bench.sessions()),
            "{number} {id}: the second repair changes nothing"
        );
        if !matches!(*id, "lock.dead" | "left.locks" | "transcript.end") {
            let now = contents(&bench.sessions());
            let lost = held
                .iter()
                .find(|content| !content.is_empty() && !now.contains(content));
            assert_eq!(lost, None, "{number} {id}: no byte is lost");
        }
    }
}

#[test]
fn what_cannot_be_repaired_is_told_and_left_alone_by_a_repair_too() {
    for (number, (id, plant)) in TOLD.iter().enumerate() {
        let bench = Bench::healthy();
        plant(&bench);
        let sort = SORTS.iter().find(|sort| sort.id == *id).unwrap();
        let before = picture(&bench.sessions());
        for flags in [&[][..], &["--fix"]] {
            let found = bench.findings(flags);
            assert_eq!(
                before,
                picture(&bench.sessions()),
                "{number} {id} {flags:?}"
            );
            if *id == "file.owner" && !found.ids().contains(id) {
                continue;
            }
            assert!(found.ids().contains(id), "{number} {id} in {found:#?}");
            let wrong = sort.severity.name() != "note";
            assert_eq!(
                found.code,
                Some(if wrong { 65 } else { 0 }),
                "{number} {id} {found:#?}"
            );
            assert!(
                found.wrong().iter().all(|found| found == id),
                "{number} {found:#?}"
            );
        }
    }
}
