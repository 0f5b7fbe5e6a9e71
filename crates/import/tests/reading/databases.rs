//! Databases of goose's and OpenClaw's, made here.

use std::path::Path;

use latchwork_import::{Database, DatabaseError, Reader, SourceKind};
use rusqlite::{Connection, params};

use crate::placed::{branch, drain, held, placed, shown_all};

fn goose(path: &Path) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT, working_dir TEXT NOT NULL, extension_data TEXT, model_config_json TEXT, provider_name TEXT);
         CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, role TEXT NOT NULL, content_json TEXT NOT NULL, created_timestamp INTEGER NOT NULL, metadata_json TEXT);
         INSERT INTO sessions VALUES ('20260101_1', 'a talk', '/work', '{}', '{\"model_name\":\"m1\"}', 'p1');",
    )
    .unwrap();
    for (role, content) in [
        (
            "user",
            r#"[{"type":"text",
  "text":"hello"}]"#,
        ),
        ("assistant", r#"[{"type":"text","text":"hi"}]"#),
        ("user", "not json"),
        ("user", r#"[{"type":"text","text":"bye"}]"#),
    ] {
        db.execute("INSERT INTO messages (session_id, role, content_json, created_timestamp, metadata_json) VALUES ('20260101_1', ?1, ?2, 1767261600, '{}')", params![role, content]).unwrap();
    }
}

#[test]
fn goose_keeps_its_messages_in_rows_and_a_row_that_is_damaged_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    goose(&path);
    let before = std::fs::read(&path).unwrap();
    let database = Database::open(&path).unwrap();
    assert_eq!(
        (database.kind(), database.sessions().unwrap()),
        (SourceKind::Goose, vec!["20260101_1".to_owned()])
    );
    let (items, summary) = drain(Reader::rows(database.rows("20260101_1").unwrap()));
    let entries = placed(&items);
    assert_eq!(
        shown_all(&branch(&entries)),
        ["user: hello", "assistant: hi", "user: bye"]
    );
    assert_eq!(
        (summary.title.as_deref(), summary.cwd.as_deref()),
        (Some("a talk"), Some("/work"))
    );
    assert_eq!(summary.report.damaged.len(), 1);
    assert_eq!(summary.report.damaged[0].line, 3);
    let reply = branch(&entries)[1].clone();
    let reply = reply.message().unwrap();
    assert_eq!(
        (reply.provider().unwrap(), reply.model().unwrap()),
        ("p1".into(), "m1".into())
    );
    assert!(held(SourceKind::Goose, "20260101_1", &items, &entries).is_proof());
    assert_eq!(
        std::fs::read(&path).unwrap(),
        before,
        "a source is only read"
    );
}

#[test]
fn openclaw_keeps_its_events_in_rows_some_of_them_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openclaw-agent.sqlite");
    let db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE transcript_events(session_id TEXT NOT NULL,seq INTEGER NOT NULL,event_json TEXT,created_at INTEGER NOT NULL,event_zstd BLOB,event_utf8_bytes INTEGER,navigation_json TEXT,PRIMARY KEY(session_id,seq)) STRICT;").unwrap();
    let event = |id: &str, parent: &str, text: &str| {
        format!(
            "{{\"type\":\"message\",\"id\":\"{id}\",\"parentId\":{parent},\"timestamp\":\"T\",\"message\":{{\"role\":\"user\",\"content\":\"{text}\"}}}}"
        )
    };
    let packed = |text: &str| {
        ruzstd::encoding::compress_to_vec(
            text.as_bytes(),
            ruzstd::encoding::CompressionLevel::Fastest,
        )
    };
    let put =
        |session: &str, seq: i64, json: Option<&str>, zstd: Option<&[u8]>, size: Option<usize>| {
            let size = size.map(|size| i64::try_from(size).unwrap());
            db.execute(
                "INSERT INTO transcript_events VALUES (?1, ?2, ?3, 0, ?4, ?5, NULL)",
                params![session, seq, json, zstd, size],
            )
            .unwrap();
        };
    let (one, two, three) = (
        event("a", "null", "one"),
        event("b", "\"a\"", "two"),
        event("c", "\"b\"", "three"),
    );
    put("s1", 0, Some(&one), None, None);
    put("s1", 7, None, Some(&packed(&two)), Some(two.len()));
    put("s1", 8, None, Some(&packed(&two)), Some(two.len() - 1));
    put("s1", 9, Some(&three), None, None);
    put("s2", 0, Some(&event("x", "null", "else")), None, None);
    let database = Database::open(&path).unwrap();
    assert_eq!(database.sessions().unwrap(), ["s1", "s2"]);
    let (items, summary) = drain(Reader::rows(database.rows("s1").unwrap()));
    assert_eq!(
        shown_all(&branch(&placed(&items))),
        ["user: one", "user: two", "user: three"]
    );
    assert_eq!(
        summary
            .report
            .damaged
            .iter()
            .map(|fault| fault.line)
            .collect::<Vec<_>>(),
        [8]
    );
    assert!(matches!(
        Database::open(&path).unwrap().rows("s3"),
        Err(DatabaseError::NoSession { .. })
    ));
}

#[test]
fn a_database_of_somebody_else_and_a_file_that_is_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    assert!(matches!(
        Database::open(&path),
        Err(DatabaseError::Unknown(_))
    ));
    std::fs::write(&path, "SQLite format 3\0 and then nothing of the kind").unwrap();
    assert!(matches!(
        Database::open(&path),
        Err(DatabaseError::Sqlite { .. })
    ));
    assert!(Database::open(&folder.path().join("none.db")).is_err());
}
