//! `latchwork locks` and `latchwork why`: what a bystander is told of holders, waiters, turns and requests, and that nobody is
//! disturbed by it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::endpoint::{Endpoint, Gate, Reply};
use latchwork_testkit::program::{Finished, Home, Invocation, Live, Signal};
use serde_json::{Value, json};

use crate::bench::{end, exchange, until, user};

/// Sessions of a home, by key.
struct Place {
    home: Home,
}

impl Place {
    fn begun() -> Self {
        let place = Self { home: Home::new() };
        place
            .append("main", &exchange("hello"))
            .run()
            .expect_success();
        place
    }

    fn sessions(&self) -> PathBuf {
        self.home.home().join(".local/share/latchwork/sessions")
    }

    fn sidecar(&self, ending: &str) -> PathBuf {
        self.sessions().join(format!(".latchwork/main.{ending}"))
    }

    fn append(&self, key: &str, lines: &[Value]) -> Invocation {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.home.latchwork(["append", key]).stdin(text)
    }

    /// An append that is under way, with all of its input.
    fn appending(&self, lines: &[Value]) -> Live {
        let mut live = self.append("main", lines).spawn();
        live.close_stdin();
        live
    }

    fn lock(&self, flags: &[&str], script: &str) -> Invocation {
        let mut args = vec!["lock", "main"];
        args.extend(flags);
        args.extend(["--", "sh", "-c", script]);
        self.home.latchwork(args)
    }

    fn locks(&self) -> Finished {
        self.home.latchwork(["locks"]).run().expect_success()
    }

    fn json(&self) -> Value {
        let done = self.home.latchwork(["locks", "--json"]).run();
        done.expect_success().json()
    }

    /// What is told of `main`, once it is as wanted.
    fn main_where(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || {
            let seen = self.json();
            let main = seen["sessions"]
                .as_array()?
                .iter()
                .find(|one| one["session"] == "main")?;
            fits(main).then(|| main.clone())
        })
    }

    fn why(&self) -> Finished {
        self.home.latchwork(["why", "main"]).run().expect_success()
    }

    fn why_json(&self) -> Value {
        let done = self.home.latchwork(["why", "main", "--json"]).run();
        done.expect_success().json()
    }

    fn run(&self, endpoint: &Endpoint, args: &[&str]) -> Invocation {
        let mut all = vec!["run", "--session", "main", "--model", "openai/m"];
        all.extend(args);
        self.home.latchwork(all).endpoint(endpoint)
    }
}

fn says(told: &Finished, words: &[&str]) {
    for word in words {
        assert!(told.stdout.contains(word), "{word}: {told}");
    }
}

/// Every file below a folder, with its content and when it was written.
fn all_below(dir: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(all_below(&path));
        } else {
            let modified = entry.metadata().unwrap().modified().unwrap();
            all.insert(path.clone(), (std::fs::read(&path).unwrap(), modified));
        }
    }
    all
}

#[test]
fn an_idle_home_has_nothing_to_tell_but_its_last_grants_and_is_left_as_it_was() {
    let place = Place::begun();
    let before = all_below(&place.home.home());
    let told = place.locks();
    says(
        &told,
        &[
            "0 of 1 sessions",
            "the last grants",
            "in phase side, waited",
        ],
    );
    says(
        &place.why(),
        &[
            "idle: nobody writes",
            "lock    free",
            "turn    free",
            "nobody is in the way",
        ],
    );
    let seen = place.json();
    assert_eq!((&seen["sessions"], &seen["of"]), (&json!([]), &json!(1)));
    assert_eq!(seen["grants"][0]["session"], "main");
    assert_eq!(all_below(&place.home.home()), before, "nothing was written");

    let nowhere = Place { home: Home::new() };
    says(&nowhere.locks(), &["0 of 0 sessions"]);
    let refused = nowhere
        .home
        .latchwork(["why", "main"])
        .run()
        .expect_refusal();
    assert!(refused.stderr.contains("does not exist"), "{refused}");
    assert!(!nowhere.sessions().exists());
}

#[test]
fn a_holder_and_two_waiters_are_named_and_after_them_the_three_grants_with_waits_and_holds() {
    let place = Place::begun();
    let script = format!("touch up; {}", until("over"));
    let holder = place.lock(&["--phase", "backup"], &script).spawn();
    eventually("the holder", || {
        place.home.path("up").exists().then_some(())
    });
    let first = place.appending(&exchange("one"));
    let second = place.appending(&exchange("two"));
    let pids = |main: &Value| -> Vec<u64> {
        let waiters = main["waiters"].as_array().unwrap().iter();
        let mut pids: Vec<u64> = waiters
            .filter_map(|one| one["process"]["pid"].as_u64())
            .collect();
        pids.sort_unstable();
        pids
    };
    let mut both = vec![u64::from(first.pid()), u64::from(second.pid())];
    both.sort_unstable();
    let main = place.main_where("two waiters", |main| pids(main) == both);
    assert_eq!(main["lock"]["holder"]["pid"], holder.pid());
    assert_eq!(main["lock"]["holder"]["phase"], "backup");
    assert_eq!(
        (&main["lock"]["doubt"], &main["waitersAtLeast"]),
        (&Value::Null, &json!(2))
    );
    assert_eq!(
        main["lock"]["heirs"][0]["command"]
            .as_str()
            .unwrap()
            .split(' ')
            .next(),
        Some("sh")
    );
    let named = format!("process {}", holder.pid());
    let words = [
        named.as_str(),
        "in phase backup",
        "at least 2 for the lock",
        "1 of 1 sessions",
    ];
    says(&place.locks(), &words);
    says(
        &place.why(),
        &[
            "the session is being written",
            "`latchwork unlock main --kill`",
        ],
    );

    place.home.write("over", "");
    for done in [holder, first, second] {
        done.wait().expect_success();
    }
    let why = place.why_json();
    let grants = why["grants"].as_array().unwrap();
    let of = |pid: u64| {
        grants
            .iter()
            .find(|grant| grant["pid"] == pid)
            .unwrap_or_else(|| panic!("{pid}: {why}"))
    };
    for pid in both {
        assert!(
            of(pid)["waitedMs"].as_f64() > Some(0.0) && of(pid)["heldMs"].is_f64(),
            "{why}"
        );
    }
    assert_eq!(
        (&why["lock"], &why["waitersAtLeast"]),
        (&Value::Null, &json!(0))
    );
}

#[test]
fn a_waiter_that_looks_now_and_then_is_seen_too() {
    let place = Place::begun();
    let dir = place.home.home().join(".config/latchwork");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("config.toml"), "[store.locks]\nwait_threads = 0\n").unwrap();
    let script = format!("touch up; {}", until("over"));
    let holder = place.lock(&[], &script).spawn();
    eventually("the holder", || {
        place.home.path("up").exists().then_some(())
    });
    let waiter = place.appending(&exchange("one"));
    let main = place.main_where("a waiter", |main| main["waiters"][0]["how"] == "looks");
    assert_eq!(main["waiters"][0]["process"]["pid"], waiter.pid());
    place.home.write("over", "");
    holder.wait().expect_success();
    waiter.wait().expect_success();
}

#[test]
fn a_stopped_holder_is_told_to_be_stopped_and_how_it_goes_on() {
    let place = Place::begun();
    let script = format!("touch up; {}", until("over"));
    let mut holder = place.lock(&[], &script).spawn();
    eventually("the holder", || {
        place.home.path("up").exists().then_some(())
    });
    holder.signal(Signal::STOP);
    let main = place.main_where("it is stopped", |main| {
        main["lock"]["holder"]["state"] == "stopped"
    });
    assert_eq!(main["lock"]["holder"]["pid"], holder.pid());
    says(&place.locks(), &["state stopped"]);
    says(
        &place.why(),
        &["state stopped", &format!("kill -CONT {}", holder.pid())],
    );
    holder.signal(Signal::CONT);
    place.home.write("over", "");
    holder.wait().expect_success();
}

#[test]
fn a_turn_in_a_model_call_holds_no_lock_and_is_told_with_who_waits_for_it_and_who_asks_for_it() {
    let place = Place::begun();
    let (gate, endpoint) = (Gate::new(), Endpoint::start());
    endpoint.push(Reply::text("late").held(&gate));
    let first = place.run(&endpoint, &["question"]).spawn();
    gate.wait_reached();
    let main = place.main_where("the turn", |main| {
        main["turn"]["holder"]["pid"] == first.pid()
    });
    assert_eq!(
        (&main["lock"], &main["turn"]["epoch"]),
        (&Value::Null, &json!(1))
    );
    says(
        &place.why(),
        &[
            "a turn is under way; it holds no lock: it waits for the model",
            "--hand-over REASON",
            "--take-over REASON",
        ],
    );

    let waits = place.run(&endpoint, &["--wait", "10min", "second"]).spawn();
    let asks = place
        .run(
            &endpoint,
            &["--hand-over", "a \u{1b}reason", "--grace", "10min", "third"],
        )
        .spawn();
    let main = place.main_where("a request and a waiter", |main| {
        let waiters = main["waiters"].as_array().unwrap();
        let waits_for_turn =
            |one: &Value| one["for"] == "turn" && one["process"]["pid"] == waits.pid();
        main["asked"]["by"]["pid"] == asks.pid() && waiters.iter().any(waits_for_turn)
    });
    assert_eq!(main["asked"]["reason"], "a \u{1b}reason");
    assert_eq!(main["asked"]["graceMs"], 600_000);
    let told = place.why();
    says(
        &told,
        &["asked   the turn is asked for by process", "at least"],
    );
    assert!(!told.stdout.contains('\u{1b}'), "{told}");

    endpoint.push(Reply::text("to the third"));
    endpoint.push(Reply::text("to the second"));
    gate.open();
    for run in [first, asks, waits] {
        let done = run.wait();
        assert!(matches!(done.code(), Some(0 | 75)), "{done}");
    }
    let why = place.why_json();
    assert_eq!((&why["turn"], &why["asked"]), (&Value::Null, &Value::Null));
    let phases = why["lastTurn"]["phases"].as_array().unwrap();
    let of = |name: &str| {
        phases
            .iter()
            .find(|one| one["phase"] == name)
            .unwrap_or_else(|| panic!("{name}: {why}"))
    };
    assert!(
        of("record")["heldMs"].as_f64() > Some(0.0) && of("record")["guards"] == 1,
        "{why}"
    );
    assert!(
        of("ask")["tookMs"].as_f64() > Some(0.0) && of("ask")["guards"] == 0,
        "{why}"
    );
    says(&place.why(), &["the last turn (", "waited ms", "record"]);
}

#[test]
fn a_peers_lock_file_is_told_with_its_owner_and_one_that_was_left_behind_as_such() {
    let place = Place::begun();
    let peer = place.home.program("sleep", ["300"]).spawn();
    let lock = place.sessions().join("main.jsonl.lock");
    let payload = format!(
        "{{\n  \"pid\": {},\n  \"createdAt\": \"2026-05-19T08:12:44.102Z\"\n}}\n",
        peer.pid()
    );
    std::fs::write(&lock, &payload).unwrap();
    let main = place.main_where("the peer", |main| main["peerLock"]["owner"] == "alive");
    assert_eq!(
        (
            &main["peerLock"]["ours"],
            &main["peerLock"]["holder"]["pid"]
        ),
        (&json!(false), &json!(peer.pid()))
    );
    let named = format!("main.jsonl.lock is held by process {}", peer.pid());
    says(
        &place.why(),
        &["a peer has its lock file", &named, "end that process"],
    );
    let waits = place.appending(&exchange("x"));
    place.main_where("one of ours", |main| {
        main["lock"]["holder"]["pid"] == waits.pid()
    });
    says(&place.why(), &["waits for the peers' lock file"]);
    end(peer.pid());
    waits.wait().expect_success();
    std::fs::write(&lock, &payload).unwrap();
    says(&place.why(), &["was left behind by", "removes it"]);
    assert_eq!(std::fs::read_to_string(&lock).unwrap(), payload);
}

#[test]
fn rubbish_in_lock_files_steers_no_terminal_and_is_no_error() {
    let place = Place::begun();
    let script = format!("touch up; {}", until("over"));
    let holder = place.lock(&[], &script).spawn();
    eventually("the holder", || {
        place.home.path("up").exists().then_some(())
    });
    let whole = std::fs::read(place.sidecar("latch")).unwrap();
    let note = json!({"pid": 1, "host": "\u{1b}]52;c;AAAA\u{7}", "phase": "\u{9b}2J\u{202e}\n", "since": "\u{1b}[2J"});
    for latch in [
        vec![0xff; 5_000],
        format!("{note}\n").into_bytes(),
        whole[..700].to_vec(),
        Vec::new(),
        whole,
    ] {
        // Over the same file: a lock belongs to it.
        std::fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(place.sidecar("latch"))
            .unwrap();
        std::fs::write(place.sidecar("latch"), &latch).unwrap();
        for told in [place.locks(), place.why()] {
            let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}' || c == '\u{9b}';
            assert!(!told.stdout.chars().any(steers), "{:?}", told.stdout);
            says(&told, &[&format!("process {}", holder.pid())]);
        }
        place.why_json();
    }
    place.home.write("over", "");
    holder.wait().expect_success();
}

#[test]
fn a_crowd_of_writers_loses_nothing_and_meets_nobody_while_locks_watches_and_the_watcher_tells_of_them()
 {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 6;
    const TRIES: usize = 6;
    let place = Place::begun();
    let watch = || {
        let args = ["locks", "--watch", "--every", "10ms", "--json"];
        place.home.latchwork(args).spawn()
    };
    let (mut watcher, _others) = (watch(), [watch(), watch()]);
    let first: Value = serde_json::from_str(&watcher.next_line().unwrap()).unwrap();
    assert!(first["sessions"].is_array(), "{first}");
    for round in 0..ROUNDS {
        let writers =
            (0..WRITERS).map(|writer| place.appending(&[user(&format!("{round} {writer}"))]));
        for writer in writers.collect::<Vec<_>>() {
            let done = writer.wait().expect_success();
            assert_ne!(done.json_lines()[0]["state"], "busy", "{done}");
        }
        // Alone, and without any patience: only a bystander that locks could be in the way.
        for _ in 0..TRIES {
            place.lock(&["--wait", "0"], "true").run().expect_success();
        }
    }
    watcher.event_where("a grant of the crowd", |seen| {
        let grants = seen["grants"].as_array().unwrap();
        grants
            .iter()
            .any(|grant| grant["phase"] == "lock" && grant["heldMs"].is_f64())
    });
    watcher.signal(Signal::INT);
    assert_eq!(watcher.wait().code(), Some(130));
    let shown = place
        .home
        .latchwork(["show", "main", "--json"])
        .run()
        .expect_success()
        .stdout;
    let inbox = std::fs::read_to_string(place.sidecar("inbox.jsonl")).unwrap_or_default();
    for round in 0..ROUNDS {
        for writer in 0..WRITERS {
            let key = format!("key of {round} {writer}");
            assert!(
                shown.contains(&key) || inbox.contains(&key),
                "{key} is lost"
            );
        }
    }
}
