//! What a store promises to whoever reads and changes it.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use latchwork_openclaw::{Activity, IndexError, Patch, Patched, SessionsJson, Unreadable};

use crate::bench::*;

const TWO: &str = r#"{
  "agent:main:main": {
    "sessionId": "a",
    "updatedAt": 100
  },
  "broken": 7
}"#;

#[test]
fn a_change_that_changes_nothing_writes_nothing() {
    let bench = Bench::with(TWO);
    let before = std::fs::metadata(bench.path()).unwrap().ino();
    let index = bench.index();
    let same = block_on(index.update(WAIT, |rows| {
        let row = serde_json::json!({ "sessionId": "a", "updatedAt": 100 });
        rows.put("agent:main:main", &row).unwrap();
        rows.remove("nobody");
    }));
    assert!(!same.unwrap().written);
    assert_eq!(std::fs::metadata(bench.path()).unwrap().ino(), before);
    assert_eq!(bench.text(), TWO);
}

#[test]
fn a_new_store_is_its_owners_alone_and_an_old_one_keeps_its_permissions() {
    let bench = Bench::new();
    let mode = || {
        std::fs::metadata(bench.path())
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    let index = bench.index();
    block_on(index.update(WAIT, |rows| put(rows, "a", "s", 1))).unwrap();
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(bench.path(), std::fs::Permissions::from_mode(0o660)).unwrap();
    block_on(index.update(WAIT, |rows| put(rows, "b", "t", 1))).unwrap();
    assert_eq!(mode(), 0o660);
    let sidecars = bench.dir.path().join(".latchwork");
    for file in std::fs::read_dir(&sidecars).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(
        sidecars.metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn a_store_of_another_user_stays_theirs() {
    let bench = Bench::with(TWO);
    if std::os::unix::fs::chown(bench.path(), Some(12_345), Some(54_321)).is_err() {
        // Only root can give a file away, so there is nothing to keep.
        return;
    }
    block_on(bench.index().update(WAIT, |rows| put(rows, "a", "s", 1))).unwrap();
    let facts = std::fs::metadata(bench.path()).unwrap();
    assert_eq!((facts.uid(), facts.gid()), (12_345, 54_321));
}

#[test]
fn a_row_is_found_and_written_whatever_the_spelling_of_its_key_and_spellings_are_merged_then() {
    let text = r#"{"Agent:Main:X":{"sessionId":"new","updatedAt":9},"agent:main:x":{"sessionId":"old","updatedAt":1},"AGENT:MAIN:Y":{"sessionId":"y","updatedAt":1},"agent:main:y":{"sessionId":"y","updatedAt":2}}"#;
    let bench = Bench::with(text);
    let index = bench.index();
    assert_eq!(
        index.entry(" AGENT:main:x ").unwrap().unwrap().session_id,
        "new"
    );
    let patch = Patch::new().text("label", "l");
    let kept = block_on(index.update_entry(WAIT, "agent:main:x", &patch, Activity::Kept)).unwrap();
    assert_eq!(kept.answer, Patched::Changed);
    let keys: Vec<_> = kept.rows.rows().map(|row| row.key().to_owned()).collect();
    assert_eq!(keys, ["agent:main:x", "AGENT:MAIN:Y", "agent:main:y"]);
    assert_eq!(kept.rows.get("agent:main:x").unwrap().updated_at(), Some(9));
    let none = block_on(index.update_entry(WAIT, "nobody", &patch, Activity::Now)).unwrap();
    assert_eq!((none.answer, none.written), (Patched::Missing, false));
}

#[test]
fn activity_never_goes_back_and_may_stay() {
    let mut rows = SessionsJson::parse(TWO).unwrap();
    let mut updated = |patch: Patch, activity, now_ms| {
        rows.patch("agent:main:main", &patch, activity, now_ms);
        rows.get("agent:main:main").unwrap().updated_at().unwrap()
    };
    assert_eq!(updated(Patch::new(), Activity::Now, 50), 100);
    assert_eq!(
        updated(Patch::new().number("updatedAt", 70), Activity::Now, 50),
        100
    );
    assert_eq!(
        updated(Patch::new().number("updatedAt", 300), Activity::Now, 200),
        300
    );
    assert_eq!(
        updated(Patch::new().number("updatedAt", 900), Activity::Kept, 901),
        300
    );
    assert_eq!(updated(Patch::new(), Activity::Now, 400), 400);
}

#[test]
fn malformed_rows_are_told_and_outlive_everything() {
    let bench = Bench::with(TWO);
    let updated = block_on(bench.index().update(WAIT, |rows| {
        assert!(!rows.remove("broken"));
        put(rows, "a", "s", 1);
    }));
    let told = updated.unwrap().rows.malformed();
    assert_eq!((told.len(), told[0].key.as_str()), (1, "broken"));
    assert!(bench.text().contains("\"broken\": 7"));
}

#[test]
fn an_empty_or_torn_store_is_refused_with_the_reason_and_the_place() {
    for (text, why) in [
        ("", Unreadable::Empty),
        (" \n", Unreadable::Empty),
        (
            "{\n\"a\": ",
            Unreadable::NotJson {
                what: "it ends in the midst",
                line: 2,
                column: 5,
            },
        ),
        (
            "[]",
            Unreadable::NotJson {
                what: "it is of another kind",
                line: 1,
                column: 0,
            },
        ),
    ] {
        let bench = Bench::with(text);
        match bench.index().read() {
            Err(IndexError::Unreadable {
                why: found, path, ..
            }) => {
                assert_eq!((found, path), (why, bench.path()), "{text:?}");
            }
            other => panic!("{text:?}: {other:?}"),
        }
        let error = block_on(bench.index().update(WAIT, |rows| put(rows, "a", "s", 1)));
        let said = error.unwrap_err().to_string();
        assert!(
            said.contains("left as it is") && said.contains("move it away"),
            "{said}"
        );
        assert_eq!(bench.text(), text);
    }
}

#[test]
fn nothing_is_read_or_written_through_a_symbolic_link() {
    let bench = Bench::new();
    let elsewhere = bench.dir.path().join("elsewhere");
    std::fs::write(&elsewhere, TWO).unwrap();
    std::os::unix::fs::symlink(&elsewhere, bench.path()).unwrap();
    assert!(matches!(
        bench.index().read(),
        Err(IndexError::Unreadable {
            why: Unreadable::NotAFile { .. },
            ..
        })
    ));
    assert!(block_on(bench.index().update(WAIT, |rows| put(rows, "a", "s", 1))).is_err());
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), TWO);
}

#[test]
fn a_reader_sees_each_new_state_at_once() {
    let bench = Bench::with("{}");
    let index = bench.index();
    for n in 0..50 {
        std::fs::write(
            bench.path(),
            format!("{{\"a\":{{\"sessionId\":\"s{}\"}}}}", n % 10),
        )
        .unwrap();
        let entry = index.entry("a").unwrap().unwrap();
        assert_eq!(entry.session_id, format!("s{}", n % 10));
    }
}
