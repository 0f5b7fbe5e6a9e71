//! A finding, what became of it, and all of them together.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::catalogue::{Severity, Sort};

/// The version of the shape of [`Finding::as_json`] and [`Report::summary`].
pub const SCHEMA: u32 = 1;

/// Something that was found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub sort: &'static Sort,
    /// What was seen, in a sentence. Names of others stand in it with their control characters escaped.
    pub what: String,
    /// Where.
    pub path: Option<PathBuf>,
    /// The session whose it is: the stem of its transcript's name.
    pub session: Option<String>,
    /// What was seen, for programs.
    pub facts: Map<String, Value>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was told, and nothing was tried.
    Told,
    /// It is put in order; how.
    Fixed(String),
    /// It was left alone; why.
    Skipped(String),
    /// It was tried, and did not go well; why.
    Failed(String),
}

impl Finding {
    pub(super) fn new(sort: &'static Sort, what: impl Into<String>) -> Self {
        Self {
            sort,
            what: what.into(),
            path: None,
            session: None,
            facts: Map::new(),
            outcome: Outcome::Told,
        }
    }

    pub(super) fn at(mut self, path: &Path) -> Self {
        self.path = Some(path.to_path_buf());
        self
    }

    pub(super) fn of(mut self, session: &str) -> Self {
        self.session = Some(session.to_owned());
        self
    }

    pub(super) fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// Whether something is wrong that was not put in order.
    #[must_use]
    pub fn remains(&self) -> bool {
        self.sort.severity > Severity::Note && !matches!(self.outcome, Outcome::Fixed(_))
    }

    /// The finding as one JSON object; `docs/doctor.md` describes it. What is not Unicode in a path is replaced in `path` and
    /// stands in `pathBytes` in hexadecimal digits.
    #[must_use]
    pub fn as_json(&self) -> Value {
        let (state, detail) = match &self.outcome {
            Outcome::Told => ("told", None),
            Outcome::Fixed(how) => ("fixed", Some(how)),
            Outcome::Skipped(why) => ("skipped", Some(why)),
            Outcome::Failed(why) => ("failed", Some(why)),
        };
        let mut json = json!({
            "type": "finding",
            "id": self.sort.id,
            "severity": self.sort.severity.name(),
            "what": self.what,
            "path": self.path.as_deref().map(Path::to_string_lossy),
            "session": self.session,
            "why": self.sort.why,
            "fix": self.sort.fix,
            "outcome": state,
            "detail": detail,
            "facts": self.facts,
        });
        if let (Some(path), Some(fields)) = (&self.path, json.as_object_mut())
            && path.to_str().is_none()
        {
            fields.insert("pathBytes".to_owned(), hex(path).into());
        }
        json
    }
}

fn hex(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut digits = String::new();
    for byte in std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Everything that was found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The findings: settings first, then each folder, its sessions by name.
    pub findings: Vec<Finding>,
    /// The folders that were looked at.
    pub folders: Vec<PathBuf>,
    /// How many sessions there are in them.
    pub sessions: usize,
    /// It was interrupted: there may be more.
    pub interrupted: bool,
}

impl Report {
    /// Whether something is wrong that was not put in order.
    #[must_use]
    pub fn remains(&self) -> bool {
        self.findings.iter().any(Finding::remains)
    }

    /// How many findings there are of a severity, fixed or not.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let same = |finding: &&Finding| finding.sort.severity == severity;
        self.findings.iter().filter(same).count()
    }

    /// How many were put in order.
    #[must_use]
    pub fn fixed(&self) -> usize {
        let fixed = |finding: &&Finding| matches!(finding.outcome, Outcome::Fixed(_));
        self.findings.iter().filter(fixed).count()
    }

    /// The numbers as one JSON object; `docs/doctor.md` describes it.
    #[must_use]
    pub fn summary(&self) -> Value {
        let folders = self.folders.iter().map(|folder| folder.to_string_lossy());
        json!({
            "type": "summary",
            "schema": SCHEMA,
            "folders": folders.collect::<Vec<_>>(),
            "sessions": self.sessions,
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "notes": self.count(Severity::Note),
            "fixed": self.fixed(),
            "remaining": self.findings.iter().filter(|finding| finding.remains()).count(),
            "interrupted": self.interrupted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::catalogue::{FS_KIND, LOCK_DEAD};

    #[test]
    fn a_note_never_remains_and_a_warning_remains_until_it_is_fixed() {
        assert!(!Finding::new(&FS_KIND, "x").remains());
        let mut dead = Finding::new(&LOCK_DEAD, "x");
        assert!(dead.remains());
        dead.outcome = Outcome::Skipped("busy".to_owned());
        assert!(dead.remains());
        dead.outcome = Outcome::Fixed("gone".to_owned());
        assert!(!dead.remains());
    }

    #[test]
    fn a_path_that_is_not_unicode_is_told_by_its_bytes() {
        let path =
            Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"/a\xff"));
        let json = Finding::new(&LOCK_DEAD, "x").at(path).as_json();
        assert_eq!(json["pathBytes"], "2f61ff");
        assert!(
            Finding::new(&LOCK_DEAD, "x")
                .at(Path::new("/a"))
                .as_json()
                .get("pathBytes")
                .is_none()
        );
    }
}
