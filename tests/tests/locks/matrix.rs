//! Every step times every fault: SIGSTOP and SIGCONT, SIGKILL, `.latchwork` deleted, the future dropped.
//!
//! A worker is brought to the step and held there, the fault happens, and a second worker comes. Asked afterwards: did two
//! write together (a third file knows); is everything acknowledged there once, and is the transcript sound; did everybody who
//! lives come to an end. While a worker stands at a step at which it keeps others out, the other must not have written.
//! Deliberately absent: whatever takes time to go wrong; that is `torture`.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::steps::StepDir;
use latchwork_testkit::verify::Report;
use rustix::process::{Pid, Signal, kill_process};

use crate::steps::{Act, Keeps, STEPS, Step};
use crate::worker::{ROLE, Role, played};

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Stopped,
    Killed,
    SidecarsDeleted,
    Dropped,
}

const HEADER: &str = "{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/\"}\n{\"type\":\"message\",\"id\":\"00000001\",\"parentId\":null,\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"message\":{\"role\":\"user\",\"content\":\"first\"}}\n";
/// How often one who waits for an inode begins again before he counts as kept out.
const ROUNDS: usize = 3;

/// A session, and who works on it.
struct Scene {
    test: &'static str,
    dir: tempfile::TempDir,
}

/// One of them; ended when dropped.
struct Player {
    role: Role,
    steps: StepDir,
    child: Child,
}

impl Scene {
    fn new(test: &'static str, act: Act) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scene = Self { test, dir };
        std::fs::create_dir(scene.dir.path().join("sessions")).unwrap();
        match act {
            Act::Birth => {}
            Act::Mend => {
                std::fs::write(scene.talk(), format!("{HEADER}{{\"type\":\"mess")).unwrap();
            }
            _ => std::fs::write(scene.talk(), HEADER).unwrap(),
        }
        scene
    }

    fn talk(&self) -> PathBuf {
        self.dir.path().join("sessions/s.jsonl")
    }

    fn sidecars(&self) -> PathBuf {
        self.dir.path().join("sessions/.latchwork")
    }

    /// Starts a worker, held at this step if there is one.
    fn start(&self, name: &str, act: Act, held_at: Option<&str>, unlocked: bool) -> Player {
        let steps = StepDir::new();
        if let Some(step) = held_at {
            steps.hold(step);
        }
        let role = Role {
            name: name.to_owned(),
            act,
            dir: self.dir.path().to_path_buf(),
            steps: steps.value().strip_prefix("dir:").unwrap().into(),
            unlocked,
        };
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", self.test, "--test-threads=1"])
            .env(ROLE, role.line())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Player { role, steps, child }
    }

    fn doubles(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("doubles")).unwrap_or_default()
    }
}

impl Player {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// The signal takes effect a moment after it was sent, on one thread after the other.
    fn stands_still(&self) {
        let threads = format!("/proc/{}/task", self.child.id());
        eventually("a process that stands still", || {
            let mut threads = std::fs::read_dir(&threads).unwrap();
            let stopped = |thread: std::io::Result<std::fs::DirEntry>| {
                let stat = std::fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
                stat.rsplit_once(") ").unwrap().1.starts_with('T')
            };
            threads.all(stopped).then_some(())
        });
    }

    fn has_reached(&self, step: &str) -> bool {
        self.steps
            .trace(self.child.id())
            .iter()
            .any(|name| name == step)
    }

    /// Waits until it stands in line, or has ended.
    fn comes(&mut self) {
        eventually("the other to come", || {
            let ended = self.child.try_wait().unwrap().is_some();
            (ended || self.has_reached("latch:queued")).then_some(())
        });
    }

    /// Waits until it is seen to be kept out: it waits in the kernel, or has begun again and again. It must not have written.
    fn is_kept_out(&mut self, what: &str) {
        eventually("the other to be kept out", || {
            let ended = self.child.try_wait().unwrap().is_some();
            assert!(!ended, "{what}: two ended meanwhile");
            let trace = self.steps.trace(self.child.id());
            let wrote = trace.iter().any(|step| step == "commit:before-write");
            assert!(!wrote, "{what}: two wrote meanwhile");
            let rounds = trace.iter().filter(|step| *step == "latch:taken").count();
            (rounds >= ROUNDS || self.waits_in_the_kernel()).then_some(())
        });
    }

    /// The kernel's own table says so.
    fn waits_in_the_kernel(&self) -> bool {
        let (table, pid) = (
            std::fs::read_to_string("/proc/locks"),
            self.child.id().to_string(),
        );
        table.unwrap().lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(1) == Some(&"->") && words.get(5) == Some(&pid.as_str())
        })
    }

    /// Waits for its end, and answers what it said.
    fn ends(&mut self, what: &str) -> String {
        eventually(&format!("the end of {}, {what}", self.role.name), || {
            self.child.try_wait().unwrap()
        });
        std::fs::read_to_string(self.role.file("said")).unwrap()
    }

    /// Waits for its end and answers whether its future was dropped on the way.
    fn acknowledges(&mut self, what: &str) -> bool {
        let said = self.ends(what);
        assert!(
            said.starts_with("acknowledged"),
            "{}, {what}: {said}",
            self.role.name
        );
        !said.ends_with(" 0 drops")
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One cell of the matrix; answers whether a future was dropped before it was ready.
fn happens(test: &'static str, step: Step, fault: Fault) -> bool {
    let what = format!("{fault:?} at {}", step.name);
    let scene = Scene::new(test, step.act);
    let mut one = scene.start("one", step.act, Some(step.name), false);
    one.steps.wait_reached(step.name);
    match fault {
        Fault::Stopped => {
            one.signal(Signal::STOP);
            one.stands_still();
            one.steps.release(step.name);
        }
        Fault::Killed => {
            one.signal(Signal::KILL);
            one.child.wait().unwrap();
        }
        Fault::SidecarsDeleted => {
            let _nothing_there_yet = std::fs::remove_dir_all(scene.sidecars());
        }
        Fault::Dropped => {
            std::fs::write(one.role.file("drop"), b"").unwrap();
            eventually("the drop", || {
                one.role.file("dropped").exists().then_some(())
            });
        }
    }
    // A side writer is held up by no claim and by no inbox; another turn comes to its turn, too.
    let beside = match step.act {
        Act::Inbox | Act::Turn | Act::Asking | Act::Command => Act::Append,
        act => act,
    };
    let mut two = scene.start("two", beside, None, false);
    two.comes();
    let mut three = step
        .act
        .is_a_turn()
        .then(|| scene.start("three", Act::Turn, None, false));
    let kept_out = match (step.keeps, fault) {
        (_, Fault::Killed) | (Keeps::Nobody, _) => false,
        (Keeps::OutByLatch, fault) => fault != Fault::SidecarsDeleted,
        (Keeps::OutByInode, _) => true,
    };
    if kept_out {
        two.is_kept_out(&what);
    }
    match fault {
        Fault::Stopped => one.signal(Signal::CONT),
        Fault::SidecarsDeleted => one.steps.release(step.name),
        Fault::Dropped => {
            one.steps.release(step.name);
            std::fs::write(one.role.file("again"), b"").unwrap();
        }
        Fault::Killed => {}
    }
    two.acknowledges(&what);
    if let Some(three) = &mut three {
        three.acknowledges(&what);
    }
    let dropped = fault != Fault::Killed && one.acknowledges(&what);
    all_is_well(&scene, step, fault, &what);
    dropped
}

fn all_is_well(scene: &Scene, step: Step, fault: Fault, what: &str) {
    assert_eq!(scene.doubles(), "", "{what}: two wrote together");
    let report = Report::read(scene.talk());
    assert!(report.problems.is_empty(), "{what}: {:?}", report.problems);
    assert_eq!(report.count_user_text("two"), 1, "{what}");
    let ones = report.count_user_text("one");
    match (step.act, fault) {
        (Act::Inbox, _) => assert_eq!(ones, 0, "{what}: it waits in the inbox"),
        (_, Fault::Killed) => assert!(ones <= 1, "{what}: {ones} times"),
        _ => assert_eq!(ones, 1, "{what}"),
    }
    if step.act == Act::Inbox && !matches!(fault, Fault::Killed | Fault::SidecarsDeleted) {
        let inbox = std::fs::read_to_string(scene.sidecars().join("s.inbox.jsonl")).unwrap();
        assert!(inbox.contains("\"one\""), "{what}: {inbox}");
    }
    let mut left: Vec<String> = std::fs::read_dir(scene.talk().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.retain(|name| name != ".latchwork" && name != "s.jsonl");
    // What a killed process had just made under a name of its own is never read, and safe to remove.
    left.retain(|name| fault != Fault::Killed || !name.ends_with(".tmp"));
    assert_eq!(left, Vec::<String>::new(), "{what}");
}

fn at_every_step(test: &'static str, fault: Fault) {
    let dropped = STEPS.iter().filter(|step| happens(test, **step, fault));
    let dropped = dropped.count();
    // A future that is ready in the same poll is not dropped any more: such are the first and the last steps.
    let enough = if fault == Fault::Dropped { 12 } else { 0 };
    assert!(dropped >= enough, "only {dropped} futures were dropped");
}

#[test]
fn at_every_step_a_worker_that_is_stopped_and_goes_on_keeps_its_promises() {
    if played() {
        return;
    }
    let test = "matrix::at_every_step_a_worker_that_is_stopped_and_goes_on_keeps_its_promises";
    at_every_step(test, Fault::Stopped);
}

#[test]
fn at_every_step_a_worker_that_is_killed_lets_the_next_one_go_on_with_a_sound_session() {
    if played() {
        return;
    }
    let test = "matrix::at_every_step_a_worker_that_is_killed_lets_the_next_one_go_on_with_a_sound_session";
    at_every_step(test, Fault::Killed);
}

#[test]
fn at_every_step_deleted_sidecars_let_no_two_write_and_cost_no_acknowledged_entry() {
    if played() {
        return;
    }
    let test =
        "matrix::at_every_step_deleted_sidecars_let_no_two_write_and_cost_no_acknowledged_entry";
    at_every_step(test, Fault::SidecarsDeleted);
}

#[test]
fn at_every_step_a_dropped_future_lets_no_two_write_and_its_process_and_others_go_on() {
    if played() {
        return;
    }
    let test =
        "matrix::at_every_step_a_dropped_future_lets_no_two_write_and_its_process_and_others_go_on";
    at_every_step(test, Fault::Dropped);
}

#[test]
fn a_waiter_that_is_stopped_or_killed_holds_up_neither_the_holder_nor_the_next_waiter() {
    if played() {
        return;
    }
    let test = "matrix::a_waiter_that_is_stopped_or_killed_holds_up_neither_the_holder_nor_the_next_waiter";
    for fault in [Fault::Stopped, Fault::Killed] {
        let what = format!("a waiter is {fault:?}");
        let scene = Scene::new(test, Act::Append);
        let mut one = scene.start("one", Act::Append, Some("commit:began"), false);
        one.steps.wait_reached("commit:began");
        let mut waiter = scene.start("waiter", Act::Append, None, false);
        waiter.is_kept_out(&what);
        let signal = if fault == Fault::Killed {
            Signal::KILL
        } else {
            Signal::STOP
        };
        waiter.signal(signal);
        if fault == Fault::Stopped {
            waiter.stands_still();
        }
        let mut two = scene.start("two", Act::Append, None, false);
        two.is_kept_out(&what);
        one.steps.release("commit:began");
        one.acknowledges(&what);
        two.acknowledges(&what);
        if fault == Fault::Stopped {
            waiter.signal(Signal::CONT);
            waiter.acknowledges(&what);
        }
        let step = Step {
            name: "latch:queued",
            act: Act::Append,
            keeps: Keeps::Nobody,
        };
        all_is_well(&scene, step, Fault::Stopped, &what);
    }
}

#[test]
fn a_writer_that_takes_no_lock_is_caught_by_the_third_file() {
    if played() {
        return;
    }
    let test = "matrix::a_writer_that_takes_no_lock_is_caught_by_the_third_file";
    let scene = Scene::new(test, Act::Append);
    let mut rogue = scene.start("rogue", Act::Append, Some("commit:before-write"), true);
    rogue.steps.wait_reached("commit:before-write");
    let mut two = scene.start("two", Act::Append, None, false);
    two.acknowledges("beside a rogue");
    rogue.steps.release("commit:before-write");
    rogue.ends("a rogue");
    assert!(scene.doubles().contains("found another"));
}
