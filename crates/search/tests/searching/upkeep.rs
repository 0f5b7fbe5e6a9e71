//! What is kept between searches, and what is read again.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use latchwork_search::{Note, SearchError, Voice, Wanted};
use latchwork_sys::{FaultDisk, Operation, RealDisk};

use crate::bench::{Bench, entry, ids, said};

/// How many reads of transcripts there are from here on.
fn counted(bench: &mut Bench) -> Arc<AtomicUsize> {
    let disk = FaultDisk::new(Arc::new(RealDisk));
    let reads = Arc::new(AtomicUsize::new(0));
    let count = reads.clone();
    disk.watch(move |operation, path| {
        if operation == Operation::Read && path.extension().is_some_and(|ending| ending == "jsonl")
        {
            count.fetch_add(1, Ordering::SeqCst);
        }
        None
    });
    bench.system.disk = Arc::new(disk);
    reads
}

#[test]
fn of_a_grown_file_only_what_is_new_is_read_and_of_one_that_looks_the_same_nothing() {
    let mut bench = Bench::new();
    let data = "QUJD".repeat(250_000);
    let lines: Vec<String> = (0..24)
        .map(|n| said(&format!("e{n}"), None, "user", &format!("old {data}")))
        .collect();
    bench.put("s", &lines);
    let reads = counted(&mut bench);
    assert_eq!(bench.find("nowhere").hits.len(), 0);
    let first = reads.swap(0, Ordering::SeqCst);
    assert!(
        first >= 48,
        "both passes read 24 MB in pieces of one: {first}"
    );
    assert_eq!(bench.find("nowhere").hits.len(), 0);
    assert_eq!(reads.swap(0, Ordering::SeqCst), 0);
    bench.append("s", &(said("new", Some("e23"), "user", "fresh") + "\n"));
    assert_eq!(bench.find("nowhere").hits.len(), 0);
    let grown = reads.swap(0, Ordering::SeqCst);
    assert!(
        grown <= 24,
        "the new line, and some lines that are held against the file: {grown}"
    );
    assert_eq!(ids(&bench.find("fresh")), ["s/new"]);
}

#[test]
fn what_was_changed_behind_the_back_of_the_file_s_looks_is_not_shown_and_the_session_is_read_anew()
{
    let bench = Bench::new();
    bench.put(
        "s",
        &[
            said("a", None, "user", "word one"),
            said("b", None, "user", "word two"),
        ],
    );
    assert_eq!(bench.find("word").hits.len(), 2);
    let path = bench.path("s");
    let looked = fs::metadata(&path).unwrap().modified().unwrap();
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("word one", "gone one");
    fs::write(&path, text).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_modified(looked).unwrap();
    assert_eq!(ids(&bench.find("word")), ["s/b"]);
    assert_eq!(ids(&bench.find("gone")), ["s/a"]);
}

#[test]
fn an_interruption_keeps_what_is_done() {
    let bench = Bench::new();
    for number in 0..5 {
        bench.put(&format!("s{number}"), &[said("a", None, "user", "word")]);
    }
    let seen = AtomicUsize::new(0);
    let stop = || seen.load(Ordering::SeqCst) >= 3;
    let mut watch =
        |progress: latchwork_search::Progress| seen.store(progress.done, Ordering::SeqCst);
    let stopped = bench.search("word", &Wanted::default(), &stop, &mut watch, false);
    assert!(matches!(stopped, Err(SearchError::Stopped)));
    let mut first = None;
    let mut watch = |progress: latchwork_search::Progress| {
        first.get_or_insert(progress.of);
    };
    let found = bench
        .search("word", &Wanted::default(), &|| false, &mut watch, false)
        .unwrap();
    assert_eq!((found.hits.len(), first), (5, Some(2)));
}

#[test]
fn a_session_that_cannot_be_read_is_told_and_the_others_are_searched() {
    let mut bench = Bench::new();
    bench.put("good", &[said("a", None, "user", "word")]);
    bench.put("bad", &[said("a", None, "user", "word")]);
    let disk = FaultDisk::new(Arc::new(RealDisk));
    let fault = latchwork_sys::FaultOutcome::Errno(13);
    disk.add(
        latchwork_sys::Fault::on(Operation::Open, fault)
            .at("bad.jsonl")
            .sticky(),
    );
    bench.system.disk = Arc::new(disk);
    let found = bench.find("word");
    assert_eq!(ids(&found), ["good/a"]);
    assert!(
        matches!(&found.notes[..], [Note::Unread(unread)] if unread[0].0 == "bad"),
        "{:?}",
        found.notes
    );
}

#[test]
fn the_better_match_comes_first_then_the_newer_and_the_order_is_the_same_each_time() {
    let bench = Bench::new();
    let at = |id: &str, time: &str, text: &str| {
        said(id, None, "user", text).replace("2026-01-01T00:00:00.000Z", time)
    };
    let mut lines = vec![
        at("old", "2026-01-01T00:00:00.000Z", "rare word here"),
        at("new", "2026-03-01T00:00:00.000Z", "rare word here"),
    ];
    lines.push(at("best", "2025-01-01T00:00:00.000Z", "rare rare rare"));
    lines.extend((0..40).map(|n| {
        at(
            &format!("f{n}"),
            "2026-01-01T00:00:00.000Z",
            "filler text of no interest",
        )
    }));
    bench.put("s", &lines);
    assert_eq!(ids(&bench.find("rare")), ["s/best", "s/new", "s/old"]);
    let before = bench.find("filler");
    fs::remove_dir_all(bench.index().parent().unwrap()).unwrap();
    assert_eq!(bench.find("filler"), before);
}

#[test]
fn role_time_and_session_narrow_a_search() {
    let bench = Bench::new();
    let old = said("old", None, "user", "word").replace("2026-01-01", "2020-01-01");
    bench.put(
        "one",
        &[
            old,
            said("u", None, "user", "word"),
            said("a", None, "assistant", "word"),
        ],
    );
    bench.put("two", &[said("t", None, "toolResult", "word")]);
    let find = |wanted: Wanted| {
        let mut found = ids(&bench.find_where("word", &wanted));
        found.sort();
        found
    };
    let of = |session: &str| Wanted {
        session: Some(session.to_owned()),
        ..Wanted::default()
    };
    assert_eq!(find(of("two")), ["two/t"]);
    assert_eq!(
        find(Wanted {
            voice: Some(Voice::User),
            ..of("one")
        }),
        ["one/old", "one/u"]
    );
    assert_eq!(
        find(Wanted {
            since_ms: Some(1_767_225_600_000),
            ..of("one")
        }),
        ["one/a", "one/u"]
    );
    assert_eq!(find(of("three")), Vec::<String>::new());
}

#[test]
fn a_hit_says_what_its_session_is_called() {
    let bench = Bench::new();
    let key = entry(
        "k",
        None,
        r#""type":"custom","customType":"latchwork.session","data":{"key":"Our Talk"}"#,
    );
    let name = |id: &str, name: &str| {
        entry(
            id,
            None,
            &format!(r#""type":"session_info","name":"{name}""#),
        )
    };
    bench.put(
        "s",
        &[
            key,
            name("n1", "first"),
            said("a", None, "user", " how  are\nyou "),
        ],
    );
    bench.find("you");
    bench.append("s", &(name("n2", "second") + "\n"));
    let hit = bench.find("you").hits.remove(0);
    assert_eq!(
        (
            hit.key.as_deref(),
            hit.name.as_deref(),
            hit.title.as_deref()
        ),
        (Some("Our Talk"), Some("second"), Some("how are you"))
    );
    assert_eq!((hit.line, hit.voice), (4, Voice::User));
}
