//! Waiting for a `flock` in the kernel without blocking a task.
//!
//! A blocked `flock` cannot be called off, so it waits on a thread of its own, one for each locked file at most. A request
//! whose future is dropped leaves its thread waiting: *abandoned*, until the next request for the same file takes it over or
//! the lock is granted, which is then given back untouched. Threads are bounded twice: [`crate::Options::wait_threads`]
//! limits those that have begun to wait lately, so that many waits at once cost little; a thread that waits for longer stands
//! behind a slow or frozen holder and does not count there, so that it never keeps waiters of other sessions out of the
//! kernel; but all together are never more than [`FROZEN`] times the limit. A request without a thread is told of changes
//! of the file and polls (`poll.rs`). The threads do not keep the process from ending.
//!
//! Invariant: a file is in the table exactly while a thread waits for its lock; the thread has it open, so its inode number
//! means that file and no other.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use latchwork_lock::Wait;
use latchwork_sys::System;
use tokio::sync::oneshot;

use crate::locked::{Locked, OpenFile};
use crate::poll::poll;

/// Enough for one system call and its error path.
const STACK: usize = 128 * 1024;
/// A thread that has waited for this long stands behind a holder that is slow or frozen.
const LONG: Duration = Duration::from_millis(500);
/// How many times the limit all threads together may be.
const FROZEN: usize = 8;

/// The threads that wait.
#[derive(Debug)]
pub(crate) struct Waiters {
    limit: usize,
    table: Arc<Mutex<Table>>,
}

type Table = HashMap<(u64, u64), Line>;

/// Who waits for one file.
#[derive(Debug)]
struct Line {
    since: Instant,
    requests: Vec<oneshot::Sender<Answer>>,
}

/// How many threads wait in the kernel, and what for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitThreads {
    /// All of them.
    pub all: usize,
    /// Those that stand behind a slow or frozen holder.
    pub long: usize,
    /// Those whose requests were all dropped.
    pub abandoned: usize,
}

/// What a wait came to.
#[derive(Debug)]
pub(crate) enum Waited {
    /// The lock is ours.
    Granted(Locked),
    /// The lock was free for a moment, but another request of this process got it: look again.
    TryAgain,
    /// The time is over.
    TimeOver,
}

#[derive(Debug)]
enum Answer {
    Granted(Locked),
    TryAgain,
    Failed(io::Error),
}

impl Waiters {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            table: Arc::default(),
        }
    }

    /// Waits for the lock of `file`, which was busy a moment ago.
    ///
    /// Cancel safety: a dropped future gives up the wait; a lock that is granted later is given back.
    pub(crate) async fn lock(
        &self,
        system: &System,
        file: OpenFile,
        path: &Path,
        wait: Wait,
    ) -> io::Result<Waited> {
        let Some(answer) = self.line_up(&file, path)? else {
            return poll(system, file, path, wait).await;
        };
        drop(file);
        let answer = match wait.left() {
            None => answer.await,
            Some(left) => match tokio::time::timeout(left, answer).await {
                Ok(answer) => answer,
                Err(_) => return Ok(Waited::TimeOver),
            },
        };
        match answer {
            Ok(Answer::Granted(locked)) => Ok(Waited::Granted(locked)),
            Ok(Answer::Failed(error)) => Err(error),
            Ok(Answer::TryAgain) | Err(_) => Ok(Waited::TryAgain),
        }
    }

    /// A place among those who wait in the kernel; `None` if there is none left.
    fn line_up(
        &self,
        file: &OpenFile,
        path: &Path,
    ) -> io::Result<Option<oneshot::Receiver<Answer>>> {
        let key = file.inode()?;
        let (sender, answer) = oneshot::channel();
        let mut table = lock(&self.table);
        if let Some(line) = table.get_mut(&key) {
            line.requests.retain(|sender| !sender.is_closed());
            line.requests.push(sender);
            return Ok(Some(answer));
        }
        if !self.has_room(&table) {
            return Ok(None);
        }
        let line = Line {
            since: Instant::now(),
            requests: vec![sender],
        };
        table.insert(key, line);
        let job = Job {
            file: file.clone(),
            path: path.to_path_buf(),
            key,
            table: Arc::clone(&self.table),
        };
        let thread = std::thread::Builder::new()
            .name("latch-wait".to_owned())
            .stack_size(STACK);
        if thread.spawn(move || job.run()).is_err() {
            table.remove(&key);
            return Ok(None);
        }
        Ok(Some(answer))
    }

    fn has_room(&self, table: &Table) -> bool {
        if table.len() < self.limit {
            return true;
        }
        let lately = table.values().filter(|line| !line.is_long()).count();
        lately < self.limit && table.len() < self.limit.saturating_mul(FROZEN)
    }

    /// How many threads wait.
    pub(crate) fn threads(&self) -> WaitThreads {
        let table = lock(&self.table);
        let count = |which: fn(&Line) -> bool| table.values().filter(|line| which(line)).count();
        WaitThreads {
            all: table.len(),
            long: count(Line::is_long),
            abandoned: count(|line| line.requests.iter().all(oneshot::Sender::is_closed)),
        }
    }
}

impl Line {
    fn is_long(&self) -> bool {
        self.since.elapsed() >= LONG
    }
}

/// One thread's work.
struct Job {
    file: OpenFile,
    path: PathBuf,
    key: (u64, u64),
    table: Arc<Mutex<Table>>,
}

impl Job {
    fn run(self) {
        let got = self.file.get().lock();
        let line = lock(&self.table).remove(&self.key);
        let mut answer = match got {
            Ok(()) => Answer::Granted(Locked::of(self.file, &self.path)),
            Err(error) => Answer::Failed(error),
        };
        for sender in line.into_iter().flat_map(|line| line.requests) {
            // The first that still wants it gets it; what comes back was not wanted.
            answer = sender.send(answer).err().unwrap_or(Answer::TryAgain);
        }
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use latchwork_sys::OpenHow;

    use super::*;

    fn open(path: &Path) -> OpenFile {
        let how = OpenHow::updating().or_create();
        OpenFile::new(System::real().disk.open(path, &how).unwrap().into())
    }

    fn held(path: &Path) -> Locked {
        let file = open(path);
        assert!(file.get().try_lock().unwrap());
        Locked::of(file, path)
    }

    async fn wait_for(waiters: &Waiters, path: &Path, wait: Wait) -> Waited {
        let system = System::real();
        waiters.lock(&system, open(path), path, wait).await.unwrap()
    }

    fn briefly() -> Wait {
        Wait::at_most(Duration::from_millis(5))
    }

    #[tokio::test]
    async fn a_waiter_is_granted_the_lock_when_its_holder_lets_go_in_the_kernel_and_by_polling() {
        for limit in [1, 0] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("f");
            let holder = held(&path);
            let waiters = Waiters::new(limit);
            let free = async {
                tokio::task::yield_now().await;
                drop(holder);
            };
            let (waited, ()) = tokio::join!(wait_for(&waiters, &path, Wait::Forever), free);
            assert!(matches!(waited, Waited::Granted(_)));
            assert_eq!(waiters.threads().all, 0);
        }
    }

    #[tokio::test]
    async fn an_abandoned_wait_is_counted_and_taken_over_by_the_next_request() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let holder = held(&path);
        let waiters = Waiters::new(4);
        for _ in 0..3 {
            let waited = wait_for(&waiters, &path, briefly()).await;
            assert!(matches!(waited, Waited::TimeOver));
            let threads = waiters.threads();
            assert_eq!((threads.all, threads.abandoned), (1, 1));
        }
        let taken_over = async {
            while waiters.threads().abandoned > 0 {
                tokio::task::yield_now().await;
            }
            drop(holder);
        };
        let (waited, ()) = tokio::join!(wait_for(&waiters, &path, Wait::Forever), taken_over);
        assert!(matches!(waited, Waited::Granted(_)));
    }

    #[tokio::test]
    async fn a_grant_that_nobody_wants_any_more_is_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let holder = held(&path);
        let waiters = Waiters::new(1);
        let waited = wait_for(&waiters, &path, briefly()).await;
        assert!(matches!(waited, Waited::TimeOver));
        drop(holder);
        // Blocks until the thread has had the lock and given it back.
        open(&path).get().lock().unwrap();
    }

    #[tokio::test]
    async fn of_several_waiters_in_one_process_one_is_granted_and_the_others_look_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let holder = held(&path);
        let waiters = Waiters::new(4);
        let one = wait_for(&waiters, &path, Wait::Forever);
        let two = wait_for(&waiters, &path, Wait::Forever);
        let (one, two, ()) = tokio::join!(one, two, async { drop(holder) });
        assert!(matches!(one, Waited::Granted(_)));
        assert!(matches!(two, Waited::TryAgain));
    }

    #[tokio::test]
    async fn threads_behind_frozen_holders_keep_no_waiter_of_another_session_out_and_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let waiters = Waiters::new(1);
        let mut frozen = Vec::new();
        for number in 0..FROZEN {
            let path = dir.path().join(number.to_string());
            frozen.push(held(&path));
            // The thread before this one counts as one of the limit until it has waited for long.
            while waiters.threads().long < number {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert!(matches!(
                wait_for(&waiters, &path, briefly()).await,
                Waited::TimeOver
            ));
            assert_eq!(waiters.threads().all, number + 1);
        }
        while waiters.threads().long < FROZEN {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let path = dir.path().join("one more");
        let holder = held(&path);
        let (waited, ()) = tokio::join!(wait_for(&waiters, &path, Wait::Forever), async {
            drop(holder);
        });
        assert!(matches!(waited, Waited::Granted(_)), "it polled");
        assert_eq!(waiters.threads().all, FROZEN);
    }
}
