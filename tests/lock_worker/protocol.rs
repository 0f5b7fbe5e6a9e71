//! The commands of a lock worker, one a line, and their answers. All times are nanoseconds of the monotonic clock.
//!
//! | command | answer |
//! |---|---|
//! | `contend START N SECONDS HOLD_US THINK_US` | from START on, N times or for SECONDS: acquire; take the file's size; sleep HOLD_US; write one line at that size; release; sleep THINK_US. `done {"ops":[[asked, got, releasing, released], ...], "errs":{"code":count}}` |
//! | `acquire` | `acquired NOW` |
//! | `release` | `released CALLED DONE` |
//! | `exit` | none |
//! | `cycle N` | acquires and releases N times: `cycled [ns, ...]` |
//! | `tasks K N HOLD_US` | K tasks of this process contend, N operations each: `tasks [DONE, ...]`, each as after `done` |
//! | `sessions COUNT CYCLES` | many sessions in turn: `working N` from time to time, then `sessions {...}` |
//!
//! The last three are additions of this worker. The line is written at a size taken before the sleep, so a broken exclusion loses lines and does not only overlap.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::lock::{Held, Lock};
use crate::{Arguments, Failure, clock, sessions};

type Op = [u64; 4];
type Errors = BTreeMap<String, u64>;

/// Obeys until `exit` or the end of the input.
pub(crate) async fn serve(
    arguments: Arguments,
    mut lines: UnboundedReceiver<String>,
) -> Result<(), Failure> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&arguments.file)?;
    let worker = Worker {
        lock: Lock::of(arguments.kind, &arguments.file)?,
        file: Arc::new(file),
        id: arguments.id,
    };
    let mut held: Option<Held> = None;
    say("ready")?;
    while let Some(line) = lines.recv().await {
        let words = line.split_ascii_whitespace().collect::<Vec<_>>();
        match words.as_slice() {
            ["contend", start, n, seconds, hold, think] => {
                let start: u64 = start.parse()?;
                let length = Duration::from_secs_f64(seconds.parse()?);
                let rounds = Rounds {
                    n: n.parse()?,
                    end: (!length.is_zero()).then(|| start + clock::nanos(length)),
                    hold: Duration::from_micros(hold.parse()?),
                    think: Duration::from_micros(think.parse()?),
                };
                clock::until(start).await;
                say(&format!(
                    "done {}",
                    done(&worker.contend(&rounds, None).await?)
                ))?;
            }
            ["acquire"] => {
                let got = worker.acquire(&mut Errors::new()).await;
                say(&format!("acquired {}", clock::now()))?;
                held = Some(got);
            }
            ["release"] => {
                let called = clock::now();
                let held = held.take().ok_or("release: nothing is held")?;
                held.release().await?;
                say(&format!("released {called} {}", clock::now()))?;
            }
            ["cycle", n] => {
                let took = worker.cycle(n.parse()?).await?;
                say(&format!("cycled {took:?}"))?;
            }
            ["tasks", k, n, hold] => {
                let rounds = Rounds {
                    n: n.parse()?,
                    hold: Duration::from_micros(hold.parse()?),
                    ..Rounds::default()
                };
                let all = worker.tasks(k.parse()?, rounds).await?;
                let all = all.iter().map(done).collect::<Vec<_>>();
                say(&format!("tasks {}", Value::from(all)))?;
            }
            ["sessions", count, cycles] => {
                let folder = arguments.file.with_extension("sessions");
                let told =
                    sessions::measure(arguments.kind, &folder, count.parse()?, cycles.parse()?);
                say(&format!("sessions {}", told.await?))?;
            }
            ["exit"] => break,
            _ => return Err(format!("the line {line:?} is not understood").into()),
        }
    }
    Ok(())
}

/// What one contender does.
#[derive(Clone, Debug, Default)]
struct Rounds {
    n: u64,
    /// Instead of a number: until then.
    end: Option<u64>,
    hold: Duration,
    think: Duration,
}

#[derive(Debug, Default)]
struct Done {
    ops: Vec<Op>,
    errors: Errors,
}

#[derive(Clone, Debug)]
struct Worker {
    lock: Lock,
    file: Arc<File>,
    id: u64,
}

impl Worker {
    /// Acquires, however often it fails; failures are counted.
    async fn acquire(&self, errors: &mut Errors) -> Held {
        loop {
            match self.lock.acquire().await {
                Ok(held) => return held,
                Err(code) => *errors.entry(code).or_default() += 1,
            }
        }
    }

    /// `task`: one of many in this process, which must not sleep on their thread.
    async fn contend(&self, rounds: &Rounds, task: Option<u64>) -> Result<Done, Failure> {
        let mut done = Done::default();
        let goes_on = |i| rounds.end.map_or(i < rounds.n, |end| clock::now() < end);
        let mut i = 0;
        while goes_on(i) {
            let asked = clock::now();
            let held = self.acquire(&mut done.errors).await;
            let got = clock::now();
            let size = self.file.metadata()?.len();
            if !rounds.hold.is_zero() {
                match task {
                    Some(_) => tokio::time::sleep(rounds.hold).await,
                    None => std::thread::sleep(rounds.hold),
                }
            }
            let line = format!("{{\"p\":{},\"i\":{i}}}\n", task.unwrap_or(self.id));
            self.file.write_all_at(line.as_bytes(), size)?;
            let releasing = clock::now();
            held.release().await?;
            done.ops.push([asked, got, releasing, clock::now()]);
            if !rounds.think.is_zero() {
                tokio::time::sleep(rounds.think).await;
            }
            i += 1;
        }
        Ok(done)
    }

    /// Nothing but acquire and release: nanoseconds for each.
    async fn cycle(&self, n: usize) -> Result<Vec<u64>, Failure> {
        let mut took = Vec::with_capacity(n);
        let mut last = clock::now();
        for _ in 0..n {
            self.lock.acquire().await?.release().await?;
            let now = clock::now();
            took.push(now - last);
            last = now;
        }
        Ok(took)
    }

    /// Contention inside one process; the contenders are told apart as processes are.
    async fn tasks(&self, count: u64, rounds: Rounds) -> Result<Vec<Done>, Failure> {
        let rounds = Arc::new(rounds);
        let tasks = (0..count).map(|task| {
            let (worker, rounds) = (self.clone(), Arc::clone(&rounds));
            tokio::spawn(async move { worker.contend(&rounds, Some(task)).await })
        });
        let tasks = tasks.collect::<Vec<_>>();
        let mut all = Vec::new();
        for task in tasks {
            all.push(task.await??);
        }
        Ok(all)
    }
}

fn done(done: &Done) -> Value {
    json!({"ops": done.ops, "errs": done.errors})
}

pub(crate) fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
