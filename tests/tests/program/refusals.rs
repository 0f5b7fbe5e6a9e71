//! What is no session is refused with a sentence and not touched.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use latchwork_testkit::endpoint::Reply;

use crate::bench::{Bench, user};

/// Every command refuses the path, with this word.
fn refused(bench: &Bench, word: &str) {
    let talk = bench.talk();
    let path = talk.to_str().unwrap();
    for attempt in [
        bench.run(&["hello"]),
        bench.append(&[user("x")]),
        bench.home.latchwork(["show", path]),
        bench.home.latchwork(["rewind", path, "root"]),
    ] {
        let refused = attempt.run();
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(
            refused.code().is_some_and(|code| code != 0 && code != 101) && said.contains(word),
            "{word:?} in {refused}"
        );
        assert!(!said.contains("is kept"), "nothing is accepted: {refused}");
    }
    assert!(bench.endpoint.requests().is_empty(), "nobody was asked");
}

#[test]
fn a_directory_a_pipe_and_a_link_are_refused_with_a_sentence() {
    let bench = Bench::empty();
    std::fs::create_dir(bench.talk()).unwrap();
    refused(&bench, "directory");

    let bench = Bench::empty();
    assert!(
        Command::new("mkfifo")
            .arg(bench.talk())
            .status()
            .unwrap()
            .success()
    );
    refused(&bench, "FIFO");

    let bench = Bench::empty();
    let victim = bench.home.write("victim", "precious");
    symlink(&victim, bench.talk()).unwrap();
    refused(&bench, "link");
    assert_eq!(std::fs::read(victim).unwrap(), b"precious");
}

#[test]
fn an_unreadable_file_is_refused_with_a_sentence() {
    let bench = Bench::begun();
    std::fs::set_permissions(bench.talk(), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(bench.talk()).is_ok() {
        println!("SKIPPED(unreadable): these tests run as root, whom no file refuses");
        return;
    }
    let refused = bench.run(&["hello"]).run().expect_refusal();
    assert!(refused.stderr.contains("permi"), "{refused}");
}

#[test]
fn on_a_full_disk_nothing_is_lost_and_with_room_again_the_message_is_there_once() {
    let bench = Bench::begun();
    let disk = bench.home.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(&disk)
        .output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        println!("SKIPPED(full disk): a small filesystem cannot be mounted here");
        return;
    }
    let talk = disk.join("talk.jsonl");
    std::fs::copy(bench.talk(), &talk).unwrap();
    let filler = disk.join("filler");
    let _full = std::fs::write(&filler, vec![0; 1 << 20]);
    let run = |args: &[&str]| {
        let mut all = vec![
            "run",
            "--file",
            talk.to_str().unwrap(),
            "--model",
            "openai/m",
        ];
        all.extend(args);
        bench.home.latchwork(all).endpoint(&bench.endpoint)
    };
    let before = std::fs::read(&talk).unwrap();
    let failed = run(&["--key", "k", "question"]).run();
    let untouched = std::fs::read(&talk).unwrap().starts_with(&before);
    std::fs::remove_file(&filler).unwrap();
    bench.endpoint.push(Reply::text("with room"));
    let again = run(&["--key", "k", "question"]).run();
    let report = latchwork_testkit::verify::Report::read(&talk);
    let _gone = Command::new("umount").arg("-l").arg(&disk).status();
    assert!(failed.stderr.contains("space"), "{failed}");
    failed.expect_refusal();
    assert!(untouched);
    again.expect_success();
    report.assert_settled();
    assert_eq!(report.count_user_text("question"), 1);
}

#[test]
fn what_is_made_is_for_its_owner_alone_whatever_the_umask() {
    let bench = Bench::empty();
    bench.endpoint.push(Reply::text("hi"));
    let program = latchwork_testkit::program::latchwork();
    let script = format!(
        "umask 000; exec {} run --model openai/m hello",
        program.display()
    );
    bench
        .home
        .program("sh", ["-c", &script])
        .endpoint(&bench.endpoint)
        .run()
        .expect_success();
    let mut dirs = vec![bench.home.home().join(".local/share/latchwork/sessions")];
    let mut files = 0;
    while let Some(dir) = dirs.pop() {
        assert_eq!(
            std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777,
            0o700,
            "{}",
            dir.display()
        );
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files += 1;
                assert_eq!(
                    std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                    0o600,
                    "{}",
                    path.display()
                );
            }
        }
    }
    assert!(files >= 4);
}
