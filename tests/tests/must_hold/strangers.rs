//! A user who is not root meets a file that is not for them. Root is refused by no file, so these drop to another user.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use latchwork_testkit::endpoint::Reply;
use latchwork_testkit::program::{Finished, Invocation, latchwork};

use crate::bench::{Bench, user};

/// Any user but root; nobody's number.
const STRANGER: u32 = 65_534;

/// The program as a user whom files can refuse: this one, or nobody where this one is root.
struct Stranger {
    program: PathBuf,
    drops: bool,
}

impl Stranger {
    /// None where neither is possible, and then it says so.
    fn of(bench: &Bench) -> Option<Self> {
        let (home, cwd) = (bench.home.home(), bench.home.cwd());
        if std::fs::metadata(&cwd).unwrap().uid() != 0 {
            let program = latchwork().to_path_buf();
            return Some(Self {
                program,
                drops: false,
            });
        }
        let drops = Command::new("setpriv").args(words()).arg("true").status();
        if !drops.is_ok_and(|ended| ended.success()) {
            crate::aloud(
                "SKIPPED(unreadable): root is refused by no file, and setpriv cannot drop to another user here",
            );
            return None;
        }
        // The way to the build directory may be closed to them.
        let program = cwd.join("latchwork");
        std::fs::copy(latchwork(), &program).unwrap();
        mode(home.parent().unwrap(), 0o755);
        for theirs in [&home, &cwd, &home.parent().unwrap().join("tmp")] {
            give(theirs);
        }
        Some(Self {
            program,
            drops: true,
        })
    }

    fn command(&self, bench: &Bench, args: &[&str]) -> Invocation {
        let program = self.program.to_str().unwrap();
        let (name, mut all) = match self.drops {
            true => ("setpriv", Vec::from(words())),
            false => (program, Vec::new()),
        };
        if self.drops {
            all.push(program);
        }
        all.extend(args);
        bench.home.program(name, all).endpoint(&bench.endpoint)
    }

    fn run(&self, bench: &Bench, prompt: &[&str]) -> Finished {
        let talk = bench.talk();
        let mut all = vec![
            "run",
            "--file",
            talk.to_str().unwrap(),
            "--model",
            "openai/m",
        ];
        all.extend(prompt);
        self.command(bench, &all).run()
    }
}

fn words() -> [&'static str; 3] {
    ["--reuid=65534", "--regid=65534", "--clear-groups"]
}

/// Everything below, to the stranger.
fn give(path: &Path) {
    chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn says_permission(refused: &Finished) {
    let said = format!("{}{}", refused.stdout, refused.stderr);
    let code = refused.code();
    assert!(
        code.is_some_and(|code| code != 0 && code != 101),
        "{refused}"
    );
    assert!(said.to_lowercase().contains("permission"), "{refused}");
}

#[test]
fn an_unreadable_transcript_is_refused_by_every_command_and_usable_when_it_can_be_read_again() {
    let bench = Bench::begun();
    let Some(stranger) = Stranger::of(&bench) else {
        return;
    };
    let talk = bench.talk();
    let path = talk.to_str().unwrap();
    let before = std::fs::read(&talk).unwrap();
    mode(&talk, 0o000);
    says_permission(&stranger.run(&bench, &["--key", "k", "question"]));
    for args in [&["show", path][..], &["rewind", path, "root"]] {
        says_permission(&stranger.command(&bench, args).run());
    }
    let line = format!("{}\n", user("x"));
    says_permission(
        &stranger
            .command(&bench, &["append", path])
            .stdin(line)
            .run(),
    );
    mode(&talk, 0o600);
    assert_eq!(std::fs::read(&talk).unwrap(), before, "not touched");
    assert_eq!(bench.endpoint.requests().len(), 1, "nobody was asked");

    bench.endpoint.push(Reply::text("now I can"));
    stranger
        .run(&bench, &["--key", "k", "question"])
        .expect_success();
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.count_user_text_anywhere("question"), 1);
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_with_a_sentence_and_nothing_is_left_in_it() {
    let bench = Bench::empty();
    let Some(stranger) = Stranger::of(&bench) else {
        return;
    };
    mode(&bench.home.cwd(), 0o555);
    let refused = stranger.run(&bench, &["question"]);
    mode(&bench.home.cwd(), 0o755);
    says_permission(&refused);
    assert!(!bench.talk().exists() && !bench.sidecars().exists());
    assert!(bench.endpoint.requests().is_empty(), "nobody was asked");
}
