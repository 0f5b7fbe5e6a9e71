//! Several real writers of one session, killed at seeded moments and started again, with a peer between them that takes no lock.
//!
//! When all of a generation are dead, the raw bytes are judged; then one comes as any writer comes after a crash, and they are
//! judged again; the next generation goes on with the same session, until it is old.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use latchwork_testkit::history::{Case, Image, Story, Survives, Told};
use latchwork_tests::workload::{FileStory, Listener as _, Mutant, Numbers};
use serde_json::{Value, json};

use super::figures::Done;
use super::planted;

pub(crate) const WORKER: &str = env!("CARGO_BIN_EXE_transcript-worker");
/// How many writers work on the session at once.
const WRITERS: u64 = 3;
/// How often each is killed before the bytes are judged.
const DEATHS: u64 = 2;
/// How many generations a session lives.
const GENERATIONS: u64 = 6;
/// One in so many dies in the middle of a write of its own: in one of the first so many.
const IN_A_WRITE: u64 = 4;
const WRITES: u64 = 10;
/// The longest life of a writer, in microseconds; most are far shorter.
const LIFE_US_MAX: f64 = 60_000.0;
/// And the shortest.
const LIFE_US_MIN: f64 = 200.0;

/// A campaign of kills.
#[derive(Debug)]
pub(crate) struct Kills {
    seed: u64,
    kills: u64,
    mutant: Option<Mutant>,
}

impl Kills {
    pub(crate) fn new(seed: u64, kills: u64) -> Self {
        Self {
            seed,
            kills,
            mutant: None,
        }
    }

    /// With writers that are wrong in this way; it ends when that is seen.
    pub(crate) fn with(self, mutant: Mutant) -> Self {
        Self {
            mutant: Some(mutant),
            ..self
        }
    }

    pub(crate) fn run(&self) -> Done {
        let mut done = Done::begin(self.seed);
        let mut numbers = Numbers(self.seed);
        while done.faults < self.kills && done.broken.is_empty() {
            let session = Session::begin(numbers.draw(), self.mutant);
            let told = session.live(&mut done, self.kills);
            done.calls += told.calls();
            done.acknowledgements += told.acknowledgements();
            if !done.broken.is_empty() && self.mutant.is_none() {
                // For whoever has to find out why.
                let _path = session.dir.keep();
            }
        }
        done.end()
    }
}

/// One session in a folder of its own.
pub(crate) struct Session {
    dir: tempfile::TempDir,
    seed: u64,
    mutant: Option<Mutant>,
    begun_with: &'static str,
    pub(crate) planted: Image,
}

impl Session {
    pub(crate) fn begin(seed: u64, mutant: Option<Mutant>) -> Self {
        Self::begin_with(planted::draw(&mut Numbers(seed)), seed, mutant)
    }

    /// With what is planted.
    pub(crate) fn begin_with(
        (begun_with, bytes): (&'static str, Option<Vec<u8>>),
        seed: u64,
        mutant: Option<Mutant>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        planted::put(&dir.path().join("sessions"), bytes);
        let planted = Image::read(&dir.path().join("sessions"), "s");
        Self {
            dir,
            seed,
            mutant,
            begun_with,
            planted,
        }
    }

    pub(crate) fn sessions(&self) -> PathBuf {
        self.dir.path().join("sessions")
    }

    fn story_of(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("story-{name}"))
    }

    pub(crate) fn image(&self) -> Image {
        Image::read(&self.sessions(), "s")
    }

    /// Everything that was told so far.
    pub(crate) fn told(&self) -> Story {
        let mut events = Vec::new();
        for entry in std::fs::read_dir(self.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("story-"))
            {
                events.extend(Story::events(&std::fs::read(path).unwrap()));
            }
        }
        Story::of(events)
    }

    /// Generations of writers, each ended by kills; what was told in the end.
    fn live(&self, done: &mut Done, kills: u64) -> Story {
        let mut numbers = Numbers(self.seed ^ 1);
        let mut rested: Option<Image> = None;
        for generation in 0..GENERATIONS {
            self.generation(generation, &mut numbers);
            done.faults += WRITERS * DEATHS;
            let at = format!(
                "generation {generation} of a session that began with {}, in {}",
                self.begun_with,
                self.dir.path().display()
            );
            let after =
                self.judge_and_recover(rested.as_ref(), &format!("r{generation}"), done, &at);
            rested = Some(after);
            if !done.broken.is_empty() || done.faults >= kills {
                break;
            }
        }
        self.told()
    }

    /// The bytes as the dead left them; then a writer comes, and the bytes after it.
    pub(crate) fn judge_and_recover(
        &self,
        rested: Option<&Image>,
        name: &str,
        done: &mut Done,
        at: &str,
    ) -> Image {
        let raw = self.image();
        done.torn += u64::from(raw.ends_torn());
        self.judge(rested, &raw, None, done, &format!("raw, {at}"));
        let finished = self
            .worker(name, self.seed, &["--recover"])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&finished.stderr).into_owned();
        if !finished.status.success() || !errors.is_empty() {
            done.found([format!("recovery: {:?} {errors}", finished.status)], at);
        }
        let after = self.image();
        let damage = self.damage_reported(name);
        if damage.is_none() {
            let what = "recovery: it could not be opened, or not be written";
            done.found([what.to_owned()], at);
        }
        self.judge(
            Some(&raw),
            &after,
            damage.or(Some(0)),
            done,
            &format!("recovered, {at}"),
        );
        after
    }

    fn judge(
        &self,
        before: Option<&Image>,
        now: &Image,
        reported: Option<usize>,
        done: &mut Done,
        at: &str,
    ) {
        let story = self.told();
        let told = [Told {
            story: &story,
            until: u64::MAX,
            survives: Survives::Process,
        }];
        let case = Case {
            planted: &self.planted,
            before,
            now,
            told: &told,
            settled: reported.is_some(),
            reported,
        };
        done.found(case.broken(), at);
    }

    /// What the recovery reported of damage, after it.
    fn damage_reported(&self, name: &str) -> Option<usize> {
        let events = Story::events(&std::fs::read(self.story_of(name)).ok()?);
        let told = events
            .iter()
            .rev()
            .find_map(|event| event["reopened"].as_u64());
        events.iter().find(|event| event["ack"].is_string())?;
        usize::try_from(told?).ok()
    }

    fn generation(&self, generation: u64, numbers: &mut Numbers) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let lives: Vec<_> = (0..WRITERS)
                .map(|slot| {
                    let mut numbers = Numbers(numbers.draw());
                    scope.spawn(move || {
                        for life in 0..DEATHS {
                            let name = format!("w{generation}-{slot}-{life}");
                            self.live_and_die(&name, &mut numbers);
                        }
                    })
                })
                .collect();
            let (seed, over) = (numbers.draw(), &over);
            if seed % 2 == 0 {
                scope.spawn(move || self.peer(generation, Numbers(seed), over));
            }
            for life in lives {
                life.join().unwrap();
            }
            over.store(true, Ordering::SeqCst);
        });
    }

    fn live_and_die(&self, name: &str, numbers: &mut Numbers) {
        if numbers.one_in(IN_A_WRITE) {
            return self.die_in_a_write(name, numbers);
        }
        let mut child = self
            .worker(name, numbers.draw(), &[])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        if !numbers.one_in(10) {
            wait_for_ready(&mut child);
        }
        std::thread::sleep(moment(numbers));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// One that ends itself in the middle of a write.
    fn die_in_a_write(&self, name: &str, numbers: &mut Numbers) {
        let nth = (1 + numbers.below(WRITES)).to_string();
        let share = numbers.below(1025).to_string();
        let more = ["--die-in-write", &nth, "--after-1024ths", &share];
        let died = self.worker(name, numbers.draw(), &more).output().unwrap();
        assert!(!died.status.success(), "it was to die: {died:?}");
    }

    pub(crate) fn worker(&self, name: &str, seed: u64, more: &[&str]) -> Command {
        let story = self.story_of(name);
        worker(&self.sessions(), &story, name, seed, self.mutant, more)
    }

    /// A program that takes no lock and appends lines, as pi does; to a version 3 that is there.
    fn peer(&self, generation: u64, mut numbers: Numbers, over: &AtomicBool) {
        let story = FileStory::at(&self.story_of(&format!("p{generation}"))).unwrap();
        let path = self.sessions().join("s.jsonl");
        let mut number = 0;
        while !over.load(Ordering::SeqCst) {
            std::thread::sleep(moment(&mut numbers));
            let Some(parent) = last_id(&path) else {
                continue;
            };
            number += 1;
            let name = format!("p{generation}.{number}");
            let line = json!({ "type": "message", "id": name, "parentId": parent, "timestamp": "2026-01-01T00:00:00.000Z",
                "message": { "role": "user", "content": "a peer's words", "timestamp": 1 } }).to_string();
            story.hear(json!({ "peering": name, "line": line }));
            let opened = std::fs::OpenOptions::new().append(true).open(&path);
            let written =
                opened.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
            if written.is_ok() {
                story.hear(json!({ "peer": name, "line": line }));
            }
        }
    }
}

/// A writer of session `s` in this folder, as a process of its own.
pub(crate) fn worker(
    sessions: &Path,
    story: &Path,
    name: &str,
    seed: u64,
    mutant: Option<Mutant>,
    more: &[&str],
) -> Command {
    let mut command = Command::new(WORKER);
    command.args([
        "--session",
        "s",
        "--name",
        name,
        "--seed",
        &seed.to_string(),
    ]);
    command.arg("--sessions").arg(sessions);
    command.arg("--story").arg(story).args(more);
    if let Some(mutant) = mutant {
        command.args(["--mutant", mutant.name()]);
    }
    command
}

/// The id of the last entry of a version 3.
fn last_id(path: &Path) -> Option<String> {
    let text = std::fs::read(path).ok()?;
    let mut lines = text.split(|byte| *byte == b'\n');
    let header: Value = serde_json::from_slice(lines.next()?).ok()?;
    (header["version"] == 3).then_some(())?;
    let read = |line: &[u8]| serde_json::from_slice::<Value>(line).ok();
    let last = lines.filter_map(read).next_back()?;
    Some(last["id"].as_str()?.to_owned())
}

fn wait_for_ready(child: &mut Child) {
    let mut line = String::new();
    let out = child.stdout.as_mut().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
}

/// Even on the scale of orders of magnitude: from a fifth of a millisecond on.
fn moment(numbers: &mut Numbers) -> Duration {
    let orders = (LIFE_US_MAX / LIFE_US_MIN).ln();
    let share = numbers.below(1 << 20) as f64 / f64::from(1 << 20);
    Duration::from_micros((LIFE_US_MIN * (orders * share).exp()) as u64)
}
