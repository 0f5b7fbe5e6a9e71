//! `sessions search` as a whole program: beside writers, beside another search, killed midway, over rubbish, and over hostile text.

use std::fs;
use std::path::{Path, PathBuf};

use latchwork_testkit::program::Home;
use latchwork_testkit::steps::{StepDir, VARIABLE};
use serde_json::Value;

const HEADER: &str =
    r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/x"}"#;

fn sessions(home: &Home) -> PathBuf {
    let folder = home.home().join(".local/share/latchwork/sessions");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn index(home: &Home) -> PathBuf {
    let name = "search/sessions.v1.sqlite";
    home.home().join(".local/share/latchwork").join(name)
}

fn message(id: &str, parent: Option<&str>, text: &str) -> String {
    let [parent, text] = [serde_json::json!(parent), serde_json::json!(text)];
    format!(
        r#"{{"type":"message","id":"{id}","parentId":{parent},"timestamp":"2026-01-01T00:00:00.000Z","message":{{"role":"user","content":{text}}}}}"#
    )
}

fn put(folder: &Path, stem: &str, texts: &[&str]) {
    let mut lines = vec![HEADER.to_owned()];
    for (number, text) in texts.iter().enumerate() {
        let parent = number.checked_sub(1).map(|number| format!("e{number}"));
        lines.push(message(&format!("e{number}"), parent.as_deref(), text));
    }
    fs::write(
        folder.join(format!("{stem}.jsonl")),
        lines.join("\n") + "\n",
    )
    .unwrap();
}

fn search(home: &Home, words: &[&str]) -> Value {
    let line = ["sessions", "search", "--json"].iter().chain(words);
    home.latchwork(line).run().expect_success().json()
}

fn found(value: &Value) -> Vec<String> {
    let hits = value["hits"].as_array().unwrap().iter();
    let name = |hit: &Value| {
        format!(
            "{}/{}",
            hit["session"].as_str().unwrap(),
            hit["entryId"].as_str().unwrap()
        )
    };
    let mut names: Vec<String> = hits.map(name).collect();
    names.sort();
    names
}

#[test]
fn what_was_appended_is_found_by_the_next_search_while_the_session_goes_on() {
    let home = Home::new();
    let folder = sessions(&home);
    put(&folder, "main", &["word 0"]);
    let path = folder.join("main.jsonl");
    let writer = std::thread::spawn(move || {
        use std::io::Write as _;
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        for number in 1..400 {
            // In two pieces, so that a search sees half a line now and then.
            let line = message(
                &format!("e{number}"),
                Some(&format!("e{}", number - 1)),
                &format!("word {number}"),
            ) + "\n";
            let (first, second) = line.split_at(40);
            file.write_all(first.as_bytes()).unwrap();
            file.write_all(second.as_bytes()).unwrap();
        }
    });
    let mut before = 0;
    for _ in 0..6 {
        let seen = search(&home, &["--limit", "1000", "word"]);
        let count = found(&seen).len();
        assert!(count >= before && count > 0, "{count} after {before}");
        assert!(
            seen["hits"]
                .as_array()
                .unwrap()
                .iter()
                .all(|hit| hit["active"] == true)
        );
        before = count;
    }
    writer.join().unwrap();
    assert_eq!(
        found(&search(&home, &["--limit", "1000", "word"])).len(),
        400
    );
}

#[test]
fn a_search_that_is_killed_before_or_behind_a_commit_is_gone_on_with_by_the_next_one() {
    for step in ["search:before-commit", "search:batch"] {
        let home = Home::new();
        let folder = sessions(&home);
        for number in 0..30 {
            put(&folder, &format!("s{number}"), &["word"]);
        }
        let steps = StepDir::new();
        steps.hold(step);
        let killed = home
            .latchwork(["sessions", "search", "word"])
            .env(VARIABLE, steps.value())
            .spawn();
        steps.wait_reached(step);
        killed.kill();
        let after = search(&home, &["--limit", "100", "word"]);
        assert_eq!(
            (found(&after).len(), &after["notes"]),
            (30, &serde_json::json!([])),
            "{step}"
        );
    }
}

#[test]
fn while_a_search_indexes_another_one_searches_what_is_there_and_says_so() {
    let home = Home::new();
    let folder = sessions(&home);
    put(&folder, "first", &["word"]);
    search(&home, &["word"]);
    put(&folder, "second", &["word"]);
    let steps = StepDir::new();
    steps.hold("search:before-commit");
    let held = home
        .latchwork(["sessions", "search", "--json", "word"])
        .env(VARIABLE, steps.value())
        .spawn();
    steps.wait_reached("search:before-commit");
    let meanwhile = search(&home, &["word"]);
    assert_eq!(found(&meanwhile), ["first/e0"]);
    let note = meanwhile["notes"][0].as_str().unwrap();
    assert!(note.contains("another process is indexing"), "{note}");
    steps.release("search:before-commit");
    assert_eq!(found(&held.wait().expect_success().json()).len(), 2);
}

#[test]
fn two_searches_that_index_at_once_find_what_one_finds() {
    let home = Home::new();
    let folder = sessions(&home);
    for number in 0..60 {
        put(
            &folder,
            &format!("s{number}"),
            &["word one", "two word", &"filler ".repeat(2_000)],
        );
    }
    let line = ["sessions", "search", "--json", "--limit", "1000", "word"];
    let both: Vec<_> = (0..2).map(|_| home.latchwork(line).spawn()).collect();
    for one in both {
        let value = one.wait().expect_success().json();
        let notes = value["notes"].as_array().unwrap();
        assert!(found(&value).len() == 120 || !notes.is_empty(), "{notes:?}");
    }
    let after = search(&home, &["--limit", "1000", "word"]);
    assert_eq!(
        (found(&after).len(), &after["notes"]),
        (120, &serde_json::json!([]))
    );
}

#[test]
fn rubbish_in_place_of_the_index_is_put_aside_with_a_warning() {
    let home = Home::new();
    put(&sessions(&home), "main", &["word"]);
    search(&home, &["word"]);
    fs::write(index(&home), "rubbish ".repeat(3_000)).unwrap();
    let done = home
        .latchwork(["sessions", "search", "word"])
        .run()
        .expect_success();
    assert!(done.stdout.contains("\u{ab}word\u{bb}"), "{done}");
    assert!(done.stderr.contains("put aside"), "{done}");
    let again = home
        .latchwork(["sessions", "search", "word"])
        .run()
        .expect_success();
    assert_eq!(again.stderr, "");
}

#[test]
fn hostile_text_reaches_neither_terminal_nor_json_unescaped() {
    let home = Home::new();
    let hostile = "\u{1b}]0;owned\u{7} word \u{9b}2J\u{202e}x\r\n\u{1b}[31m";
    let folder = sessions(&home);
    put(&folder, "main", &[hostile]);
    let bad = message("\u{1b}[2Jid", None, "word").replace('\u{1b}', "\\u001b");
    let name = r#"{"type":"session_info","id":"n","parentId":null,"timestamp":"2026-01-01T00:00:00.000Z","name":"\u001b[2Jname"}"#;
    fs::write(
        folder.join("other.jsonl"),
        format!("{HEADER}\n{bad}\n{name}\n"),
    )
    .unwrap();
    let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    for line in [
        vec!["sessions", "search", "word"],
        vec!["sessions", "search", "--json", "word"],
    ] {
        let done = home.latchwork(line).run().expect_success();
        assert!(
            done.stdout.contains("word") && !done.stdout.contains(steers),
            "{done:?}"
        );
    }
    assert_eq!(found(&search(&home, &["word"])).len(), 2);
    let refused = home
        .latchwork(["sessions", "search", "\"\u{1b}[2J"])
        .run()
        .expect_code(2);
    assert!(
        refused.stderr.contains("character 1") && !refused.stderr.contains('\u{1b}'),
        "{refused}"
    );
}

#[test]
fn a_folder_of_pi_s_transcripts_is_searched_and_nothing_is_written_there() {
    let home = Home::new();
    let folder = home.path("theirs");
    fs::create_dir(&folder).unwrap();
    put(&folder, "2026-01-01T00-00-00-000Z_0193", &["word here"]);
    put(&folder, "odd name", &["word there"]);
    let theirs = ["--dir", "theirs", "word"];
    assert_eq!(
        found(&search(&home, &theirs)),
        ["2026-01-01T00-00-00-000Z_0193/e0", "odd name/e0"]
    );
    let names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(
        found(&search(
            &home,
            &["--session", "theirs/odd name.jsonl", "word"]
        )),
        ["odd name/e0"]
    );
    let none = home
        .latchwork(["sessions", "search", "--session", "nobody", "word"])
        .run()
        .expect_code(1);
    assert!(none.stderr.contains("does not exist"), "{none}");
}
