//! Sessions taken out of an index for good, held against the bytes of its files.

use std::fs;
use std::path::PathBuf;

use latchwork_search::{ForgetError, Forgotten, Wanted, discard, forget};
use rusqlite::Connection;

use crate::bench::{Bench, ids, said};

/// As FTS5 keeps it: no other word begins as it does.
const WORD: &str = "zyxomma";

/// The files of the index that have the word in them.
fn has_word(bench: &Bench) -> Vec<PathBuf> {
    let folder = bench.index().parent().unwrap().to_owned();
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let has = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap().to_ascii_lowercase();
        bytes
            .windows(WORD.len() - 1)
            .any(|at| at == &WORD.as_bytes()[1..])
    };
    files.map(|file| file.path()).filter(has).collect()
}

/// Sessions of many words that come into the index in many segments, one of them with the word. SQLite stays open at it, as a
/// search beside us would be, so its journal stays, too.
fn indexed(bench: &Bench) -> Connection {
    let mut open = None;
    for session in 0..12 {
        let lines: Vec<String> = (0..if session == 4 { 3 } else { 30 })
            .map(|n| {
                let own = if session == 4 { "Zyxomma" } else { "other" };
                let text: String = (0..40).map(|w| format!("w{session}x{n}y{w} ")).collect();
                said(
                    &format!("e{n}"),
                    None,
                    "user",
                    &format!("{own}{n} {own} shared {text}"),
                )
            })
            .collect();
        bench.put(&format!("s{session}"), &lines);
        bench.find("shared");
        open.get_or_insert_with(|| Connection::open(bench.index()).unwrap());
    }
    assert!(!has_word(bench).is_empty(), "it was indexed");
    open.unwrap()
}

fn forgets(bench: &Bench, stem: &str) -> Result<Forgotten, ForgetError> {
    forget(&bench.system, &bench.index(), &[stem.to_owned()])
}

#[test]
fn no_byte_of_an_index_is_a_word_that_only_a_forgotten_session_said_and_the_others_are_found() {
    let bench = Bench::new();
    let _open = indexed(&bench);
    fs::remove_file(bench.path("s4")).unwrap();
    assert_eq!(forgets(&bench, "s4").unwrap(), Forgotten::TakenOut);
    assert_eq!(has_word(&bench), Vec::<PathBuf>::new());
    assert_eq!(ids(&bench.find("shared")).len(), 11 * 30);
    assert_eq!(forgets(&bench, "s4").unwrap(), Forgotten::TakenOut);
}

#[test]
fn what_a_search_took_out_before_is_gone_for_good_with_the_next_one_that_is_forgotten() {
    let bench = Bench::new();
    let _open = indexed(&bench);
    // All in one segment, of which little goes: FTS5 does not merge it by itself.
    let whole = Wanted::default();
    bench
        .search("shared", &whole, &|| false, &mut |_| {}, true)
        .unwrap();
    fs::rename(bench.path("s4"), bench.folder().join("s4.archived")).unwrap();
    assert_eq!(ids(&bench.find(WORD)), Vec::<String>::new());
    assert!(
        !has_word(&bench).is_empty(),
        "a search does not merge all there is"
    );
    assert_eq!(forgets(&bench, "s4").unwrap(), Forgotten::TakenOut);
    assert_eq!(has_word(&bench), Vec::<PathBuf>::new());
}

#[test]
fn where_no_index_is_none_is_made() {
    let bench = Bench::new();
    assert_eq!(forgets(&bench, "s").unwrap(), Forgotten::NoIndex);
    assert!(!bench.index().parent().unwrap().exists());
}

#[test]
fn an_index_that_sessions_cannot_be_taken_out_of_is_deleted_with_what_was_put_aside() {
    for broken in [true, false] {
        let bench = Bench::new();
        drop(indexed(&bench));
        let aside = bench.index().with_extension("sqlite.aside");
        fs::copy(bench.index(), &aside).unwrap();
        if broken {
            let mut bytes = fs::read(bench.index()).unwrap();
            bytes[..16].fill(b'x');
            fs::write(bench.index(), bytes).unwrap();
        } else {
            // Another version's.
            let other = Connection::open(bench.index()).unwrap();
            other.pragma_update(None, "user_version", 99).unwrap();
        }
        assert_eq!(forgets(&bench, "s4").unwrap(), Forgotten::Deleted);
        assert!(!bench.index().exists() && !aside.exists());
        assert_eq!(has_word(&bench), Vec::<PathBuf>::new());
    }
}

#[test]
fn an_index_that_another_process_writes_or_reads_all_along_is_told_and_forgets_afterwards() {
    for others in ["BEGIN IMMEDIATE", "BEGIN; SELECT count(*) FROM entries"] {
        let bench = Bench::new();
        let open = indexed(&bench);
        open.execute_batch(others).unwrap();
        let told = forgets(&bench, "s4").unwrap_err();
        assert!(
            matches!(&told, ForgetError::Busy { path } if *path == bench.index()),
            "{told}"
        );
        assert!(!has_word(&bench).is_empty(), "that is so");
        open.execute_batch("ROLLBACK").unwrap();
        assert_eq!(forgets(&bench, "s4").unwrap(), Forgotten::TakenOut);
        assert_eq!(has_word(&bench), Vec::<PathBuf>::new());
    }
}

#[test]
fn an_index_that_cannot_be_deleted_either_is_told() {
    let bench = Bench::new();
    drop(indexed(&bench));
    fs::write(bench.index(), "rubbish").unwrap();
    let disk = latchwork_sys::FaultDisk::new(std::sync::Arc::new(latchwork_sys::RealDisk));
    let fault = latchwork_sys::FaultOutcome::Errno(1);
    disk.add(latchwork_sys::Fault::on(latchwork_sys::Operation::Remove, fault).at("index.sqlite"));
    let system = latchwork_sys::System {
        disk: std::sync::Arc::new(disk),
        ..bench.system.clone()
    };
    let told = forget(&system, &bench.index(), &["s4".to_owned()]);
    assert!(matches!(told, Err(ForgetError::Io(_))), "{told:?}");
    assert_eq!(
        discard(&bench.system, &bench.index()).unwrap(),
        Forgotten::Deleted
    );
    assert_eq!(
        discard(&bench.system, &bench.index()).unwrap(),
        Forgotten::NoIndex
    );
}
