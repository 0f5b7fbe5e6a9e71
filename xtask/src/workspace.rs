//! The workspace as `cargo metadata` sees it: packages, their targets, who depends on whom. Nothing is guessed from
//! directory names, and nothing outside the workspace is looked at.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    error::{Error, Result},
    run,
};

/// All members of the workspace, by name.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Its directory, relative to the root, with `/`.
    pub(crate) dir: String,
    pub(crate) published: bool,
    pub(crate) targets: Vec<Target>,
    pub(crate) dependencies: Vec<Dependency>,
    /// `[package.metadata.latchwork] test-features`: features that its tests need.
    pub(crate) test_features: Vec<String>,
    /// `[package.metadata.latchwork] benches`: names of benches or examples that measure something.
    pub(crate) benches: Vec<String>,
}

/// A library, program, test, example or bench.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Its root file, relative to the workspace root.
    pub(crate) source: String,
}

/// What a target is, as far as the tasks care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Library,
    Example,
    Bench,
    Other,
}

/// A dependency on another package, ours or not.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) dev: bool,
}

impl Workspace {
    /// Asks cargo about the workspace around `dir` (none: the current directory).
    ///
    /// # Errors
    /// `Start` or `Tool` if cargo does not answer, `Metadata` if its answer is not as expected.
    pub(crate) fn load(dir: Option<&Path>) -> Result<Self> {
        let args = ["metadata", "--format-version", "1", "--no-deps"];
        let answer = run::capture(&mut run::cargo(dir.unwrap_or_else(|| Path::new(".")), args))?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|e| Error::Metadata {
            what: e.to_string(),
        })?;
        Self::parse(&answer)
    }

    fn parse(answer: &Value) -> Result<Self> {
        let root = PathBuf::from(text(answer, "workspace_root")?);
        let packages = list(answer, "packages")
            .iter()
            .map(|package| Package::parse(&root, package));
        let mut packages = packages.collect::<Result<Vec<_>>>()?;
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { root, packages })
    }

    /// Finds a package by its name or by its name without `latchwork-`.
    ///
    /// # Errors
    /// `NoPackage`, which lists those that there are.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        let found = self.packages.iter().find(|p| p.name == name).or_else(|| {
            self.packages.iter().find(|p| {
                p.name
                    .strip_prefix("latchwork-")
                    .is_some_and(|short| short == name)
            })
        });
        found.ok_or_else(|| {
            let known = self
                .packages
                .iter()
                .map(|p| p.name.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            Error::NoPackage {
                name: name.to_owned(),
                known,
            }
        })
    }
}

impl Package {
    fn parse(root: &Path, package: &Value) -> Result<Self> {
        let manifest = text(package, "manifest_path")?;
        let ours = &package["metadata"]["latchwork"];
        Ok(Self {
            name: text(package, "name")?,
            description: package["description"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            dir: Path::new(&manifest)
                .parent()
                .map_or_else(String::new, |dir| relative(root, dir)),
            published: package["publish"].is_null(),
            targets: list(package, "targets")
                .iter()
                .map(|t| Target::parse(root, t))
                .collect::<Result<_>>()?,
            dependencies: list(package, "dependencies")
                .iter()
                .map(Dependency::parse)
                .collect::<Result<_>>()?,
            test_features: names(ours, "test-features"),
            benches: names(ours, "benches"),
        })
    }

    /// Whether it has a library, and with it doc tests.
    pub(crate) fn has_library(&self) -> bool {
        self.targets
            .iter()
            .any(|target| target.kind == Kind::Library)
    }

    /// A path inside the package, relative to the workspace root.
    pub(crate) fn path(&self, inside: &str) -> String {
        if self.dir.is_empty() {
            inside.to_owned()
        } else {
            format!("{}/{inside}", self.dir)
        }
    }
}

impl Target {
    fn parse(root: &Path, target: &Value) -> Result<Self> {
        let kinds = names(target, "kind");
        let is = |wanted: &[&str]| kinds.iter().any(|kind| wanted.contains(&kind.as_str()));
        let kind = match () {
            () if is(&["lib", "rlib", "proc-macro"]) => Kind::Library,
            () if is(&["example"]) => Kind::Example,
            () if is(&["bench"]) => Kind::Bench,
            () => Kind::Other,
        };
        Ok(Self {
            name: text(target, "name")?,
            kind,
            source: relative(root, Path::new(&text(target, "src_path")?)),
        })
    }
}

impl Dependency {
    fn parse(dependency: &Value) -> Result<Self> {
        Ok(Self {
            name: text(dependency, "name")?,
            dev: dependency["kind"].as_str() == Some("dev"),
        })
    }
}

fn text(value: &Value, key: &str) -> Result<String> {
    let found = value[key].as_str().map(str::to_owned);
    found.ok_or_else(|| Error::Metadata {
        what: format!("`{key}` is not a string"),
    })
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn names(value: &Value, key: &str) -> Vec<String> {
    list(value, key)
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A workspace for the tests of other rooms: packages with their normal and their dev dependencies.
    pub(crate) fn workspace(packages: &[(&str, &[&str], &[&str])]) -> Workspace {
        let packages = packages.iter().map(|(name, normal, dev)| {
            let short = name.strip_prefix("latchwork-").unwrap_or(name);
            let normal = normal.iter().map(|name| json!({ "name": name, "kind": null }));
            let dev = dev.iter().map(|name| json!({ "name": name, "kind": "dev" }));
            json!({
                "name": name,
                "description": format!("What {short} does"),
                "manifest_path": format!("/w/crates/{short}/Cargo.toml"),
                "publish": null,
                "dependencies": normal.chain(dev).collect::<Vec<_>>(),
                "targets": [{ "name": short, "kind": ["lib"], "src_path": format!("/w/crates/{short}/src/lib.rs") }],
            })
        });
        let answer = json!({ "workspace_root": "/w", "packages": packages.collect::<Vec<_>>() });
        Workspace::parse(&answer).expect("well-formed")
    }

    #[test]
    fn a_package_is_found_by_its_full_and_by_its_short_name() {
        let workspace = workspace(&[("latchwork", &[], &[]), ("latchwork-lock", &[], &[])]);
        assert_eq!(
            workspace.package("lock").expect("short").name,
            "latchwork-lock"
        );
        assert_eq!(
            workspace.package("latchwork-lock").expect("full").dir,
            "crates/lock"
        );
        assert_eq!(
            workspace.package("latchwork").expect("facade").name,
            "latchwork"
        );
    }

    #[test]
    fn an_unknown_package_is_answered_with_the_known_ones() {
        let workspace = workspace(&[("latchwork-lock", &[], &[])]);
        let error = workspace.package("lcok").expect_err("unknown").to_string();
        assert_eq!(error, "no package `lcok` here; there are: latchwork-lock");
    }

    #[test]
    fn metadata_of_ours_names_test_features_and_benches() {
        let package = json!({
            "name": "a", "manifest_path": "/w/a/Cargo.toml", "publish": [],
            "metadata": { "latchwork": { "test-features": ["conformance"], "benches": ["open"] } },
        });
        let package = Package::parse(Path::new("/w"), &package).expect("well-formed");
        assert_eq!(package.test_features, ["conformance"]);
        assert_eq!(package.benches, ["open"]);
        assert!(
            !package.published,
            "an empty list of registries means publish = false"
        );
        assert!(!package.has_library());
    }

    #[test]
    fn an_answer_without_a_root_is_an_error_that_says_so() {
        let error = Workspace::parse(&json!({ "packages": [] }))
            .expect_err("no root")
            .to_string();
        assert!(
            error.contains("`workspace_root` is not a string"),
            "{error}"
        );
    }
}
