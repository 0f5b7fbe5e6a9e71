//! The golden sessions, held against the packages that wrote them.
//!
//! `tests/corpus/golden` holds what each package computed when the corpus was made; if the driver did not reproduce that,
//! no comparison with it would mean anything.

use std::path::{Path, PathBuf};

use latchwork_testkit::peers::{Peers, PiVersion};
use latchwork_testkit::program::Home;
use serde_json::Value;

/// The golden sessions that this release of pi wrote, each with what it computed for it.
pub(crate) fn goldens_of(version: PiVersion) -> Vec<(PathBuf, Value)> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/golden");
    let prefix = format!("pi-{}-", version.number());
    let mut sessions: Vec<PathBuf> = std::fs::read_dir(&golden)
        .expect("the golden sessions")
        .map(|entry| entry.expect("one of them").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        })
        .collect();
    sessions.sort();
    let with_expected = |path: PathBuf| {
        let text = std::fs::read(path.with_extension("expected.json")).expect("its expectation");
        let mut expected: Value = serde_json::from_slice(&text).expect("JSON");
        let fields = expected.as_object_mut().expect("an object");
        let package = fields
            .shift_remove("package")
            .expect("the name of its package");
        assert!(
            package
                .as_str()
                .is_some_and(|name| name.ends_with(version.number()))
        );
        (path, expected)
    };
    sessions.into_iter().map(with_expected).collect()
}

#[test]
fn every_golden_session_is_computed_by_its_live_package_as_recorded() {
    for version in PiVersion::ALL {
        let Some(mut pi) = Peers::or_skip(|peers| peers.pi(version)) else {
            return;
        };
        let goldens = goldens_of(version);
        assert_eq!(goldens.len(), 20, "goldens of {}", version.number());
        let home = Home::new();
        for (path, expected) in goldens {
            // A copy: opening is not promised to leave the file alone.
            let copy = home.path("session.jsonl");
            std::fs::copy(&path, &copy).expect("a copy");
            pi.open(&copy).expect("pi opens what pi wrote");
            assert_eq!(pi.inspect(), expected, "{}", path.display());
        }
        pi.close();
    }
}
