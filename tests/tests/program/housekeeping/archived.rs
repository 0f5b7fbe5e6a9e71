//! The archive: there and back byte for byte, and killed at every step.
//!
//! Among the steps are `back:begun`, `back:inbox-moved`, `back:sidecars-moved` and `back:transcript-moved`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::{Kept, STEPS_MAX, WORDS};

#[test]
fn a_session_comes_back_from_the_archive_byte_for_byte_and_never_over_another_one() {
    let kept = Kept::with("main");
    kept.append("main", "and more").expect_success();
    let before = std::fs::read(kept.transcript("main")).unwrap();
    let moved = kept
        .run("sessions archive main --json")
        .expect_success()
        .json();
    assert_eq!(kept.run("sessions --json").expect_success().stdout, "");
    let listed = kept
        .run("sessions list --archived --json")
        .expect_success()
        .json();
    assert_eq!(listed["archivedAs"], moved["name"]);
    assert_eq!(listed["title"], WORDS);
    let folder = kept.data().join("archive");
    assert_eq!(
        std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    // An archived one is read by its path.
    let path = moved["path"].as_str().unwrap();
    assert!(
        kept.run(&format!("show {path}"))
            .expect_success()
            .stdout
            .contains(WORDS)
    );
    kept.append("main", "another one").expect_success();
    let refused = kept.run("sessions restore main").expect_code(1);
    assert!(refused.stderr.contains("stands there already"), "{refused}");
    kept.run("sessions archive main").expect_success();
    let which = kept.run("sessions restore main").expect_code(1);
    assert!(which.stderr.contains("2 times"), "{which}");
    kept.run(&format!(
        "sessions restore {}",
        moved["name"].as_str().unwrap()
    ))
    .expect_success();
    assert_eq!(std::fs::read(kept.transcript("main")).unwrap(), before);
    let show = kept.run("show main").expect_success();
    assert!(show.stdout.contains("and more"), "{show}");
    kept.run("sessions rm main").expect_success();
    assert_eq!(
        kept.places_of("another one"),
        Vec::<PathBuf>::new(),
        "copies go, too"
    );
}

#[test]
fn archiving_and_restoring_that_are_killed_at_any_step_lose_nothing_and_are_ended_by_saying_them_again()
 {
    for (command, back) in [("archive", false), ("restore", true)] {
        let mut ended = false;
        for step in 1..STEPS_MAX {
            let kept = Kept::with("main");
            let before = std::fs::read(kept.transcript("main")).unwrap();
            if back {
                kept.run("sessions archive main").expect_success();
            }
            let done = kept.killed_at(&format!("sessions {command} main"), step);
            ended = done.signal().is_none();
            let holders: Vec<PathBuf> = kept
                .files()
                .into_iter()
                .filter(|(path, bytes)| {
                    path.extension().is_some_and(|end| end == "jsonl") && *bytes == before
                })
                .map(|(path, _)| path)
                .collect();
            assert_eq!(
                holders.len(),
                1,
                "{command} {step}: the transcript is whole in one place: {holders:?}"
            );
            // Said again it is done, or was done.
            let again = kept.run(&format!("sessions {command} main"));
            assert!(
                [Some(0), Some(1)].contains(&again.code()),
                "{command} {step}: {again}"
            );
            assert_eq!(
                kept.transcript("main").exists(),
                back,
                "{command} {step}: {again}"
            );
            if !back {
                kept.run("sessions restore main").expect_success();
            }
            assert_eq!(
                std::fs::read(kept.transcript("main")).unwrap(),
                before,
                "{command} {step}"
            );
            kept.append("main", "it goes on").expect_success();
            if ended {
                break;
            }
        }
        assert!(ended, "{command} never came to its end");
    }
}
