//! The real code of the locks under a scheduler that decides every step: `cargo xtask torture lock --runs N --seed N`.
//!
//! Several processes of ours, a well-behaved peer and somebody who deletes the sidecars share one machine in memory
//! (`machine`, `disk`); the scheduler (shuttle) chooses who makes the next system call, thousands of times differently, at
//! random and by priorities. Checked: nobody writes beside another, no acknowledged line is lost, everybody who lives gets
//! his turn. The controls are the same with a machine that does one thing wrong. A failure prints its schedule, which
//! shuttle replays; the seed repeats the run.

mod disk;
mod machine;
mod turns;

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use latchwork_filelock::{HOLD_CAP_MS, Latches, Options, PeerLock, Site};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::{Disk, OpenHow};
use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};

use self::disk::View;
use self::machine::{Fault, Machine};
use crate::choice::{runs, seed};

const TRANSCRIPT: &str = "/s/t.jsonl";
const PEER_LOCK: &str = "/s/t.jsonl.lock";
/// How often each process writes, besides the task that changes its mind.
const ROUNDS: u32 = 2;
const PEER: u32 = 90;
const DELETER: u32 = 91;

/// What happens besides.
#[derive(Clone, Copy, Debug)]
struct Story {
    fault: Fault,
    /// How many processes of ours there are.
    ours: u32,
    transcript_is_there: bool,
    deaths: bool,
    deletes_sidecars: bool,
    peer: bool,
    /// Ours write as turns, some of which take over.
    turns: bool,
}

const QUIET: Story = Story {
    fault: Fault::None,
    ours: 3,
    transcript_is_there: true,
    deaths: false,
    deletes_sidecars: false,
    peer: false,
    turns: false,
};

fn latches(view: &View, story: Story) -> Latches {
    let options = Options {
        // Threads of the operating system are none of the scheduler's.
        wait_threads: 0,
        max_hold_ms: HOLD_CAP_MS,
        peer_lock: if story.peer && story.fault != Fault::PeersIgnored {
            PeerLock::Always
        } else {
            PeerLock::Never
        },
        ..Options::default()
    };
    Latches::new(view.system(), options)
}

/// A process of ours: two tasks that write, one of which changes its mind now and then.
async fn ours(view: View, story: Story) {
    let latches = latches(&view, story);
    if story.turns {
        return turns::turns(&view, &latches, ROUNDS).await;
    }
    let beside = {
        let (view, latches) = (view.clone(), latches.clone());
        shuttle::future::spawn(async move {
            gives_up_after_some_polls(&latches).await;
            write_once(&view, &latches, "beside").await;
        })
    };
    for round in 0..ROUNDS {
        write_once(&view, &latches, &round.to_string()).await;
    }
    beside.await.unwrap();
}

fn site() -> Site {
    Site::of_transcript(Path::new(TRANSCRIPT)).unwrap()
}

/// A request that is dropped at one of its awaits.
async fn gives_up_after_some_polls(latches: &Latches) {
    let site = site();
    let mut request = pin!(latches.latch(&site, Phase::SIDE, Wait::Forever));
    let mut left = shuttle::rand::thread_rng().gen_range(0..6);
    std::future::poll_fn(|context| {
        if left == 0 || request.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        Poll::Pending
    })
    .await;
}

/// Writes one line, beginning anew whenever the latch is lost; ends with its process.
async fn write_once(view: &View, latches: &Latches, what: &str) {
    let line = format!("{} {what}", view.process);
    while !view.machine.is_dead(view.process) {
        let Ok(latched) = latches.latch(&site(), Phase::SIDE, Wait::Forever).await else {
            // Names that come and go under a deleter are an error, and the next try goes well.
            continue;
        };
        let Ok(write) = latched.begin() else { continue };
        if shuttle::rand::thread_rng().gen_bool(0.3) {
            // A started write keeps the locks.
            drop(latched);
        }
        let Some(transcript) = write.transcript() else {
            if let Ok(staged) = write.stage() {
                let born = staged.file().append(b"born\n").is_ok();
                let _ = born && write.create(staged).is_ok();
            }
            continue;
        };
        if write.check().is_err() {
            continue;
        }
        view.machine.begins_to_write(view.process);
        // A newline first, for one who died in the midst of a line; byte by byte, for a long moment in which to be caught.
        let wrote = format!("\n{line}\n")
            .as_bytes()
            .iter()
            .all(|byte| transcript.append(&[*byte]).is_ok());
        if wrote {
            view.machine.has_written(view.process, &line);
            return;
        }
        view.machine.gives_up_writing(view.process);
    }
}

/// A peer that takes the lock file as OpenClaw does, and takes it from nobody.
fn peer(view: &View) {
    for round in 0..ROUNDS {
        let file = loop {
            if let Ok(file) = view.open(Path::new(PEER_LOCK), &OpenHow::updating().only_new()) {
                break file;
            }
            shuttle::thread::yield_now();
        };
        let payload = format!(
            "{{\n  \"pid\": {},\n  \"createdAt\": \"x\"\n}}\n",
            view.process
        );
        file.write_at(payload.as_bytes(), 0).unwrap();
        if let Ok(transcript) = view.open(Path::new(TRANSCRIPT), &OpenHow::appending()) {
            let line = format!("{} {round}", view.process);
            view.machine.begins_to_write(view.process);
            transcript.append(format!("\n{line}\n").as_bytes()).unwrap();
            view.machine.has_written(view.process, &line);
        }
        view.remove(Path::new(PEER_LOCK)).unwrap();
    }
}

fn delete_sidecars(view: &View) {
    // Yielding costs priority: half of the deleters come as soon as they are let.
    let patience = if shuttle::rand::thread_rng().gen_bool(0.5) {
        shuttle::rand::thread_rng().gen_range(0..60)
    } else {
        0
    };
    for _ in 0..patience {
        shuttle::thread::yield_now();
    }
    // First one file, as `rm -r` does, then all that is there by then.
    let _ = view.remove(Path::new("/s/.latchwork/t.latch"));
    if let Ok(mut state) = view.machine.call(view.process) {
        state.remove_folder(Path::new("/s/.latchwork"));
    }
}

fn play(story: Story) {
    let machine = Arc::new(Machine::new(story.fault));
    let of = |process| View {
        machine: Arc::clone(&machine),
        process,
    };
    if story.transcript_is_there {
        machine.state().make(Path::new(TRANSCRIPT), false, 0o600);
    }
    let mut threads = Vec::new();
    for process in 1..=story.ours {
        let view = of(process);
        if story.deaths && process != story.ours {
            machine.will_die(process, shuttle::rand::thread_rng().gen_range(1..120));
        }
        threads.push(shuttle::thread::spawn(move || {
            shuttle::future::block_on(ours(view, story));
        }));
    }
    if story.peer {
        let view = of(PEER);
        threads.push(shuttle::thread::spawn(move || peer(&view)));
    }
    if story.deletes_sidecars {
        let view = of(DELETER);
        threads.push(shuttle::thread::spawn(move || delete_sidecars(&view)));
    }
    for thread in threads {
        thread.join().unwrap();
    }
    let state = machine.state();
    let text = state.text(Path::new(TRANSCRIPT));
    let lines: Vec<&str> = text.lines().collect();
    for line in &state.acknowledged {
        let stands = lines.iter().filter(|found| *found == line).count();
        assert_eq!(stands, 1, "{line:?} in {lines:?}");
    }
    assert!(state.flocks.is_empty(), "somebody left and kept a lock");
}

fn schedule(scheduler: impl Scheduler + 'static, story: Story) {
    let mut config = shuttle::Config::new();
    config.stack_size = 512 * 1024;
    shuttle::Runner::new(scheduler, config).run(move || play(story));
}

/// Half of the schedules by priorities: they find what needs few changes at bad moments; the others at random.
#[expect(clippy::print_stdout, reason = "a campaign says how much it did")]
fn explore(name: &str, runs: usize, seed: u64, story: Story) {
    let by_priority = runs / 2;
    schedule(
        RandomScheduler::new_from_seed(seed, runs - by_priority),
        story,
    );
    schedule(
        PctScheduler::new_from_seed(seed, 3, by_priority.max(1)),
        story,
    );
    println!("{name}: {runs} schedules, seed {seed}");
}

const STORIES: [(&str, Story); 6] = [
    ("quiet", QUIET),
    (
        "births",
        Story {
            transcript_is_there: false,
            ..QUIET
        },
    ),
    (
        "deaths",
        Story {
            deaths: true,
            ..QUIET
        },
    ),
    (
        "deleted sidecars",
        Story {
            deletes_sidecars: true,
            deaths: true,
            ..QUIET
        },
    ),
    (
        "a peer",
        Story {
            peer: true,
            transcript_is_there: false,
            ..QUIET
        },
    ),
    (
        "turns",
        Story {
            turns: true,
            deaths: true,
            ..QUIET
        },
    ),
];

#[test]
fn lock_schedules_never_let_two_write_together_nor_lose_a_line_nor_leave_anybody_waiting() {
    let (runs, seed) = (runs(50_000), seed());
    for (name, story) in STORIES {
        let share = usize::try_from(runs).unwrap() / STORIES.len();
        explore(name, share.max(1), seed, story);
    }
}

#[test]
fn lock_schedules_catch_a_machine_that_does_one_thing_wrong() {
    let wrong = [
        (Fault::LocksAreLocal, QUIET),
        (
            Fault::NoSecondWall,
            Story {
                ours: 2,
                deletes_sidecars: true,
                ..QUIET
            },
        ),
        (
            Fault::RenameReplaces,
            Story {
                transcript_is_there: false,
                deletes_sidecars: true,
                ..QUIET
            },
        ),
        (
            Fault::ClaimCheckedEarly,
            Story {
                turns: true,
                ..QUIET
            },
        ),
        (
            Fault::PeersIgnored,
            Story {
                peer: true,
                ..QUIET
            },
        ),
    ];
    for (fault, story) in wrong {
        let story = Story { fault, ..story };
        let caught = std::panic::catch_unwind(|| {
            explore("control", 12_000, seed(), story);
        });
        let Err(said) = caught else {
            panic!("{fault:?} was not noticed")
        };
        let said = said.downcast_ref::<String>().map_or("", String::as_str);
        assert!(
            said.contains(" writes while ") || said.contains("left == right"),
            "{fault:?} was noticed for another reason: {said}"
        );
    }
}
