//! Whatever stands where the index should be, a search goes on.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use latchwork_search::{Note, Query, Search, Wanted};
use rusqlite::Connection;

use crate::bench::{Bench, Last, ids, said};

fn bench() -> Bench {
    let bench = Bench::new();
    bench.put("s", &[said("a", None, "user", "word")]);
    bench
}

#[test]
fn the_index_and_what_lies_beside_it_are_for_the_owner_alone() {
    let bench = bench();
    assert_eq!(bench.find("word").notes, []);
    let folder = bench.index().parent().unwrap().to_path_buf();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let held = Connection::open(bench.index()).unwrap();
    held.execute_batch("BEGIN; SELECT count(*) FROM sessions")
        .unwrap();
    bench.append("s", &(said("b", None, "user", "word") + "\n"));
    assert_eq!(bench.find("word").hits.len(), 2);
    let mut names = Vec::new();
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(
        names,
        [
            "index.sqlite",
            "index.sqlite-shm",
            "index.sqlite-wal",
            "index.sqlite.lock"
        ]
    );
    let beside = fs::read_dir(bench.folder()).unwrap().count();
    assert_eq!(beside, 1, "nothing is written beside the transcripts");
}

#[test]
fn what_is_no_index_of_this_version_is_put_aside_and_made_anew() {
    for (what, spoil) in [
        ("text", "text"),
        (
            "another program's",
            "CREATE TABLE mine (x); PRAGMA application_id = 7",
        ),
        ("a newer one", "PRAGMA user_version = 999"),
        ("no tables", "DROP TABLE entries"),
        (
            "other columns",
            "DROP TABLE sessions; CREATE TABLE sessions (stem)",
        ),
    ] {
        let bench = bench();
        bench.find("word");
        if spoil == "text" {
            fs::write(bench.index(), "text ".repeat(2_000)).unwrap();
        } else {
            Connection::open(bench.index())
                .unwrap()
                .execute_batch(spoil)
                .unwrap();
        }
        let found = bench.find("word");
        assert_eq!(ids(&found), ["s/a"], "{what}");
        let aside = bench.index().with_extension("sqlite.aside");
        if what == "another program's" {
            assert!(
                Connection::open(&aside)
                    .unwrap()
                    .execute("INSERT INTO mine VALUES (1)", [])
                    .is_ok()
            );
        }
        assert!(
            matches!(&found.notes[..], [Note::PutAside { path, .. }] if path.ends_with("index.sqlite.aside")),
            "{what}: {:?}",
            found.notes
        );
        assert!(aside.exists());
        assert_eq!(bench.find("word").notes, [], "{what}: it is made anew once");
    }
}

#[test]
fn an_index_whose_pages_are_damaged_is_put_aside_when_that_shows() {
    let bench = bench();
    for number in 0..40 {
        bench.put(
            &format!("t{number}"),
            &[said("a", None, "user", &format!("word{number} word"))],
        );
    }
    bench.find("word");
    let mut bytes = fs::read(bench.index()).unwrap();
    assert!(
        bytes.len() > 8_192,
        "the file is whole once nobody has it open"
    );
    bytes[4_096..].fill(0xa5);
    fs::write(bench.index(), bytes).unwrap();
    let found = bench.find("word");
    assert_eq!(found.hits.len(), 41);
    assert!(
        matches!(&found.notes[..], [Note::PutAside { .. }]),
        "{:?}",
        found.notes
    );
}

#[test]
fn where_no_index_can_be_kept_one_is_made_for_the_search_alone() {
    let bench = bench();
    let folder = bench.index().parent().unwrap().to_path_buf();
    fs::write(&folder, "a file stands where the folder should").unwrap();
    let found = bench.find("word");
    assert_eq!(ids(&found), ["s/a"]);
    assert!(
        matches!(&found.notes[..], [Note::NotKept { .. }]),
        "{:?}",
        found.notes
    );

    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    let elsewhere = folder.join("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    std::os::unix::fs::symlink(&elsewhere, bench.index()).unwrap();
    let found = bench.find("word");
    assert_eq!(ids(&found), ["s/a"]);
    assert!(
        matches!(&found.notes[..], [Note::NotKept { .. }]),
        "{:?}",
        found.notes
    );
    assert_eq!(fs::read_to_string(elsewhere).unwrap(), "precious");

    let alone = Search {
        system: &bench.system,
        folder: &bench.folder(),
        index: None,
        query: &Query::parse("word").unwrap(),
        wanted: &Wanted::default(),
        limit: 5,
        rebuild: true,
        stop: &|| false,
        watch: &mut |_| {},
    };
    assert_eq!(ids(&alone.run(&mut Last).unwrap()), ["s/a"]);
}

#[test]
fn while_another_process_indexes_what_is_there_is_searched_and_that_is_told() {
    let bench = bench();
    bench.find("word");
    bench.append("s", &(said("b", None, "user", "word") + "\n"));
    let name = bench.index().with_extension("sqlite.lock");
    let how = latchwork_sys::OpenHow::updating();
    let lock = bench.system.disk.open(&name, &how).unwrap();
    assert!(lock.try_lock().unwrap());
    let found = bench.find("word");
    assert_eq!(ids(&found), ["s/a"]);
    assert_eq!(found.notes, [Note::IndexedElsewhere { sessions: 1 }]);
    drop(lock);
    assert_eq!(bench.find("word").hits.len(), 2);

    // Without that lock SQLite's own keeps them apart.
    bench.append("s", &(said("c", None, "user", "word") + "\n"));
    let writer = Connection::open(bench.index()).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let found = bench.find("word");
    assert_eq!(
        (found.hits.len(), &found.notes[..]),
        (2, &[Note::IndexedElsewhere { sessions: 1 }][..])
    );
}
