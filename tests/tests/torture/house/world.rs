//! What stands in a home, read as plain JSON lines: none of the product's code. Two homes that went the same way look the same, though
//! the ids and times that were drawn on the way differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Longer lines are shown by their beginning.
const SHORT: usize = 240;

/// The lines of each transcript and of the receipts, by their place in the home.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) files: BTreeMap<String, Lines>,
}

/// What stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) whole: Vec<String>,
    pub(crate) torn: bool,
}

/// Lines that were there before, byte for byte; they are to stay so.
pub(crate) type Known = BTreeSet<String>;

impl World {
    /// What stands below `data`. Lines that are not known lose what was drawn.
    pub(crate) fn read(data: &Path, known: &Known) -> Self {
        let mut files = BTreeMap::new();
        for path in every(data) {
            let below = path.strip_prefix(data).unwrap().display().to_string();
            if path.is_dir() || !is_told(&below) {
                continue;
            }
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            let place = without_drawn(&below);
            // Two of one name are two.
            let number = (1..).find(|number| !files.contains_key(&format!("{place} {number}")));
            files.insert(
                format!("{place} {}", number.unwrap_or(0)),
                lines(&text, known, data),
            );
        }
        Self { files }
    }

    /// Every line of it.
    pub(crate) fn known(data: &Path) -> Known {
        let told = every(data).into_iter().filter(|path| {
            path.is_file() && is_told(&path.strip_prefix(data).unwrap().display().to_string())
        });
        let texts = told.map(|path| fs::read_to_string(path).unwrap());
        texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// Whether the same stands here and there; receipts in whatever order.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let sorted = |world: &Self| {
            let mut world = world.clone();
            for (place, lines) in &mut world.files {
                if place.starts_with("removed.jsonl") {
                    lines.whole.sort();
                }
            }
            world
        };
        sorted(self) == sorted(other)
    }

    /// What stands here and not there, or otherwise.
    pub(crate) fn unlike(&self, other: &Self) -> String {
        let places = self.files.keys().chain(other.files.keys());
        let places: BTreeSet<&String> = places.collect();
        let unlike = places
            .into_iter()
            .filter(|place| self.at(place) != other.at(place));
        let said = unlike.map(|place| {
            let [here, there] = [self.at(place), other.at(place)];
            let only = |one: &Lines, two: &Lines| {
                let lines = one.whole.iter().filter(|line| !two.whole.contains(line));
                lines.cloned().collect::<Vec<_>>().join(" | ")
            };
            let [mine, theirs] = [only(&here, &there), only(&there, &here)];
            format!(
                "{place}: {} lines for {}; only here: {mine}; only there: {theirs}",
                here.whole.len(),
                there.whole.len()
            )
        });
        said.collect::<Vec<_>>().join("; ")
    }

    pub(crate) fn at(&self, place: &str) -> Lines {
        self.files.get(place).cloned().unwrap_or_default()
    }
}

/// Every file and folder below.
pub(crate) fn every(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(every(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

/// Transcripts at their place and in the archive, and the receipts of removals.
fn is_told(below: &str) -> bool {
    let hidden = below.split('/').any(|part| part.starts_with('.'));
    below.ends_with(".jsonl") && !hidden
}

fn lines(text: &str, known: &Known, data: &Path) -> Lines {
    let torn = !text.is_empty() && !text.ends_with('\n');
    let mut all: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    if torn {
        all.pop();
    }
    // `home/.local/share/latchwork` stands in the folder of the test.
    let home = data.ancestors().nth(4).unwrap().display().to_string();
    let whole = all.into_iter().map(|line| {
        if known.contains(line) {
            return short(line);
        }
        match serde_json::from_str::<Value>(line) {
            Ok(mut value) => {
                forget(&mut value, &home);
                short(&value.to_string())
            }
            Err(error) => format!("NO JSON ({error}): {}", short(line)),
        }
    });
    Lines {
        whole: whole.collect(),
        torn,
    }
}

/// A long line by its beginning and a sum of it, so that what differs can be shown.
fn short(line: &str) -> String {
    if line.len() <= SHORT {
        return line.to_owned();
    }
    let mut sum = DefaultHasher::new();
    line.hash(&mut sum);
    let head: String = line.chars().take(SHORT).collect();
    format!("{head}... {} bytes, {:x}", line.len(), sum.finish())
}

/// Ids, times and places are drawn anew each time.
fn forget(value: &mut Value, home: &str) {
    match value {
        Value::String(text) if is_drawn(text) => "*".clone_into(text),
        Value::String(text) => *text = without_drawn(&text.replace(home, "HOME")),
        Value::Number(number) if number.as_f64().is_some_and(|number| number > 1e9) => {
            *value = Value::from(0);
        }
        Value::Array(all) => all.iter_mut().for_each(|one| forget(one, home)),
        Value::Object(all) if all.contains_key("sha256") && all.contains_key("from") => {
            // A removal that was cut off and is ended by another run does not say any more whether it was of an archived copy.
            all.remove("from");
            // What may be in the search index or out of line still, where a call failed, is told truly.
            all.remove("searchIndex");
            all.remove("blobsKept");
            all.values_mut().for_each(|one| forget(one, home));
        }
        Value::Object(all) => all.values_mut().for_each(|one| forget(one, home)),
        _ => {}
    }
}

fn is_drawn(text: &str) -> bool {
    let is_hex = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    let is_time = text.len() >= 20
        && text.ends_with('Z')
        && text.bytes().take(4).all(|byte| byte.is_ascii_digit());
    (matches!(text.len(), 8 | 12 | 16 | 24 | 32 | 36 | 64) && is_hex(text)) || is_time
}

/// `main@20260101t000000z-0a1b2c` is `main@*`.
fn without_drawn(text: &str) -> String {
    let parts = text.split('/').map(|part| match part.split_once('@') {
        Some((name, _)) => format!("{name}@*"),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// What others may read of it, but the lock files of the peers, which programs of another user may look at.
pub(crate) fn too_open(data: &Path) -> Vec<String> {
    let all = every(data).into_iter().filter_map(|path| {
        let mode = fs::symlink_metadata(&path).ok()?.permissions().mode() & 0o777;
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        (mode != wanted && !is_peers_lock(&path))
            .then(|| format!("{} has mode {mode:o}", path.display()))
    });
    all.collect()
}

/// By its name, or by what it says under the name that it had before that one.
fn is_peers_lock(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let says =
        || fs::read(path).is_ok_and(|text| text.is_empty() || text.starts_with(b"{\n  \"pid\""));
    name.ends_with(".jsonl.lock") || (name.ends_with(".tmp") && says())
}

/// How many temporary files were left.
pub(crate) fn temporaries(data: &Path) -> usize {
    let all = every(data);
    let names = all.iter().filter_map(|path| path.file_name()?.to_str());
    names
        .filter(|name| name.starts_with('.') && name.ends_with(".tmp"))
        .count()
}

/// Where words stand.
pub(crate) fn places_of(data: &Path, words: &str) -> Vec<PathBuf> {
    let has = |path: &PathBuf| {
        fs::read(path)
            .is_ok_and(|bytes| bytes.windows(words.len()).any(|at| at == words.as_bytes()))
    };
    let files = every(data).into_iter().filter(|path| path.is_file());
    files.filter(has).collect()
}
