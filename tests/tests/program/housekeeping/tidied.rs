//! Cleanups: what is due, what stays, and racing with writers.

use std::path::PathBuf;

use latchwork_testkit::steps::{StepDir, VARIABLE};
use serde_json::json;

use super::{Kept, WORDS};

#[test]
fn a_cleanup_says_what_is_due_and_why_and_does_it_only_when_told() {
    let kept = Kept::with("one");
    for session in ["two", "three"] {
        kept.append(session, WORDS).expect_success();
    }
    let young = kept
        .run("sessions cleanup --keep 1 --json")
        .expect_success()
        .json();
    assert_eq!(young["due"], 0, "{young}");
    let limits = "sessions cleanup --keep 1 --floor 0 --json";
    let due = kept.run(limits).expect_success().json();
    assert_eq!(
        (&due["due"], &due["dryRun"]),
        (&json!(2), &json!(true)),
        "{due}"
    );
    assert!(kept.transcript("one").exists());
    let done = kept
        .run(&format!("{limits} --enforce"))
        .expect_success()
        .json();
    assert_eq!(done["sessions"][2]["archived"]["session"], "one", "{done}");
    assert!(!kept.transcript("one").exists() && kept.transcript("three").exists());
    kept.run("sessions restore one").expect_success();
    let gone = kept
        .run(&format!("{limits} --enforce --delete"))
        .expect_success()
        .json();
    assert_eq!(gone["due"], 1, "{gone}");
    assert_eq!(kept.receipts().len(), 1);
    assert_eq!(kept.run(limits).expect_success().json()["due"], 0);
}

#[test]
fn a_message_that_comes_while_a_cleanup_is_about_to_take_its_session_keeps_it() {
    let kept = Kept::with("main");
    let steps = StepDir::new();
    steps.hold("house:planned");
    let words = "sessions cleanup --keep 0 --floor 0 --enforce --delete --json";
    let cleaning = kept
        .home
        .latchwork(words.split(' '))
        .env(VARIABLE, steps.value())
        .spawn();
    steps.wait_reached("house:planned");
    kept.append("main", "just now").expect_success();
    steps.release("house:planned");
    let done = cleaning.wait().expect_success().json();
    let stayed = done["sessions"][0]["stayed"].as_str().unwrap().to_owned();
    assert!(stayed.contains("changed since"), "{done}");
    assert!(
        kept.run("show main")
            .expect_success()
            .stdout
            .contains("just now")
    );
}

#[test]
fn while_cleanups_race_with_writers_every_line_that_was_acknowledged_is_somewhere() {
    const WRITERS: usize = 4;
    const LINES: usize = 12;
    let kept = Kept::with("main");
    let (acknowledged, cleaned) = std::thread::scope(|threads| {
        let kept = &kept;
        let write = move |writer: usize| {
            // Two writers a session.
            let session = format!("talk{}", writer / 2);
            let texts = (0..LINES).map(|number| format!("line {writer}-{number}."));
            let done = texts.filter(|text| kept.append(&session, text).code() == Some(0));
            done.collect::<Vec<_>>()
        };
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| threads.spawn(move || write(writer)))
            .collect();
        let mut cleaned = Vec::new();
        while !writers
            .iter()
            .all(std::thread::ScopedJoinHandle::is_finished)
        {
            let cleaning = "sessions cleanup --keep 0 --floor 0 --enforce --json";
            cleaned.push(kept.run(cleaning).expect_success().json());
        }
        let done = writers.into_iter().flat_map(|one| one.join().unwrap());
        (done.collect::<Vec<String>>(), cleaned)
    });
    assert!(acknowledged.len() > WRITERS, "{acknowledged:?}");
    for text in acknowledged {
        let places = kept.places_of(&text);
        let is_transcript = |path: &&PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("talk") && !name.contains("inbox")
        };
        assert_eq!(
            places.iter().filter(is_transcript).count(),
            1,
            "{text}: {places:?}"
        );
    }
    let live = |name: &str| name.starts_with("talk");
    let archived = cleaned
        .iter()
        .flat_map(|one| one["sessions"].as_array().unwrap());
    let archived =
        archived.filter(|one| live(one["session"].as_str().unwrap()) && !one["archived"].is_null());
    assert!(
        archived.count() > 0,
        "nothing that was written to went: {cleaned:#?}"
    );
}
