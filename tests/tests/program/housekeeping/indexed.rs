//! Removals and the search index: its words go with the session, however they came there, and what could not be done is told. So of what is
//! redacted; among the steps of that are `inbox:before-blank` and `inbox:blanked`.

use std::path::PathBuf;

use latchwork_testkit::program::Finished;
use latchwork_testkit::steps::{VARIABLE, kill_at};
use rusqlite::Connection;

use super::{Kept, STEPS_MAX, said, user};

/// As the index keeps it; it is said in another case. No other word ends so.
const STORED: &str = "zyxomma";
const SPOKEN: &str = "Żyxomma";

impl Kept {
    /// A home of some sessions that were searched. One says the word.
    fn searched() -> Self {
        let kept = Self::with("other");
        for session in ["main", "more"] {
            let word = if session == "main" { SPOKEN } else { "nothing" };
            let lines = [user(&format!("say {word} again")), said("shared words")];
            kept.lines(session, &lines).expect_success();
        }
        kept.finds(SPOKEN, 1);
        kept.finds("shared", 2);
        assert!(kept.index().exists() && !kept.said_anywhere().is_empty());
        kept
    }

    fn index(&self) -> PathBuf {
        self.data().join("search/sessions.v1.sqlite")
    }

    fn finds(&self, word: &str, count: usize) -> Finished {
        let found = self.home.latchwork(["sessions", "search", "--json", word]);
        let found = found.run().expect_success();
        let hits = found.json()["hits"].as_array().unwrap().len();
        assert_eq!(hits, count, "{word}: {found}");
        found
    }

    /// Which files of the home have the word in them, as it was said or as it is indexed: all but its first letter, which FTS5 may leave out.
    fn said_anywhere(&self) -> Vec<PathBuf> {
        let all = [SPOKEN, &STORED[1..]];
        let lower = |bytes: Vec<u8>| bytes.to_ascii_lowercase();
        let files = self
            .files()
            .into_iter()
            .map(|(at, bytes)| (at, lower(bytes)));
        let has =
            |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|at| at == word.as_bytes());
        files
            .filter(|(_, bytes)| all.iter().any(|word| has(bytes, word)))
            .map(|(path, _)| path)
            .collect()
    }
}

#[test]
fn no_file_of_the_home_has_a_word_that_was_redacted_also_the_search_index_and_the_inbox() {
    let kept = Kept::searched();
    let hit = kept.finds(SPOKEN, 1).json()["hits"][0].clone();
    let id = hit["entryId"].as_str().unwrap_or_else(|| panic!("{hit}"));
    let line = format!("{{\"id\":\"{id}\",\"text\":\"taken out\"}}\n");
    let redact = kept.home.latchwork(["redact", "main"]).stdin(line).run();
    redact.expect_success();
    assert_eq!(kept.said_anywhere(), Vec::<PathBuf>::new());
    kept.finds(SPOKEN, 0);
    kept.finds("shared", 2);
    kept.finds("taken", 1);
}

#[test]
fn a_redaction_that_is_killed_at_any_step_and_said_again_leaves_no_word_in_transcript_or_inbox() {
    for nth in 1..STEPS_MAX {
        let kept = Kept::searched();
        let hit = kept.finds(SPOKEN, 1).json()["hits"][0].clone();
        let id = hit["entryId"].as_str().unwrap().to_owned();
        let line = format!("{{\"id\":\"{id}\",\"text\":\"taken out\"}}\n");
        let redact = || kept.home.latchwork(["redact", "main"]).stdin(line.clone());
        let done = redact().env(VARIABLE, kill_at(nth)).run();
        redact().run().expect_success();
        assert_eq!(kept.said_anywhere(), Vec::<PathBuf>::new(), "step {nth}");
        if done.code() == Some(0) {
            assert!(nth > 1);
            return;
        }
    }
    panic!("it has more steps than {STEPS_MAX}");
}

#[test]
fn no_file_of_the_home_has_a_word_that_only_a_removed_session_said_also_the_search_index() {
    let kept = Kept::searched();
    // Somebody has the index open, so its journal stays.
    let open = Connection::open(kept.index()).unwrap();
    let sessions: i64 = open
        .query_row("SELECT count(*) FROM sessions", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sessions, 3);
    std::fs::copy(kept.index(), kept.index().with_extension("sqlite.aside")).unwrap();
    std::fs::copy(kept.index(), kept.data().join("search/sessions.v0.sqlite")).unwrap();
    let receipt = kept.run("sessions rm main --json").expect_success().json();
    assert_eq!(receipt["searchIndex"], serde_json::Value::Null, "{receipt}");
    assert_eq!(kept.said_anywhere(), Vec::<PathBuf>::new());
    kept.finds("shared", 1);
    drop(open);
    assert_eq!(kept.said_anywhere(), Vec::<PathBuf>::new());
}

#[test]
fn an_archived_session_takes_its_words_along_when_it_is_removed_though_a_search_was_made_between() {
    for by_itself in [false, true] {
        let kept = Kept::searched();
        let moved = kept
            .run("sessions archive main --json")
            .expect_success()
            .json();
        kept.finds(SPOKEN, 0);
        if by_itself {
            let place = moved["path"].as_str().unwrap();
            let line = ["sessions", "search", "--session", place, SPOKEN];
            kept.home.latchwork(line).run().expect_success();
        }
        kept.run("sessions rm main").expect_success();
        assert_eq!(kept.said_anywhere(), Vec::<PathBuf>::new(), "{by_itself}");
        kept.finds("shared", 1);
    }
}

#[test]
fn a_cleanup_that_deletes_takes_words_out_of_the_index_too() {
    let kept = Kept::searched();
    let line = "sessions cleanup --keep 0 --floor 0 --enforce --delete";
    kept.run(line).expect_success();
    assert_eq!(kept.receipts().len(), 3);
    assert_eq!(kept.said_anywhere(), Vec::<PathBuf>::new());
}

#[test]
fn a_home_that_nobody_searched_gets_no_index_by_a_removal() {
    let kept = Kept::with("main");
    kept.run("sessions rm main").expect_success();
    assert!(!kept.data().join("search").exists());
}

#[test]
fn an_index_that_another_process_holds_is_told_of_and_the_next_removal_makes_up_for_it() {
    let kept = Kept::searched();
    let open = Connection::open(kept.index()).unwrap();
    open.execute_batch("BEGIN IMMEDIATE").unwrap();
    let done = kept.run("sessions rm main --json").expect_success();
    assert!(
        done.stderr.contains("may be in the search index still"),
        "{done}"
    );
    let receipt = done.json();
    let why = receipt["searchIndex"].as_str().unwrap();
    assert!(why.contains("another process"), "{receipt}");
    assert_eq!(kept.receipts(), [receipt]);
    assert!(!kept.said_anywhere().is_empty(), "it is as it was told");
    open.execute_batch("ROLLBACK").unwrap();
    kept.finds(SPOKEN, 0);
    kept.run("sessions rm more").expect_success();
    assert_eq!(kept.said_anywhere(), Vec::<PathBuf>::new());
}

#[test]
fn a_removal_that_is_killed_at_any_step_and_ended_by_the_next_one_leaves_no_word_in_the_index() {
    for step in 1..STEPS_MAX {
        let kept = Kept::searched();
        let done = kept.killed_at("sessions rm main", step);
        let ended = done.signal().is_none();
        if !ended {
            let again = kept.run("sessions rm main");
            assert!([Some(0), Some(1)].contains(&again.code()), "{again}");
        }
        assert_eq!(kept.said_anywhere(), Vec::<PathBuf>::new(), "step {step}");
        if ended {
            return;
        }
    }
    panic!("it never came to its end");
}

#[test]
fn of_several_sessions_one_that_stays_does_not_keep_the_others_and_each_is_told() {
    let kept = Kept::searched();
    kept.run("fork more child").expect_success();
    let done = kept
        .run("sessions rm nobody main more other")
        .expect_code(1);
    assert!(done.stderr.contains("2 of 4 sessions stayed"), "{done}");
    assert!(done.stderr.contains("no session nobody"), "{done}");
    assert!(done.stderr.contains("parent of child"), "{done}");
    let gone: Vec<_> = kept
        .receipts()
        .iter()
        .map(|one| one["session"].clone())
        .collect();
    assert_eq!(gone, ["main", "other"]);
    assert!(kept.transcript("more").exists());
    let again = kept.run("sessions rm more child").expect_code(1);
    assert!(again.stderr.contains("1 of 2 sessions stayed"), "{again}");
    assert!(!kept.transcript("child").exists());
    kept.run("sessions rm more").expect_success();
}
