//! What an operation may have left when it was cut off, and what must be there once it was said again.

use super::operations::{Kind, Operation};
use super::stage::{Came, Stage};
use super::world::{self, Known, Lines, World};

/// What an operation does when nothing disturbs it.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) prepared: Stage,
    pub(crate) known: Known,
    old: World,
    /// Said once, and said twice.
    new: [After; 2],
}

/// How it looks when the operation was done.
#[derive(Debug, PartialEq, Eq)]
struct After {
    world: World,
    listed: Vec<String>,
    found: Vec<String>,
    code: Option<i32>,
}

impl Reference {
    pub(crate) fn of(operation: &Operation) -> Self {
        let prepared = Stage::prepared(operation);
        let known = World::known(&prepared.data());
        let old = World::read(&prepared.data(), &known);
        let stage = prepared.copied();
        let once = After::said(&stage, operation, &known).unwrap();
        assert_eq!(
            once.code,
            Some(0),
            "{} does what it is told",
            operation.name
        );
        let twice = After::said(&stage, operation, &known).unwrap();
        Self {
            prepared,
            known,
            old,
            new: [once, twice],
        }
    }

    /// What is wrong with what was left, before anybody comes.
    pub(crate) fn raw(&self, operation: &Operation, stage: &Stage, came: &Came) -> Vec<String> {
        let now = World::read(&stage.data(), &self.known);
        let mut wrong = world::too_open(&stage.data());
        wrong.extend(self.between(operation.kind, &now));
        // One that was killed after its last word had said so.
        let code = came.finished.code();
        let is_done =
            code == Some(0) || (code == Some(137) && came.finished.stdout.ends_with('\n'));
        if is_done && operation.answers_when_done && now != self.new[0].world {
            wrong.push(format!(
                "it said that it was done, and is not: {}",
                now.unlike(&self.new[0].world)
            ));
        }
        wrong
    }

    /// Says it again, and what is wrong then.
    pub(crate) fn again(&self, operation: &Operation, stage: &Stage) -> Vec<String> {
        let mut wrong = Vec::new();
        match After::said(stage, operation, &self.known) {
            Err(why) => wrong.push(why),
            Ok(after) => {
                let code = after.code;
                let same = |new: &After| {
                    after.world.is(&new.world)
                        && new.listed == after.listed
                        && new.found == after.found
                };
                // A session whose turn could not be given back counts as one that lives, so a cleanup may take another one in its place.
                let is_another =
                    operation.name == "sessions cleanup" && self.homeless(&after.world).is_empty();
                if !is_another && !self.new.iter().any(same) {
                    let (listed, found) = (&after.listed, &after.found);
                    let unlike = after.world.unlike(&self.new[0].world);
                    wrong.push(format!(
                        "said again, it is neither done once nor twice: {listed:?}, {found:?}; {unlike}"
                    ));
                }
                if self.new.iter().all(|new| new.code != code) {
                    wrong.push(format!("said again, it ended with {code:?}"));
                }
            }
        }
        if let Some(words) = operation.gone {
            let left = world::places_of(&stage.data(), words);
            if !left.is_empty() {
                wrong.push(format!("said again, {words:?} stands in {left:?}"));
            }
        }
        wrong.extend(world::too_open(&stage.data()));
        wrong
    }

    /// Each file between the old and the new.
    fn between(&self, kind: Kind, now: &World) -> Vec<String> {
        let new = &self.new[0].world;
        let mut wrong = Vec::new();
        let places = [&self.old, new, now]
            .into_iter()
            .flat_map(|world| world.files.keys());
        let places: std::collections::BTreeSet<&String> = places.collect();
        for place in places {
            let (old, new, now) = (self.old.at(place), new.at(place), now.at(place));
            let well = match kind {
                _ if old == new => now == old,
                // Receipts are written line by line, in the order in which sessions go.
                _ if place.starts_with("removed.jsonl") => {
                    now.whole.iter().all(|line| new.whole.contains(line))
                }
                Kind::Migrates => {
                    now == old
                        || (grown(&Lines::default(), &now, &new)
                            && now.whole.len() + 1 >= new.whole.len())
                }
                Kind::Anew | Kind::Moves | Kind::Goes => now == old || now == new,
                Kind::Grows => grown(&old, &now, &new),
                Kind::Reads => now == old,
            };
            if !well {
                wrong.push(format!(
                    "{place} is neither old nor new nor between: {now:?}"
                ));
            }
        }
        if kind == Kind::Moves {
            wrong.extend(self.homeless(now));
        }
        wrong
    }

    /// Transcripts that are not whole in exactly one place.
    fn homeless(&self, now: &World) -> Vec<String> {
        let wrong = self.old.files.values().filter_map(|was| {
            let here = now.files.values().filter(|is| *is == was).count();
            (here != 1).then(|| format!("a transcript is whole in {here} places: {was:?}"))
        });
        wrong.collect()
    }
}

/// Whether `now` is `old` and some of the lines that `new` has more.
fn grown(old: &Lines, now: &Lines, new: &Lines) -> bool {
    let is_prefix = new.whole.starts_with(&now.whole) && now.whole.starts_with(&old.whole);
    is_prefix && (!now.torn || now.whole.len() < new.whole.len())
}

impl After {
    fn said(stage: &Stage, operation: &Operation, known: &Known) -> Result<Self, String> {
        let said = stage.run(operation.words, operation.input);
        if said.signal().is_some() || said.code() == Some(101) {
            return Err(format!("said again, it broke: {said}"));
        }
        Ok(Self {
            world: World::read(&stage.data(), known),
            listed: stage.listed()?,
            found: stage.found()?,
            code: said.code(),
        })
    }
}
