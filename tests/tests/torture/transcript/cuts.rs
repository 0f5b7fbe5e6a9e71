//! Real cuts: real writers over a real filesystem, which is shut down at a seeded moment, mounted again, judged, written to, judged again.
//!
//! What it is: everything that ext4 or XFS had not yet handed to its device is gone (pages, names, its journal in memory), in the middle of
//! whatever it was doing, and its own recovery runs at the next mount. What it is not: the device keeps what it was handed, in any order
//! and whole; it has no cache of its own that could lose a flush, and no sector is torn. Both are in the model in memory (`power`).
//!
//! What was acknowledged before the shutdown was asked for must be there; what was said while it went on counts as not heard.

use std::io::{BufRead as _, BufReader};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use latchwork_sys::{Clock as _, RealClock, lose_power};
use latchwork_testkit::history::{Case, Image, Story, Survives, Told};
use latchwork_tests::workload::{Mutant, Numbers};
use serde_json::Value;

use super::figures::Done;
use super::kill::worker;
use super::mounts::{Kind, Mounted};
use super::planted;

/// How many writers work at once.
const WRITERS: u64 = 2;
/// How often a session is cut before another begins. A control has a new one each time.
const CUTS_OF_ONE: u64 = 5;
/// The time from the first move to the cut, in microseconds: even on the scale of orders of magnitude.
const LIFE_US: (f64, f64) = (500.0, 60_000.0);

/// A campaign of cuts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cuts {
    pub(crate) kind: Kind,
    pub(crate) seed: u64,
    pub(crate) cuts: u64,
    pub(crate) mutant: Option<Mutant>,
}

impl Cuts {
    /// All of them; or why there can be none here.
    pub(crate) fn run(self) -> Result<Done, String> {
        let campaign = std::thread::spawn(move || {
            let mounted = Mounted::begin(self.kind)?;
            let mut done = Done::begin(self.seed);
            let mut numbers = Numbers(self.seed);
            let mut number = 0;
            while done.faults < self.cuts && done.broken.is_empty() {
                number += 1;
                Session::begin(self, &mounted, number, &mut numbers).live(&mut done)?;
            }
            Ok(done.end())
        });
        campaign.join().unwrap()
    }
}

fn now() -> u64 {
    u64::try_from(RealClock.boottime().as_nanos()).unwrap()
}

/// What one writer told, and the fault that came after it.
struct Heard {
    story: Story,
    survives: Survives,
}

/// One session, from its beginning over several cuts.
struct Session<'a> {
    cuts: Cuts,
    mounted: &'a Mounted,
    /// Where the stories go: outside of what is cut.
    outside: tempfile::TempDir,
    sessions: PathBuf,
    numbers: Numbers,
    begun_with: &'static str,
    planted: Image,
    heard: Vec<Heard>,
}

impl<'a> Session<'a> {
    fn begin(cuts: Cuts, mounted: &'a Mounted, number: u64, numbers: &mut Numbers) -> Self {
        let mut numbers = Numbers(numbers.draw());
        let sessions = mounted.path().join(format!("sessions-{number}"));
        let (begun_with, bytes) = match cuts.mutant {
            // What is wrong with names shows in what is new.
            Some(_) => planted::kind(0),
            None => planted::draw(&mut numbers),
        };
        planted::put(&sessions, bytes);
        let planted = Image::read(&sessions, "s");
        let session = Self {
            cuts,
            mounted,
            outside: tempfile::tempdir().unwrap(),
            sessions,
            numbers,
            begun_with,
            planted,
            heard: Vec::new(),
        };
        session.settle();
        session
    }

    /// Everything that is there becomes durable: what this machine was before the cut.
    fn settle(&self) {
        let root = std::fs::File::open(self.mounted.path()).unwrap();
        rustix::fs::syncfs(root.as_fd()).unwrap();
    }

    fn live(mut self, done: &mut Done) -> Result<(), String> {
        let mut rested: Option<Image> = None;
        let times = if self.cuts.mutant.is_some() {
            1
        } else {
            CUTS_OF_ONE
        };
        for time in 0..times {
            let cut = self.write_until_the_cut(time)?;
            done.faults += 1;
            let story = self.told(&format!("w{time}-"), Some(cut));
            done.calls += story.calls();
            done.acknowledgements += story.acknowledgements();
            self.heard.push(Heard {
                story,
                survives: Survives::Device,
            });
            let at = format!(
                "{}, cut {} of seed {}: cut {time} of a session that began with {}",
                self.cuts.kind.name(),
                done.faults,
                self.cuts.seed,
                self.begun_with
            );
            rested = Some(self.judge_and_recover(rested.as_ref(), time, done, &at));
            if !done.broken.is_empty() || done.faults >= self.cuts.cuts {
                break;
            }
        }
        if !done.broken.is_empty() && self.cuts.mutant.is_none() {
            self.keep();
        }
        let _left_for_the_next_image = std::fs::remove_dir_all(&self.sessions);
        Ok(())
    }

    /// Writers work; the filesystem is shut down; they end; it is mounted again. When the shutdown was asked for,
    /// and when it was over.
    fn write_until_the_cut(&mut self, time: u64) -> Result<(u64, u64), String> {
        let mut writers: Vec<Child> = (0..WRITERS)
            .map(|slot| {
                let name = format!("w{time}-{slot}");
                let seed = self.numbers.draw();
                let mut command = self.worker(&name, seed, &[]);
                command.stdout(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let mut line = String::new();
        let first = writers[0].stdout.as_mut().unwrap();
        BufReader::new(first).read_line(&mut line).unwrap();
        std::thread::sleep(self.moment());
        let began = now();
        let cut = lose_power(&self.mounted.path());
        let over = now();
        for writer in &mut writers {
            writer.kill().unwrap();
            writer.wait().unwrap();
        }
        cut.map_err(|error| format!("the filesystem cannot be shut down: {error}"))?;
        self.mounted.again()?;
        Ok((began, over))
    }

    fn moment(&mut self) -> Duration {
        let (least, most) = LIFE_US;
        let share = self.numbers.below(1 << 20) as f64 / f64::from(1 << 20);
        Duration::from_micros((least * ((most / least).ln() * share).exp()) as u64)
    }

    /// The bytes as the cut left them; then a writer comes, and the bytes after it.
    fn judge_and_recover(
        &mut self,
        rested: Option<&Image>,
        time: u64,
        done: &mut Done,
        at: &str,
    ) -> Image {
        let raw = Image::read(&self.sessions, "s");
        done.torn += u64::from(raw.ends_torn());
        self.judge(rested, &raw, None, done, &format!("raw, {at}"));
        let name = format!("r{time}-");
        let finished = self
            .worker(&name, self.numbers.clone().draw(), &["--recover"])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&finished.stderr).into_owned();
        if !finished.status.success() || !errors.is_empty() {
            done.found([format!("recovery: {:?} {errors}", finished.status)], at);
        }
        self.settle();
        let after = Image::read(&self.sessions, "s");
        let events = self.events(&name, None);
        let reported = events
            .iter()
            .rev()
            .find_map(|event| event["reopened"].as_u64());
        if reported.is_none() || !events.iter().any(|event| event["ack"].is_string()) {
            let what = "recovery: it could not be opened, or not be written";
            done.found([what.to_owned()], at);
        }
        self.heard.push(Heard {
            story: Story::of(events),
            survives: Survives::Process,
        });
        let reported = reported.and_then(|number| usize::try_from(number).ok());
        self.judge(
            Some(&raw),
            &after,
            Some(reported.unwrap_or(0)),
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
        let told: Vec<Told<'_>> = self
            .heard
            .iter()
            .map(|heard| Told {
                story: &heard.story,
                until: u64::MAX,
                survives: heard.survives,
            })
            .collect();
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

    fn told(&self, prefix: &str, cut: Option<(u64, u64)>) -> Story {
        Story::of(self.events(prefix, cut))
    }

    /// What the writers of such names told. Of what they heard while the power went nothing is known, but that they had begun.
    fn events(&self, prefix: &str, cut: Option<(u64, u64)>) -> Vec<Value> {
        let mut events = Vec::new();
        for entry in std::fs::read_dir(self.outside.path()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                events.extend(Story::events(&std::fs::read(entry.path()).unwrap()));
            }
        }
        let begins = |event: &Value| {
            ["call", "accept", "fork"]
                .iter()
                .any(|name| event[name].is_string())
        };
        if let Some((began, over)) = cut {
            let at = |event: &Value| event["t"].as_u64().unwrap_or(u64::MAX);
            events.retain(|event| at(event) < began || (begins(event) && at(event) < over));
        }
        events
    }

    fn worker(&self, name: &str, seed: u64, more: &[&str]) -> std::process::Command {
        let story = self.outside.path().join(name);
        worker(&self.sessions, &story, name, seed, self.cuts.mutant, more)
    }

    /// For whoever has to find out why.
    fn keep(&self) {
        let kept = tempfile::tempdir().unwrap().keep();
        let copied = |from: PathBuf, name: &str| {
            let _missing = std::fs::copy(from, kept.join(name));
        };
        copied(self.sessions.join("s.jsonl"), "s.jsonl");
        for entry in std::fs::read_dir(self.outside.path()).unwrap() {
            let entry = entry.unwrap();
            copied(entry.path(), &entry.file_name().to_string_lossy());
        }
        super::figures::say(&format!("files in {}", kept.display()));
    }
}
