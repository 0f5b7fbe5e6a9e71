//! The files of the project as git sees them: tracked, and untracked but not ignored. Read once, then only looked at,
//! so that every check sees the same bytes and a unit test can hand in its own.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use crate::{
    error::{Error, Result},
    run,
};

/// Paths (relative to the root, with `/`) and what is in them; None for what is not UTF-8 or not a plain file.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads everything that git lists below `root`. A file that is listed but deleted on disk is left out.
    ///
    /// # Errors
    /// `Start` or `Tool` if git does not answer, `File` if a file cannot be read.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let mut git = Command::new("git");
        git.current_dir(root)
            .args(["ls-files", "-z", "-co", "--exclude-standard"]);
        let listed = run::capture(&mut git)?;
        let mut files = BTreeMap::new();
        for name in listed
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty())
        {
            let name = String::from_utf8_lossy(name).into_owned();
            let path = root.join(&name);
            let Ok(kind) = fs::symlink_metadata(&path) else {
                continue;
            };
            let text = if kind.is_file() {
                let bytes = fs::read(&path).map_err(|source| Error::File {
                    doing: "read",
                    path,
                    source,
                })?;
                String::from_utf8(bytes).ok()
            } else {
                None
            };
            files.insert(name, text);
        }
        Ok(Self { files })
    }

    /// Whether there is a file of that name, or a directory with files.
    pub(crate) fn has(&self, path: &str) -> bool {
        let below = format!("{path}/");
        let first = self.files.range(below.clone()..).next();
        path.is_empty()
            || self.files.contains_key(path)
            || first.is_some_and(|(name, _)| name.starts_with(&below))
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// All text files.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// All text files whose name ends so.
    pub(crate) fn ending(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(suffix))
    }
}

#[cfg(test)]
impl Tree {
    /// A tree made of literals.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())));
        Self {
            files: files.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_there_when_a_file_is_in_it() {
        let tree = Tree::of(&[("docs-old.md", ""), ("docs/a.md", "")]);
        assert!(tree.has("docs") && tree.has("docs/a.md") && tree.has(""));
        assert!(!tree.has("doc") && !tree.has("docs/b.md"));
    }

    #[test]
    fn ignored_and_deleted_files_are_left_out_and_untracked_ones_are_seen() {
        let dir = tempfile::tempdir().expect("a directory");
        let git = |args: &[&str]| {
            let done = Command::new("git")
                .current_dir(dir.path())
                .args(args)
                .status()
                .expect("git runs");
            assert!(done.success());
        };
        git(&["init", "-q"]);
        for (name, text) in [
            (".gitignore", "out\n"),
            ("out", "x"),
            ("gone", "x"),
            ("seen", "x"),
        ] {
            fs::write(dir.path().join(name), text).expect("written");
        }
        fs::write(dir.path().join("binary"), [0xff, 0xfe]).expect("written");
        git(&["add", "gone"]);
        fs::remove_file(dir.path().join("gone")).expect("removed");
        let tree = Tree::load(dir.path()).expect("loaded");
        assert_eq!(tree.text("seen"), Some("x"));
        assert!(!tree.has("out") && !tree.has("gone"));
        assert!(tree.has("binary") && tree.text("binary").is_none());
    }
}
