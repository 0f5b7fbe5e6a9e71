//! A session that begins anew under its key, and one that is brought back.

use latchwork_filelock::{Latches, Options, PeerLock, Site};
use latchwork_lock::Wait;
use latchwork_openclaw::reset::ResetError;
use latchwork_sys::System;
use serde_json::{Value, json};

use crate::bench::*;

const KEY: &str = "agent:main:main";

fn bench() -> Bench {
    let row = json!({
        "sessionId": "old", "updatedAt": 5, "sessionFile": "old.jsonl", "totalTokens": 9, "systemSent": true, "status": "done",
        "thinkingLevel": "high", "modelOverride": "m", "modelOverrideSource": "user",
        "authProfileOverride": "p", "authProfileOverrideSource": "auto", "label": "talk", "of somebody's": [1.50],
        "usageFamilySessionIds": ["older", "old"], "deliveryContext": { "to": "1" },
    });
    let bench = Bench::with(json!({ KEY: row }).to_string());
    std::fs::write(
        bench.dir.path().join("old.jsonl"),
        "{\"type\":\"session\",\"version\":3,\"id\":\"old\",\"timestamp\":\"\",\"cwd\":\"\"}\n",
    )
    .unwrap();
    bench
}

fn row(bench: &Bench) -> Value {
    serde_json::from_str::<Value>(&bench.text()).unwrap()[KEY].clone()
}

#[test]
fn a_reset_keeps_what_a_person_set_and_what_nobody_knows_and_puts_the_transcript_away() {
    let bench = bench();
    let done = block_on(bench.index().reset(WAIT, "Agent:Main:Main")).unwrap();
    let row = row(&bench);
    for kept in [
        "thinkingLevel",
        "modelOverride",
        "label",
        "of somebody's",
        "deliveryContext",
    ] {
        assert!(!row[kept].is_null(), "{kept}: {row}");
    }
    for gone in [
        "sessionFile",
        "totalTokens",
        "systemSent",
        "status",
        "authProfileOverride",
    ] {
        assert!(row[gone].is_null(), "{gone}: {row}");
    }
    assert_eq!(row["sessionId"], json!(done.new_id));
    assert_eq!(
        row["usageFamilySessionIds"],
        json!(["older", "old", done.new_id])
    );
    assert_eq!(row["usageFamilyKey"], KEY);
    assert_eq!(row["sessionStartedAt"], row["lastInteractionAt"]);
    assert!(bench.text().contains("1.5"), "{}", bench.text());
    let archive = done.archive.unwrap();
    assert!(archive.starts_with("old.jsonl.reset."));
    assert!(
        bench.dir.path().join(&archive).exists() && !bench.dir.path().join("old.jsonl").exists()
    );

    let back = block_on(bench.index().restore(WAIT, &archive, Some(KEY))).unwrap();
    assert!(back.row && bench.dir.path().join("old.jsonl").exists());
    assert_eq!(self::row(&bench)["sessionId"], "old");
    assert!(matches!(
        block_on(bench.index().restore(WAIT, "../x.jsonl.reset.1", None)),
        Err(ResetError::NotAnArchive { .. })
    ));
}

#[test]
fn an_archive_never_replaces_what_stands_there() {
    let bench = bench();
    let archive = "old.jsonl.reset.2026-01-01T00-00-00.000Z";
    std::fs::write(bench.dir.path().join(archive), "archived").unwrap();
    let refused = block_on(bench.index().restore(WAIT, archive, None));
    assert!(matches!(refused, Err(ResetError::Taken { .. })));
    assert_eq!(
        std::fs::read_to_string(bench.dir.path().join(archive)).unwrap(),
        "archived"
    );
}

#[test]
fn a_session_in_a_turn_is_not_reset_and_a_transcript_of_two_rows_is_not_put_away() {
    let bench = bench();
    let options = Options {
        peer_lock: PeerLock::Never,
        ..Options::default()
    };
    let latches = Latches::new(System::real(), options);
    let site = Site::new(bench.dir.path(), "old", "old.jsonl").unwrap();
    let before = bench.text();
    block_on(async {
        let claim = latches.claim(&site, "turn", Wait::Never).await.unwrap();
        let refused = bench.index().reset(WAIT, KEY).await;
        assert!(matches!(refused, Err(ResetError::InUse { .. })));
        drop(claim);
    });
    assert_eq!(bench.text(), before);
    block_on(
        bench
            .index()
            .update(WAIT, |rows| put(rows, "another", "old", 1)),
    )
    .unwrap();
    let done = block_on(bench.index().reset(WAIT, KEY)).unwrap();
    assert_eq!(done.archive, None);
    assert!(bench.dir.path().join("old.jsonl").exists());
    assert!(matches!(
        block_on(bench.index().reset(WAIT, "nobody")),
        Err(ResetError::NoRow { .. })
    ));
}
