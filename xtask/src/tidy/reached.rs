//! Forgotten files: a `.rs` file of a package that no target leads to compiles nowhere, and its tests never run.
//!
//! From the root file of each target we follow `mod name;`, `#[path = "..."]` and `include!`. Files that are compiled in
//! another way (cases of compile-fail tests) count if a reached file names them, or their directory with a glob, in a
//! string, relative to the package: `"tests/refused/*.rs"`.

use std::collections::BTreeSet;

use super::{Finding, Subject, rust_text::code_only};
use crate::{error::Result, tree::Tree, workspace::Package};

pub(super) fn look(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    Ok(subject
        .workspace
        .packages
        .iter()
        .flat_map(|package| forgotten(subject.tree, package))
        .collect())
}

fn forgotten(tree: &Tree, package: &Package) -> Vec<Finding> {
    let mut reached = BTreeSet::new();
    for target in &package.targets {
        follow(tree, &target.source, true, &mut reached);
    }
    let reached_texts = reached
        .iter()
        .filter_map(|path| tree.text(path))
        .collect::<Vec<_>>();
    let named = |path: &str| {
        let inside = path.strip_prefix(&package.path("")).unwrap_or(path);
        let dir = inside.rsplit_once('/').map_or("", |(dir, _)| dir);
        let names = [format!("\"{inside}\""), format!("\"{dir}/*.rs\"")];
        reached_texts
            .iter()
            .any(|text| names.iter().any(|name| text.contains(name)))
    };
    let inside = package.path("");
    let own = tree
        .ending(".rs")
        .filter(|(path, _)| path.starts_with(&inside));
    let lost = own.filter(|(path, _)| !reached.contains(*path) && !named(path));
    lost.map(|(path, _)| {
        Finding::new(
            path,
            format!(
                "no target of {} leads here; name it in a `mod`",
                package.name
            ),
        )
    })
    .collect()
}

fn follow(tree: &Tree, path: &str, root: bool, reached: &mut BTreeSet<String>) {
    let Some(text) = tree.text(path) else { return };
    if !reached.insert(path.to_owned()) {
        return;
    }
    let (dir, file) = path.rsplit_once('/').unwrap_or(("", path));
    let children = match file.strip_suffix(".rs") {
        Some(stem) if !root && stem != "mod" => format!("{dir}/{stem}"),
        _ => dir.to_owned(),
    };
    let code = code_only(text);
    let mut moved = None;
    for (line, code) in text.lines().zip(code.lines()) {
        if let Some(path) = quoted_after(line, code, "#[path") {
            moved = Some(format!("{dir}/{path}"));
        } else if let Some(path) = quoted_after(line, code, "include!") {
            follow(tree, &format!("{dir}/{path}"), false, reached);
        } else if let Some(name) = declared_module(code) {
            match moved.take() {
                Some(path) => follow(tree, &path, true, reached),
                None => {
                    follow(tree, &format!("{children}/{name}.rs"), false, reached);
                    follow(tree, &format!("{children}/{name}/mod.rs"), false, reached);
                }
            }
        }
    }
}

/// The string literal on a line whose code has that word.
fn quoted_after<'l>(line: &'l str, code: &str, word: &str) -> Option<&'l str> {
    code.contains(word)
        .then(|| line.split('"').nth(1))
        .flatten()
}

/// `name` of `mod name;`, whatever its visibility.
fn declared_module(code: &str) -> Option<&str> {
    let mut words = code
        .trim()
        .strip_suffix(';')?
        .rsplit_terminator(char::is_whitespace);
    let name = words.next()?;
    (words.next()? == "mod").then(|| name.strip_prefix("r#").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::findings, *};
    use crate::workspace::tests::workspace;

    fn lost(files: &[(&str, &str)]) -> Vec<String> {
        let workspace = workspace(&[("latchwork-a", &[], &[])]);
        let found = findings(look, &workspace, files);
        found
            .into_iter()
            .map(|finding| finding.split(": ").next().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn a_module_that_nobody_names_is_found() {
        let files = [
            (
                "crates/a/src/lib.rs",
                "mod b;\n// mod c;\npub(crate) mod d;",
            ),
            ("crates/a/src/b.rs", "mod e;"),
            ("crates/a/src/b/e.rs", ""),
            ("crates/a/src/c.rs", ""),
            ("crates/a/src/d/mod.rs", "mod f;"),
            ("crates/a/src/d/f.rs", ""),
            ("crates/a/src/e.rs", ""),
        ];
        assert_eq!(lost(&files), ["crates/a/src/c.rs", "crates/a/src/e.rs"]);
    }

    #[test]
    fn a_test_file_in_a_folder_that_no_test_names_is_found() {
        let files = [
            ("crates/a/src/lib.rs", ""),
            ("crates/a/tests/it/open.rs", "#[test] fn a() {}"),
        ];
        assert_eq!(lost(&files), ["crates/a/tests/it/open.rs"]);
    }

    #[test]
    fn files_named_by_path_include_or_glob_are_reached() {
        let lib = "#[cfg(test)]\n#[path = \"odd/b.rs\"]\nmod c;\ninclude!(\"d.rs\");\nconst CASES: &str = \"tests/no/*.rs\";";
        let files = [
            ("crates/a/src/lib.rs", lib),
            ("crates/a/src/odd/b.rs", ""),
            ("crates/a/src/d.rs", ""),
            ("crates/a/tests/no/case.rs", ""),
            ("crates/a/tests/yes/case.rs", ""),
        ];
        assert_eq!(lost(&files), ["crates/a/tests/yes/case.rs"]);
    }
}
