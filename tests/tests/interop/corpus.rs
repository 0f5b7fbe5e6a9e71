//! The sessions of `tests/corpus`, each with what a package computed for it when the corpus was made.

use std::path::{Path, PathBuf};

use latchwork_testkit::peers::PiVersion;
use serde_json::Value;

/// One recorded session.
pub(crate) struct Recorded {
    pub(crate) path: PathBuf,
    /// What the package computed: the golden file without the name of the package.
    pub(crate) expected: Value,
}

impl Recorded {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("a recorded session")
    }

    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// The sessions that this release of pi wrote.
pub(crate) fn goldens_of(version: PiVersion) -> Vec<Recorded> {
    let prefix = format!("pi-{}-", version.number());
    let found = read("golden", &prefix, version);
    assert_eq!(found.len(), 20, "goldens of {}", version.number());
    found
}

/// Conversations in the formats of old versions, 1 and 2.
pub(crate) fn legacy() -> Vec<Recorded> {
    let found = read("legacy", "v", PiVersion::V0_87_1);
    assert_eq!(found.len(), 12, "sessions of old versions");
    found
}

fn read(corpus: &str, prefix: &str, computed_by: PiVersion) -> Vec<Recorded> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(corpus);
    let mut sessions: Vec<PathBuf> = std::fs::read_dir(&dir)
        .expect("the corpus")
        .map(|entry| entry.expect("one of its files").path())
        .filter(|path| path.extension().is_some_and(|it| it == "jsonl"))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        })
        .collect();
    sessions.sort();
    let recorded = |path: PathBuf| {
        let text = std::fs::read(path.with_extension("expected.json")).expect("its expectation");
        let mut expected: Value = serde_json::from_slice(&text).expect("JSON");
        let package = expected
            .as_object_mut()
            .and_then(|fields| fields.shift_remove("package"))
            .expect("the name of its package");
        assert!(
            package
                .as_str()
                .is_some_and(|name| name.ends_with(computed_by.number())),
            "{package} computed {}",
            path.display()
        );
        Recorded { path, expected }
    };
    sessions.into_iter().map(recorded).collect()
}
