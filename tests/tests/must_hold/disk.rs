//! A disk that fills, or a limit that is reached, in the middle of a turn: a sentence, and the accepted message is answered
//! once when there is room again.

use std::path::{Path, PathBuf};
use std::process::Command;

use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::program::{Invocation, latchwork};
use latchwork_testkit::verify::Report;

use crate::bench::Bench;

/// A small filesystem of its own; unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// None where this user may not mount, and then it says so.
    fn mount(at: PathBuf) -> Option<Self> {
        Self::mount_with(at, "size=512k")
    }

    fn mount_with(at: PathBuf, options: &str) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&at)
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(at));
        }
        crate::aloud("SKIPPED(full disk): a small filesystem cannot be mounted by this user");
        None
    }

    fn fill(&self) {
        std::fs::write(self.0.join("filler"), vec![0; 1 << 20]).unwrap_err();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _best_effort = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn run(bench: &Bench, talk: &Path, args: &[&str]) -> Invocation {
    let talk = talk.to_str().unwrap();
    let mut all = vec!["run", "--file", talk, "--model", "openai/m"];
    all.extend(args);
    bench.home.latchwork(all).endpoint(&bench.endpoint)
}

/// More than a page can hold that is not quite full.
fn long_reply() -> Reply {
    Reply::text(&"words ".repeat(8_000))
}

/// The message waits, and one run answers it, once.
fn answered_once(bench: &Bench, talk: &Path) {
    bench.endpoint.push(Reply::text("with room"));
    run(bench, talk, &[]).run().expect_success();
    let report = Report::read(talk);
    report.assert_settled();
    assert_eq!(report.count_user_text_anywhere("question"), 1);
    let last = report.texts_on_path("assistant").pop();
    assert_eq!(last.as_deref(), Some("with room"));
    let asked = bench.endpoint.requests().pop().unwrap();
    let questions = asked.texts_of("user");
    assert_eq!(
        questions.iter().filter(|text| *text == "question").count(),
        1
    );
}

/// The disk fills while the model is asked; `begun` says whether the session has had a reply before.
fn fills_during_the_call(begun: bool) {
    let bench = Bench::begun();
    let Some(disk) = Disk::mount(bench.home.path("disk")) else {
        return;
    };
    let talk = disk.0.join("talk.jsonl");
    if begun {
        std::fs::copy(bench.talk(), &talk).unwrap();
    }
    let gate = Gate::new();
    bench.endpoint.push(long_reply().held(&gate));
    let turn = run(&bench, &talk, &["question"]).spawn();
    gate.wait_reached();
    let before = std::fs::read(&talk).unwrap_or_default();
    disk.fill();
    gate.open();
    let failed = turn.wait().expect_refusal();
    assert!(failed.stderr.contains("space"), "{failed}");
    assert_eq!(begun, talk.exists(), "a file is born whole or not at all");
    if begun {
        let after = std::fs::read(&talk).unwrap();
        assert!(
            after.starts_with(&before),
            "nothing that was there is touched"
        );
        let show = ["show", talk.to_str().unwrap()];
        bench.home.latchwork(show).run().expect_success();
    }
    disk.make_room();
    answered_once(&bench, &talk);
}

#[test]
fn a_disk_that_fills_while_the_model_speaks_costs_the_reply_and_not_the_message() {
    fills_during_the_call(true);
}

#[test]
fn a_disk_that_fills_before_a_session_is_born_leaves_no_half_of_a_file() {
    fills_during_the_call(false);
}

#[test]
fn a_disk_without_room_for_another_name_is_told_and_costs_no_message() {
    let bench = Bench::begun();
    bench.endpoint.otherwise(|_| Reply::text("an answer"));
    let Some(disk) = Disk::mount_with(bench.home.path("disk"), "size=4m,nr_inodes=14") else {
        return;
    };
    let talk = disk.0.join("talk.jsonl");
    let fillers = || (0..).map(|number| disk.0.join(format!("filler{number}")));
    // No room from the beginning on: nothing is accepted, and nothing is half there.
    let taken: Vec<_> = fillers()
        .take_while(|path| std::fs::write(path, "").is_ok())
        .collect();
    let failed = run(&bench, &talk, &["question"]).run().expect_refusal();
    assert!(failed.stderr.contains("space"), "{failed}");
    assert!(!talk.exists());
    // Room for one more name each time, until there is room for all that a turn needs.
    for path in &taken {
        std::fs::remove_file(path).unwrap();
        let done = run(&bench, &talk, &["--key", "q", "question"]).run();
        if done.code() == Some(0) {
            break;
        }
        assert!(done.stderr.contains("space"), "{done}");
    }
    let report = Report::read(&talk);
    report.assert_settled();
    assert_eq!(report.count_user_text_anywhere("question"), 1);
    assert_eq!(report.texts_on_path("assistant"), ["an answer"]);
}

#[test]
fn a_limit_on_the_size_of_files_is_told_in_a_sentence_and_costs_no_message() {
    // Reached by the reply, or by the file as it was before.
    for reached_before in [false, true] {
        let bench = Bench::begun();
        bench.endpoint.otherwise(|_| long_reply());
        if reached_before {
            bench.run(&["grow"]).run().expect_success();
        }
        let before = std::fs::read(bench.talk()).unwrap();
        // 16 blocks of 512 bytes: the inbox fits, the reply does not.
        let limited = "ulimit -f 16; exec \"$@\"";
        let program = latchwork().to_str().unwrap();
        let talk = bench.talk();
        let talk = talk.to_str().unwrap();
        let words = ["-c", limited, "sh", program, "run", "--file", talk];
        let words = words.into_iter().chain(["--model", "openai/m", "question"]);
        let failed = bench
            .home
            .program("sh", words)
            .endpoint(&bench.endpoint)
            .run()
            .expect_refusal();
        assert!(failed.stderr.contains("no space left"), "{failed}");
        assert!(std::fs::read(talk).unwrap().starts_with(&before));
        answered_once(&bench, Path::new(talk));
    }
}
