//! Whoever lives is left alone by a repair: a writer, a turn, a peer that keeps its lock file open, a temporary file in use.

use std::path::Path;

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::endpoint::{Endpoint, Gate, Reply};
use latchwork_testkit::program::{Live, Signal};
use latchwork_testkit::steps::{StepDir, VARIABLE};

use crate::bench::{Bench, Findings, age, dead_payload, entry, picture, temporary};

/// Leaves the beginning of a line at the end of `main`.
fn cut(bench: &Bench) -> Vec<u8> {
    use std::io::Write as _;
    let path = bench.path("main.jsonl");
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    file.write_all(&entry("z", None).as_bytes()[..30]).unwrap();
    std::fs::read(path).unwrap()
}

/// A process that has the file open for writing, and does nothing else.
fn keeper(bench: &Bench, path: &Path) -> Live {
    let script = "exec 3>>\"$1\"; echo open; exec sleep 600";
    let mut keeper = bench
        .home
        .program("sh", ["-c", script, "sh", path.to_str().unwrap()])
        .spawn();
    keeper.line_where("that it is open", |line| line == "open");
    keeper
}

#[test]
fn a_session_that_somebody_writes_is_left_alone_and_repaired_when_that_is_over() {
    let bench = Bench::healthy();
    let mut holder = bench.lock("echo up; sleep 600").spawn();
    holder.line_where("that it has the lock", |line| line == "up");
    let damaged = cut(&bench);
    let before = picture(&bench.sessions());
    let left = bench.findings(&["--fix"]);
    let end = left.the("transcript.end");
    assert_eq!(
        (left.code, &end["outcome"]),
        (Some(65), &"skipped".into()),
        "{end:#}"
    );
    let why = end["detail"].as_str().unwrap();
    assert!(
        why.contains("in use") && why.contains(&holder.pid().to_string()),
        "{why}"
    );
    assert_eq!(before, picture(&bench.sessions()));
    assert_eq!(left.the("lock.held")["severity"], "note");
    drop(holder);
    eventually("the end of the lock", || {
        (bench.findings(&["--fix"]).code == Some(0)).then_some(())
    });
    assert_ne!(std::fs::read(bench.path("main.jsonl")).unwrap(), damaged);
}

#[test]
fn a_session_whose_turn_is_under_way_is_left_alone() {
    let bench = Bench::healthy();
    let (endpoint, gate) = (Endpoint::start(), Gate::new());
    endpoint.push(Reply::text("done").held(&gate));
    let turn = bench
        .home
        .latchwork(["run", "--model", "openai/m", "work"])
        .endpoint(&endpoint)
        .spawn();
    gate.wait_reached();
    let damaged = cut(&bench);
    // Dead, and in nobody's way: still not touched while a turn goes on.
    bench.put("main.jsonl.lock", dead_payload());
    let before = picture(&bench.sessions());
    let left = bench.findings(&["--fix"]);
    for id in ["transcript.end", "lock.dead"] {
        let found = left.the(id);
        assert_eq!(found["outcome"], "skipped", "{found:#}");
        assert!(
            found["detail"]
                .as_str()
                .unwrap()
                .contains("a turn of the session is under way")
        );
    }
    assert_eq!(before, picture(&bench.sessions()));
    assert_eq!(std::fs::read(bench.path("main.jsonl")).unwrap(), damaged);
    gate.open();
    turn.wait().expect_success();
    assert_eq!(bench.findings(&["--fix"]).code, Some(0));
}

#[test]
fn a_peer_that_keeps_its_lock_file_open_is_alive_whatever_its_pid_says_and_dead_when_it_has_ended()
{
    let bench = Bench::healthy();
    let lock = bench.put("main.jsonl.lock", dead_payload());
    let peer = keeper(&bench, &lock);
    age(&lock, std::time::Duration::from_secs(3_600));
    cut(&bench);
    let before = picture(&bench.sessions());
    let left = bench.findings(&["--fix"]);
    assert!(!left.ids().contains(&"lock.dead"), "{left:#?}");
    assert_eq!(left.the("lock.elsewhere")["outcome"], "told");
    assert_eq!(left.the("transcript.end")["outcome"], "skipped");
    assert_eq!(before, picture(&bench.sessions()));
    peer.kill();
    let fixed = bench.findings(&["--fix"]);
    assert_eq!(
        (fixed.code, &fixed.the("lock.dead")["outcome"]),
        (Some(0), &"fixed".into())
    );
    assert!(!lock.exists());
}

#[test]
fn a_temporary_file_that_somebody_has_open_or_locked_is_left_alone_and_set_aside_whole_afterwards()
{
    let bench = Bench::healthy();
    let path = bench.put(temporary(7), "precious");
    let writer = keeper(&bench, &path);
    age(&path, std::time::Duration::from_secs(3_600));
    let before = picture(&bench.sessions());
    assert_eq!(
        bench.findings(&["--fix"]).the("left.in-use")["outcome"],
        "told"
    );
    writer.kill();
    let holder = bench.home.program(
        "flock",
        [
            path.as_os_str(),
            "sh".as_ref(),
            "-c".as_ref(),
            "echo up; sleep 600".as_ref(),
        ],
    );
    let mut holder = holder.spawn();
    holder.line_where("that it is locked", |line| line == "up");
    assert!(
        bench.findings(&["--fix"]).the("left.in-use")["what"]
            .as_str()
            .unwrap()
            .contains("locked")
    );
    assert_eq!(before, picture(&bench.sessions()));
    drop(holder);
    let fixed = eventually("a repair", || {
        let fixed = bench.findings(&["--fix"]);
        fixed.ids().contains(&"left.temporary").then_some(fixed)
    });
    assert_eq!(fixed.the("left.temporary")["outcome"], "fixed");
    let kept = crate::bench::contents(&bench.path(".latchwork/.quarantine"));
    assert_eq!(kept, [b"precious"]);
}

#[test]
fn locks_that_somebody_has_are_not_left_over_though_their_session_is_gone() {
    let bench = Bench::healthy();
    let claim = bench.put(".latchwork/gone.claim.2", "note");
    bench.put(".latchwork/gone.latch", "note");
    let holder = bench.home.program(
        "flock",
        [
            claim.as_os_str(),
            "sh".as_ref(),
            "-c".as_ref(),
            "echo up; sleep 600".as_ref(),
        ],
    );
    let mut holder = holder.spawn();
    holder.line_where("that it is locked", |line| line == "up");
    let before = picture(&bench.sessions());
    let left = bench.findings(&["--fix"]);
    assert_eq!(left.the("left.locks")["outcome"], "skipped", "{left:#?}");
    assert_eq!(before, picture(&bench.sessions()));
    drop(holder);
    eventually("a repair", || {
        (bench.findings(&["--fix"]).code == Some(0)).then_some(())
    });
    assert!(!claim.exists());
}

#[test]
fn an_interrupted_repair_ends_after_the_session_that_it_is_at_and_says_so() {
    let bench = Bench::healthy();
    let cut = &entry("b", Some("a"))[..40];
    let [first, second] = ["one", "two"].map(|name| bench.transcript(name, cut));
    let before = std::fs::read(&second).unwrap();
    let steps = StepDir::new();
    steps.hold("doctor:guarded");
    let mut doctor = bench
        .doctor(&["--fix"])
        .env(VARIABLE, steps.value())
        .spawn();
    steps.wait_reached("doctor:guarded");
    doctor.signal(Signal::INT);
    // The signal is taken by a thread of its own: only then is the step let go.
    std::thread::sleep(std::time::Duration::from_millis(300));
    steps.release("doctor:guarded");
    let found = Findings::of(&doctor.wait());
    assert_eq!(
        (found.code, &found.summary["interrupted"]),
        (Some(130), &true.into()),
        "{found:#?}"
    );
    let outcomes: Vec<_> = found
        .all
        .iter()
        .filter(|finding| finding["id"] == "transcript.end")
        .collect();
    assert_eq!(
        (&outcomes[0]["outcome"], &outcomes[1]["outcome"]),
        (&"fixed".into(), &"skipped".into())
    );
    assert_ne!(std::fs::read(first).unwrap().len(), 0);
    assert_eq!(std::fs::read(second).unwrap(), before);
}
