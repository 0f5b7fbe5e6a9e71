//! A home that may not be written, and none at all: what only reads works, what writes is refused with the way out, and nobody
//! panics. (C04 of the faults.)
//!
//! Root may write everywhere, so for it the program is another user here, by `setpriv`; without that it is said that this was skipped.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use latchwork_testkit::program::{Finished, Home, latchwork};
use serde_json::json;

/// Any user but root; nobody's number.
const STRANGER: u32 = 65_534;

/// A home whose owner the program is, whoever runs the tests.
struct Owned {
    home: Home,
    through: Vec<String>,
    program: PathBuf,
}

impl Owned {
    /// With a session `main`.
    fn begun() -> Option<Self> {
        let home = Home::new();
        let line = json!({ "type": "message", "message": { "role": "assistant", "content": [{ "type": "text", "text": "hello there" }] } });
        let begun = home
            .latchwork(["append", "main"])
            .stdin(format!("{line}\n"));
        begun.run().expect_success();
        let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        let through = if root { as_a_stranger()? } else { Vec::new() };
        let top = home.home().parent().unwrap().to_path_buf();
        // The way to the build directory may be closed to a stranger.
        let program = top.join("latchwork");
        std::fs::copy(latchwork(), &program).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        if root {
            below(&top, &|path| {
                chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
            });
        }
        Some(Self {
            home,
            through,
            program,
        })
    }

    fn command(&self, line: &str) -> Command {
        let mut words = self.through.clone();
        words.push(self.program.display().to_string());
        words.extend(line.split(' ').map(str::to_owned));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(self.home.cwd());
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        command
    }

    /// What it says, with this code.
    #[track_caller]
    fn ends(&self, mut command: Command, code: i32) -> (String, String) {
        let done = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&done.stdout), text(&done.stderr));
        assert_eq!(done.status.code(), Some(code), "{command:?}\n{out}\n{err}");
        assert!(!err.contains("panicked"), "{command:?}\n{err}");
        (out, err)
    }
}

/// `setpriv` to somebody who is not root, where that is permitted.
fn as_a_stranger() -> Option<Vec<String>> {
    let number = STRANGER.to_string();
    let words = [
        "setpriv",
        "--reuid",
        &number,
        "--regid",
        &number,
        "--clear-groups",
    ];
    let words: Vec<String> = words.map(str::to_owned).to_vec();
    let tried = Command::new(&words[0])
        .args(&words[1..])
        .arg("true")
        .status();
    if tried.is_ok_and(|status| status.success()) {
        return Some(words);
    }
    let _a_closed_stderr = writeln!(
        std::io::stderr(),
        "SKIPPED(homes): setpriv is not permitted here"
    );
    None
}

/// Does it to everything below a folder, the folder last.
fn below(path: &Path, each: &dyn Fn(&Path)) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            below(&entry.unwrap().path(), each);
        }
    }
    each(path);
}

fn mode(path: &Path, writable: bool) {
    let (folder, file) = if writable {
        (0o700, 0o600)
    } else {
        (0o500, 0o400)
    };
    let mode = if path.is_dir() { folder } else { file };
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn a_home_that_may_not_be_written_is_read_and_what_writes_is_refused_with_the_way_out() {
    let Some(owned) = Owned::begun() else { return };
    let home = owned.home.home();
    below(&home, &|path| mode(path, false));
    let with_home = |line: &str| {
        let mut command = owned.command(line);
        command.env("HOME", &home);
        command
    };
    for (line, words) in [
        ("sessions", "main "),
        ("show main", "hello there"),
        ("show main --json", "\"exists\":true"),
        ("locks", "0 of 1 sessions"),
        ("why main", "idle"),
        ("unlock main", "lock: free"),
        ("watch main", ""),
        ("config show", "session = \"main\""),
        ("config check", "nothing is wrong"),
        ("config path", "not there"),
    ] {
        let (out, _) = owned.ends(with_home(line), 0);
        assert!(out.contains(words), "{line}: {out}");
    }
    for (line, code) in [
        ("lock main -- true", 1),
        ("rewind main root", 1),
        ("fork main other", 1),
        ("config set session x", 78),
    ] {
        let (out, err) = owned.ends(with_home(line), code);
        let why = ["Permission denied", "is not permitted"];
        let way_out = ["  hint: make ", "change its owner or its permissions"];
        for parts in [&["error: "][..], &why, &way_out] {
            let told = parts.iter().any(|part| err.contains(part));
            assert!(told, "{line}: {parts:?} in {out}\n{err}");
        }
    }
    let (_, err) = owned.ends(with_home("config set session x"), 78);
    assert!(err.contains("XDG_CONFIG_HOME"), "{err}");
    let bare = owned.home.path("bare");
    std::fs::create_dir(&bare).unwrap();
    std::fs::set_permissions(&bare, PermissionsExt::from_mode(0o555)).unwrap();
    let mut command = owned.command("lock main -- true");
    command.env("HOME", &bare);
    let (_, err) = owned.ends(command, 1);
    assert!(
        err.contains("hint: make it writable for you, or set LATCHWORK_HOME"),
        "{err}"
    );
    let elsewhere = owned.home.cwd().join("elsewhere");
    let mut led_out = with_home("lock main -- true");
    owned.ends(
        {
            led_out.env("LATCHWORK_HOME", &elsewhere);
            led_out
        },
        0,
    );
    below(&home, &|path| mode(path, true));
    owned.ends(with_home("lock main -- true"), 0);
}

#[test]
fn without_a_home_a_session_by_its_key_is_refused_with_the_way_out_and_one_by_its_path_is_not() {
    let home = Home::new();
    let run = |line: &str| -> Finished {
        let words: Vec<&str> = ["-u", "HOME"]
            .into_iter()
            .chain([latchwork().to_str().unwrap()])
            .chain(line.split(' '))
            .collect();
        home.program("env", words).run()
    };
    for line in [
        "show main",
        "append main",
        "lock main -- true",
        "unlock main",
        "why main",
        "watch main",
        "rewind main root",
        "fork main other",
        "run --model replay:x Hello",
        "doctor",
    ] {
        let told = run(line).expect_code(78).stderr;
        assert!(
            told.contains("there is no home") && told.contains("hint: set LATCHWORK_HOME"),
            "{line}: {told}"
        );
    }
    let told = run("config set session x").expect_code(78).stderr;
    assert!(
        told.contains("hint: set HOME, or XDG_CONFIG_HOME"),
        "{told}"
    );
    for line in [
        "sessions",
        "locks",
        "config show",
        "config check",
        "config path",
        "append ./talk.jsonl",
        "lock ./talk.jsonl -- true",
    ] {
        run(line).expect_success();
    }
    assert_eq!(
        std::fs::read_dir(home.home()).unwrap().count(),
        0,
        "nothing was made in a home that is not named"
    );
}
