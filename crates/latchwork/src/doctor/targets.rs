//! Which folders of sessions are looked at.
//!
//! Named by a person: our home, a folder of sessions, an OpenClaw home (every `agents/*/sessions` in it), or one transcript.
//! Nothing is made. Deliberately absent: looking for homes that nobody named.

use std::path::{Path, PathBuf};

use latchwork_sys::{Disk, FileKind};

/// A folder that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The folder of sessions.
    pub dir: PathBuf,
    /// Only this session, by the stem of its transcript's name; `None` for all.
    pub only: Option<String>,
    /// Whether the folder is ours alone, so that nobody else is to look into it.
    pub is_ours: bool,
}

impl Target {
    /// The folder of sessions of a home of ours.
    #[must_use]
    pub fn home(home: &Path) -> Self {
        Self {
            dir: crate::home::sessions_in(home),
            only: None,
            is_ours: true,
        }
    }

    /// What a person names by a path: a transcript, a home, or a folder of sessions. `home` is ours, where there is one.
    #[must_use]
    pub fn named(disk: &dyn Disk, path: &Path, home: Option<&Path>) -> Vec<Self> {
        let is_folder = |path: &Path| {
            let facts = disk.facts_behind(path);
            facts.is_ok_and(|facts| facts.kind == FileKind::Directory)
        };
        let ours = home.map(crate::home::sessions_in);
        let of = |dir: PathBuf| Self {
            is_ours: ours.as_ref() == Some(&dir),
            only: None,
            dir,
        };
        if !is_folder(path)
            && let Some(stem) = path.to_str().and_then(|path| path.strip_suffix(".jsonl"))
        {
            let stem = Path::new(stem).file_name().and_then(|stem| stem.to_str());
            let dir = match path.parent() {
                Some(dir) if dir != Path::new("") => dir.to_path_buf(),
                _ => PathBuf::from("."),
            };
            return vec![Self {
                only: stem.map(str::to_owned),
                ..of(dir)
            }];
        }
        let agents = path.join("agents");
        let mut inside: Vec<Self> = disk
            .list(&agents)
            .unwrap_or_default()
            .into_iter()
            .map(|agent| agents.join(agent).join("sessions"))
            .chain([path.join("sessions")])
            .filter(|dir| is_folder(dir))
            .map(of)
            .collect();
        inside.sort_by(|a, b| a.dir.cmp(&b.dir));
        if inside.is_empty() {
            inside.push(of(path.to_path_buf()));
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::Target;
    use latchwork_sys::RealDisk;
    use std::path::Path;

    #[test]
    fn a_home_an_openclaw_home_a_folder_and_a_transcript_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let named = |path: &Path| {
            let found = Target::named(&RealDisk, path, Some(&dir.path().join("ours")));
            found
                .into_iter()
                .map(|target| {
                    let dir = target
                        .dir
                        .strip_prefix(dir.path())
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned();
                    (dir, target.only, target.is_ours)
                })
                .collect::<Vec<_>>()
        };
        for made in [
            "ours/sessions",
            "claw/agents/b/sessions",
            "claw/agents/a/sessions",
            "claw/agents/empty",
            "plain",
        ] {
            std::fs::create_dir_all(dir.path().join(made)).unwrap();
        }
        let plain = |dir: &str| (dir.to_owned(), None, false);
        assert_eq!(
            named(&dir.path().join("ours")),
            [("ours/sessions".to_owned(), None, true)]
        );
        assert_eq!(
            named(&dir.path().join("claw")),
            [
                plain("claw/agents/a/sessions"),
                plain("claw/agents/b/sessions")
            ]
        );
        assert_eq!(named(&dir.path().join("plain")), [plain("plain")]);
        assert_eq!(
            named(&dir.path().join("plain/x y.jsonl")),
            [("plain".to_owned(), Some("x y".to_owned()), false)]
        );
    }
}
