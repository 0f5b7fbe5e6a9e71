//! Settings files that change under a running process: real files, a real turn, and the last good settings.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test is a task of its own, and a test that fails says so"
)]

mod common;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use latchwork::config::SourceFile;
use latchwork::lock::LockScope;
use latchwork::runner::{TurnEnd, Unwatched};
use latchwork::sys::System;
use latchwork::{Follow, Latchwork, News, RunError, SessionArg, Sources};

use crate::common::{NoSecrets, RECORDED};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(20);
/// Some looks long; only for what must not happen.
const A_WHILE: Duration = Duration::from_millis(300);

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("recorded.jsonl"), RECORDED).unwrap();
        let bench = Self { dir };
        std::fs::write(bench.file(), text).unwrap();
        bench
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    fn model(&self) -> String {
        let recorded = self.dir.path().join("recorded.jsonl");
        format!("model = 'replay:{}@instant'\n", recorded.display())
    }

    fn write(&self, text: &str) {
        let beside = self.dir.path().join("beside");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.file()).unwrap();
    }

    fn begin(&self) -> (Latchwork, Follow<String>) {
        let (path, home) = (self.file(), self.dir.path().join("home"));
        let folder = self.dir.path().to_owned();
        let read = move || {
            let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
            Ok(Sources {
                user_file: Some(SourceFile::named(&path, text)),
                cwd: folder.clone(),
                environment: [("LATCHWORK_HOME".into(), home.display().to_string())].into(),
                ..Sources::default()
            })
        };
        let sources: Sources = read().unwrap();
        let settings = sources.clone().resolve().unwrap().value;
        let latchwork = Latchwork::new(settings, System::real(), Arc::new(NoSecrets)).unwrap();
        let follow = Follow::new(latchwork.clone(), sources, Arc::new(read)).unwrap();
        (latchwork, follow.every(EVERY))
    }
}

fn told(news: News<String>) -> Vec<String> {
    match news {
        News::Changed { changes, .. } => changes.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

async fn nothing_is_told(follow: &mut Follow<String>) {
    let news = tokio::time::timeout(A_WHILE, follow.next()).await;
    assert!(news.is_err(), "{news:?}");
}

#[tokio::test]
async fn a_changed_file_is_taken_over_by_the_next_turn_and_a_restart_is_named_where_it_needs_one() {
    let bench = Bench::new("[store.locks]\nmax_hold_ms = 60000\n");
    let (latchwork, mut follow) = bench.begin();
    let session = latchwork
        .session(&SessionArg::parse("main").unwrap())
        .unwrap();
    let answer = || async {
        let mut scope = LockScope::open();
        let ask = session.ask("hello", None).unwrap();
        session
            .run(&mut scope, ask, Arc::new(Unwatched), Default::default())
            .await
    };
    assert!(matches!(answer().await, Err(RunError::NoModel)));
    bench.write(&format!(
        "{}[store.locks]\nmax_hold_ms = 70000\n",
        bench.model()
    ));
    let told = told(follow.next().await);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("`model` is ") && told[0].ends_with("from the next turn or write on")
    );
    assert!(
        told[1].starts_with("`store.locks.max_hold_ms` is 70000 now")
            && told[1].ends_with("after a restart")
    );
    assert_eq!(answer().await.unwrap().end, TurnEnd::Completed);
    assert_eq!(latchwork.settings().store.locks.max_hold_ms, 60_000);
    nothing_is_told(&mut follow).await;
}

#[tokio::test]
async fn what_cannot_be_used_is_told_once_and_leaves_the_last_good_settings_in_force() {
    let good = "[turn]\nrounds_max = 3\n";
    let bench = Bench::new(good);
    let (latchwork, mut follow) = bench.begin();
    let rounds = || latchwork.settings().turn.rounds_max;
    bench.write("[turn]\nrounds_max = \n");
    let News::Wrong { error, files } = follow.next().await else {
        panic!("half a line is no setting")
    };
    assert!(error.to_string().contains("line 2"), "{error}");
    assert_eq!((rounds(), files.len()), (3, 1));
    nothing_is_told(&mut follow).await;
    bench.write("[turn]\nrounds_max = 4\nclose_limit_ms = 400000\n");
    assert!(
        matches!(follow.next().await, News::Unfit(_)),
        "longer than a guard may be held"
    );
    assert_eq!(rounds(), 3);
    std::fs::remove_file(bench.file()).unwrap();
    assert!(matches!(follow.next().await, News::Unread(_)));
    nothing_is_told(&mut follow).await;
    bench.write(good);
    assert!(told(follow.next().await).is_empty(), "as it was");
    bench.write("[turn]\nrounds_max = 5\n");
    assert_eq!(told(follow.next().await).len(), 1);
    assert_eq!(rounds(), 5);
}

#[tokio::test]
async fn a_file_that_is_being_written_is_left_alone_until_its_writer_is_done() {
    let bench = Bench::new("");
    let (latchwork, mut follow) = bench.begin();
    let mut writer = std::fs::File::create(bench.file()).unwrap();
    // What stands there so far could be used.
    writer.write_all(b"[turn]\nrounds_max = 3").unwrap();
    nothing_is_told(&mut follow).await;
    writer.write_all(b"3\n").unwrap();
    drop(writer);
    assert_eq!(told(follow.next().await).len(), 1);
    assert_eq!(latchwork.settings().turn.rounds_max, 33);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_without_end_is_only_ever_seen_whole() {
    let bench = Bench::new("[turn]\nrounds_max = 1\nparallel_tools_max = 1\n");
    let (latchwork, mut follow) = bench.begin();
    let ended = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writes = {
        let (file, ended) = (bench.file(), ended.clone());
        let beside = bench.dir.path().join("beside");
        std::thread::spawn(move || {
            for number in (1..=60_u64).cycle() {
                if ended.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                let text =
                    format!("[turn]\nrounds_max = {number}\nparallel_tools_max = {number}\n");
                std::fs::write(&beside, text).unwrap();
                std::fs::rename(&beside, &file).unwrap();
                std::thread::sleep(Duration::from_millis(number * 2));
            }
        })
    };
    for _ in 0..20 {
        let News::Changed { .. } = follow.next().await else {
            panic!("every one of them can be used")
        };
        let turn = latchwork.settings().turn.clone();
        assert_eq!(turn.rounds_max as usize, turn.parallel_tools_max);
    }
    ended.store(true, std::sync::atomic::Ordering::Relaxed);
    writes.join().unwrap();
}
