//! The test's side of forced interleavings: hold a process at a named step, and let it go.
//!
//! The product names its steps (`commit:before-write`). With fault points compiled in and `LATCHWORK_STEPS` set, a process
//! that reaches step X appends `X` to `trace.<pid>` in the directory; if `X.hold` exists there, it creates
//! `X.reached.<pid>` and waits until `X.hold` is gone. With `kill:<n>` it kills itself at its n-th step.
//!
//! Give each process a directory of its own where only one of them shall be held. Deliberately not here: the names of
//! steps; they belong to the product.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::deadline::eventually;

/// The variable that carries the value made here to the program.
pub const VARIABLE: &str = "LATCHWORK_STEPS";

/// The value of [`VARIABLE`] that kills a process at its n-th step, counted from 1, and traces nothing.
pub fn kill_at(nth_step: u32) -> String {
    format!("kill:{nth_step}")
}

/// A directory through which the processes that know it are held and traced; gone when dropped.
#[derive(Debug)]
pub struct StepDir {
    dir: TempDir,
}

impl StepDir {
    /// An empty one: nothing is held, everything is traced.
    ///
    /// # Panics
    /// When the temporary directory cannot be made.
    #[expect(
        clippy::new_without_default,
        reason = "it makes a directory; a default should not"
    )]
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("latchwork-steps-")
            .tempdir()
            .expect("a temporary directory");
        Self { dir }
    }

    /// The value of [`VARIABLE`] for a process that shall obey this directory.
    pub fn value(&self) -> String {
        format!("dir:{}", self.dir.path().display())
    }

    /// The same, for a process that shall also die at its n-th step, counted from 1.
    pub fn value_with_kill_at(&self, nth_step: u32) -> String {
        format!("{},{}", self.value(), kill_at(nth_step))
    }

    /// From now on, a process that reaches `step` waits there. Who reached it before is forgotten.
    ///
    /// # Panics
    /// When the step's name cannot be a file's, or the file cannot be written.
    pub fn hold(&self, step: &str) {
        assert!(
            !step.contains('/'),
            "a step's name is a file's name: {step}"
        );
        for pid in self.waiting_at(step) {
            std::fs::remove_file(self.reached_file(step, pid)).expect("a mark that is there");
        }
        std::fs::write(self.hold_file(step), "").expect("a file in the step directory");
    }

    /// Waits until a process is held at `step`, and gives its process id.
    ///
    /// # Panics
    /// When the step is not held, or none comes.
    ///
    /// # Blocking
    /// Until one is there.
    pub fn wait_reached(&self, step: &str) -> u32 {
        self.wait_reached_by_another(step, &[])
    }

    /// Waits until a process that is none of `known` is held at `step`, and gives its process id.
    ///
    /// # Panics
    /// When the step is not held, or none comes.
    ///
    /// # Blocking
    /// Until one is there.
    pub fn wait_reached_by_another(&self, step: &str, known: &[u32]) -> u32 {
        assert!(
            self.hold_file(step).exists(),
            "{step} is not held, so nobody will wait there"
        );
        eventually(&format!("a process at the step {step}"), || {
            self.waiting_at(step)
                .into_iter()
                .find(|pid| !known.contains(pid))
        })
    }

    /// The processes that have been held at `step` since it was last held, in the order of their ids.
    ///
    /// # Panics
    /// When the directory cannot be read.
    pub fn waiting_at(&self, step: &str) -> Vec<u32> {
        self.pids_of_files_named(&format!("{step}.reached."))
    }

    /// Lets go every process that waits at `step`; later ones pass.
    ///
    /// # Panics
    /// When the step was not held.
    pub fn release(&self, step: &str) {
        std::fs::remove_file(self.hold_file(step))
            .unwrap_or_else(|error| panic!("{step} was not held: {error}"));
    }

    /// The steps that each process has reached so far, in its order.
    ///
    /// # Panics
    /// When the directory cannot be read.
    pub fn traces(&self) -> BTreeMap<u32, Vec<String>> {
        self.pids_of_files_named("trace.")
            .into_iter()
            .map(|pid| (pid, self.trace(pid)))
            .collect()
    }

    /// The steps that one process has reached so far, in its order; none for a process that has reached none.
    pub fn trace(&self, pid: u32) -> Vec<String> {
        let text = std::fs::read_to_string(self.file(&format!("trace.{pid}"))).unwrap_or_default();
        // The last line may still be being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    fn pids_of_files_named(&self, prefix: &str) -> Vec<u32> {
        let mut pids: Vec<u32> = std::fs::read_dir(self.dir.path())
            .expect("the step directory")
            .filter_map(|entry| {
                let name = entry.expect("an entry of it").file_name();
                name.to_str()?.strip_prefix(prefix)?.parse().ok()
            })
            .collect();
        pids.sort_unstable();
        pids
    }

    fn hold_file(&self, step: &str) -> PathBuf {
        self.file(&format!("{step}.hold"))
    }

    fn reached_file(&self, step: &str, pid: u32) -> PathBuf {
        self.file(&format!("{step}.reached.{pid}"))
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(self.dir.path()).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Home;

    /// The product's side of the protocol in shell, so that the two sides meet across processes.
    const PRODUCT: &str = r#"
        dir=${LATCHWORK_STEPS#dir:}
        reach() {
            echo "$1" >> "$dir/trace.$$"
            if [ -e "$dir/$1.hold" ]; then
                : > "$dir/$1.reached.$$"
                while [ -e "$dir/$1.hold" ]; do sleep 0.01; done
            fi
        }
        reach commit:before-write; echo wrote; reach commit:after-write
    "#;

    #[test]
    fn a_held_process_waits_at_its_step_until_it_is_released() {
        let (home, steps) = (Home::new(), StepDir::new());
        steps.hold("commit:before-write");
        let mut product = home
            .program("sh", ["-c", PRODUCT])
            .env(VARIABLE, steps.value())
            .spawn();
        assert_eq!(steps.wait_reached("commit:before-write"), product.pid());
        assert_eq!(steps.trace(product.pid()), ["commit:before-write"]);
        assert!(product.is_running());

        steps.release("commit:before-write");
        let pid = product.pid();
        assert_eq!(product.wait().expect_success().stdout, "wrote\n");
        assert_eq!(
            steps.traces()[&pid],
            ["commit:before-write", "commit:after-write"]
        );
    }

    #[test]
    fn two_processes_held_at_one_step_are_told_apart() {
        let (home, steps) = (Home::new(), StepDir::new());
        steps.hold("commit:before-write");
        let start = || {
            home.program("sh", ["-c", PRODUCT])
                .env(VARIABLE, steps.value())
                .spawn()
        };
        let first = start();
        assert_eq!(steps.wait_reached("commit:before-write"), first.pid());
        let second = start();
        let other = steps.wait_reached_by_another("commit:before-write", &[first.pid()]);
        assert_eq!(other, second.pid());

        steps.release("commit:before-write");
        first.wait().expect_success();
        second.wait().expect_success();
        steps.hold("commit:before-write");
        assert!(steps.waiting_at("commit:before-write").is_empty());
    }

    #[test]
    fn a_value_carries_the_directory_and_the_moment_of_death() {
        let steps = StepDir::new();
        let dir = steps.dir.path().display();
        assert_eq!(steps.value(), format!("dir:{dir}"));
        assert_eq!(steps.value_with_kill_at(7), format!("dir:{dir},kill:7"));
        assert_eq!(kill_at(3), "kill:3");
    }
}
