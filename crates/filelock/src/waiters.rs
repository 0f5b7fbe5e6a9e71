//! Waiting for a `flock` in the kernel without blocking a task.
//!
//! A blocked `flock` cannot be called off, so it waits on a thread of its own. Threads are few: one for
//! each locked file at most, and no more than the cap in all; a request beyond that polls with back-off.
//! A request whose future is dropped leaves its thread waiting; the next request for the same file takes
//! that thread over, and a grant that nobody wants any more is given back untouched. The threads do not
//! keep the process from ending.
//!
//! Invariant: a file is in the table exactly while a thread waits for its lock; the thread has it open,
//! so its inode number means that file and no other.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use latchwork_lock::Wait;
use latchwork_sys::DiskFile;
use tokio::sync::oneshot;

use crate::latch_file::Locked;

/// First and longest pause of a request that polls.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(25));
/// Enough for one system call and its error path.
const STACK: usize = 128 * 1024;

/// The threads that wait.
#[derive(Debug)]
pub(crate) struct Waiters {
    cap: usize,
    table: Arc<Mutex<Table>>,
}

type Table = HashMap<(u64, u64), Vec<oneshot::Sender<Answer>>>;

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
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            cap,
            table: Arc::default(),
        }
    }

    /// Waits for the lock of `file`, which was busy a moment ago.
    ///
    /// Cancel safety: a dropped future gives up the wait; a lock that is granted later is given back.
    pub(crate) async fn lock(
        &self,
        file: Arc<dyn DiskFile>,
        path: &Path,
        wait: Wait,
    ) -> io::Result<Waited> {
        let Some(answer) = self.line_up(&file, path)? else {
            return poll(file, path, wait).await;
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
        file: &Arc<dyn DiskFile>,
        path: &Path,
    ) -> io::Result<Option<oneshot::Receiver<Answer>>> {
        let facts = file.facts()?;
        let key = (facts.dev, facts.ino);
        let (sender, answer) = oneshot::channel();
        let mut table = lock(&self.table);
        if let Some(waiting) = table.get_mut(&key) {
            waiting.retain(|sender| !sender.is_closed());
            waiting.push(sender);
            return Ok(Some(answer));
        }
        if table.len() >= self.cap {
            return Ok(None);
        }
        let (file, path) = (Arc::clone(file), path.to_path_buf());
        let job = Job {
            file,
            path,
            key,
            table: Arc::clone(&self.table),
        };
        table.insert(key, vec![sender]);
        let thread = std::thread::Builder::new()
            .name("latch-wait".to_owned())
            .stack_size(STACK);
        if thread.spawn(move || job.run()).is_err() {
            table.remove(&key);
            return Ok(None);
        }
        Ok(Some(answer))
    }

    /// How many threads wait.
    #[cfg(test)]
    fn threads(&self) -> usize {
        lock(&self.table).len()
    }
}

/// One thread's work.
struct Job {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    key: (u64, u64),
    table: Arc<Mutex<Table>>,
}

impl Job {
    fn run(self) {
        let got = self.file.lock();
        let waiting = lock(&self.table).remove(&self.key).unwrap_or_default();
        let mut answer = match got {
            Ok(()) => Answer::Granted(Locked::new(self.file, &self.path)),
            Err(error) => Answer::Failed(error),
        };
        for sender in waiting {
            // The first that still wants it gets it; what comes back was not wanted.
            answer = sender.send(answer).err().unwrap_or(Answer::TryAgain);
        }
    }
}

async fn poll(file: Arc<dyn DiskFile>, path: &Path, wait: Wait) -> io::Result<Waited> {
    let (mut pause, longest) = PAUSES;
    loop {
        let left = wait.left().unwrap_or(longest);
        if left.is_zero() {
            return Ok(Waited::TimeOver);
        }
        tokio::time::sleep(pause.min(left)).await;
        if file.try_lock()? {
            return Ok(Waited::Granted(Locked::new(file, path)));
        }
        pause = (pause * 2).min(longest);
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use latchwork_sys::{OpenHow, System};

    use super::*;

    fn open(path: &Path) -> Arc<dyn DiskFile> {
        System::real()
            .disk
            .open(path, &OpenHow::updating().or_create())
            .unwrap()
            .into()
    }

    fn held(path: &Path) -> Locked {
        let file = open(path);
        assert!(file.try_lock().unwrap());
        Locked::new(file, path)
    }

    #[tokio::test]
    async fn a_waiter_is_granted_the_lock_when_its_holder_lets_go_in_the_kernel_and_by_polling() {
        for cap in [1, 0] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("f");
            let holder = held(&path);
            let waiters = Waiters::new(cap);
            let wait = waiters.lock(open(&path), &path, Wait::Forever);
            let free = async {
                tokio::task::yield_now().await;
                drop(holder);
            };
            let (waited, ()) = tokio::join!(wait, free);
            assert!(matches!(waited.unwrap(), Waited::Granted(_)));
            assert_eq!(waiters.threads(), 0);
        }
    }

    #[tokio::test]
    async fn an_abandoned_wait_is_taken_over_by_the_next_request_and_costs_no_second_thread() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let holder = held(&path);
        let waiters = Waiters::new(4);
        for _ in 0..3 {
            let wait = Wait::at_most(Duration::from_millis(5));
            let waited = waiters.lock(open(&path), &path, wait).await.unwrap();
            assert!(matches!(waited, Waited::TimeOver));
            assert_eq!(waiters.threads(), 1);
        }
        let wait = waiters.lock(open(&path), &path, Wait::Forever);
        let (waited, ()) = tokio::join!(wait, async { drop(holder) });
        assert!(matches!(waited.unwrap(), Waited::Granted(_)));
    }

    #[tokio::test]
    async fn a_grant_that_nobody_wants_any_more_is_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let holder = held(&path);
        let waiters = Waiters::new(1);
        let wait = Wait::at_most(Duration::from_millis(5));
        assert!(matches!(
            waiters.lock(open(&path), &path, wait).await.unwrap(),
            Waited::TimeOver
        ));
        drop(holder);
        // Blocks until the thread has had the lock and given it back.
        open(&path).lock().unwrap();
    }

    #[tokio::test]
    async fn of_several_waiters_in_one_process_one_is_granted_and_the_others_look_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let holder = held(&path);
        let waiters = Waiters::new(4);
        let one = waiters.lock(open(&path), &path, Wait::Forever);
        let two = waiters.lock(open(&path), &path, Wait::Forever);
        let (one, two, ()) = tokio::join!(one, two, async { drop(holder) });
        assert!(matches!(one.unwrap(), Waited::Granted(_)));
        assert!(matches!(two.unwrap(), Waited::TryAgain));
    }
}
