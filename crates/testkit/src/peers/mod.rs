//! The real pi and the real OpenClaw, from npm, pinned by lock file and kept in `target/peers`.
//!
//! `tests/interop` of the workspace holds the pins (one `package.json` and `package-lock.json` a peer) and the drivers
//! in JavaScript; here they are installed and driven. A driver is a live process that does one thing at a time, when it is
//! told to: so a test can have a pi that opened a file an hour of the test's time ago and writes to it now.
//!
//! Without npm, or without its registry, there are no peers: [`Peers::find`] says why, and [`Peers::or_skip`] says it
//! loudly, or fails when `LATCHWORK_REQUIRE_PEERS=1`. An install that fails for any other reason fails the test.
//!
//! **Limits.** Linux on x86-64 when the machine's Node is older than the peers ask for.

mod driver;
mod install;
mod node;
mod openclaw;
mod pi;

#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::path::{Path, PathBuf};

pub use openclaw::OpenClaw;
pub use pi::{Pi, PiVersion};

use crate::environment;
use crate::program::{Home, Invocation};

/// The pin of OpenClaw.
const OPENCLAW: &str = "openclaw-2026.5.18";

/// Why there are no peers on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Skipped(pub String);

/// A machine that can run peers; each is installed when it is first asked for.
#[derive(Debug, Clone)]
pub struct Peers {
    node: PathBuf,
}

impl Peers {
    /// Finds npm and a Node that is new enough, and installs the latter if the machine's is not.
    ///
    /// # Errors
    /// The reason why there can be no peers here.
    ///
    /// # Panics
    /// When an install fails for a reason that is not the network.
    ///
    /// # Blocking
    /// While npm works, or another process installs.
    pub fn find() -> Result<Self, Skipped> {
        node::find().map(|node| Self { node })
    }

    /// The same for a test that has nothing to do without peers: `None` means that it was skipped, and said so.
    ///
    /// ```no_run
    /// use latchwork_testkit::peers::{Peers, PiVersion};
    ///
    /// let Some(mut pi) = Peers::or_skip(|peers| peers.pi(PiVersion::V0_87_1)) else {
    ///     return;
    /// };
    /// pi.open("session.jsonl").unwrap();
    /// ```
    ///
    /// # Panics
    /// When there are none and `LATCHWORK_REQUIRE_PEERS=1` is set, or an install fails for a reason that is not the network.
    ///
    /// # Blocking
    /// While npm works, or another process installs.
    pub fn or_skip<T>(start: impl FnOnce(&Self) -> Result<T, Skipped>) -> Option<T> {
        Self::find().and_then(|peers| start(&peers)).map_or_else(
            |skipped| {
                say_skipped(
                    &skipped,
                    environment::var(environment::REQUIRE_PEERS).is_some_and(|value| value == "1"),
                );
                None
            },
            Some,
        )
    }

    /// A live pi with nothing open yet.
    ///
    /// # Errors
    /// When its package cannot be fetched here.
    ///
    /// # Panics
    /// When its install fails for another reason, or it does not start.
    ///
    /// # Blocking
    /// While npm works, or another process installs.
    pub fn pi(&self, version: PiVersion) -> Result<Pi, Skipped> {
        let modules = install::install(version.pin())?;
        Ok(Pi::start(&self.node, &modules, version))
    }

    /// A live OpenClaw 2026.5.18 with nothing open yet. Its install is large (half a gigabyte, half a minute on a fast
    /// line), so it is asked for by few tests.
    ///
    /// # Errors
    /// When its packages cannot be fetched here.
    ///
    /// # Panics
    /// When its install fails for another reason, or it does not start.
    ///
    /// # Blocking
    /// While npm works, or another process installs.
    pub fn openclaw(&self) -> Result<OpenClaw, Skipped> {
        let modules = install::install(OPENCLAW)?;
        Ok(OpenClaw::start(&self.node, &modules))
    }

    /// A script of `tests/interop` that works with pi's package by itself, to be run in this home. It gets the packages'
    /// directory; the caller adds the rest.
    ///
    /// # Errors
    /// When its package cannot be fetched here.
    ///
    /// # Panics
    /// When its install fails for another reason.
    ///
    /// # Blocking
    /// While npm works, or another process installs.
    pub fn pi_script(
        &self,
        version: PiVersion,
        home: &Home,
        script: &str,
    ) -> Result<Invocation, Skipped> {
        let modules = install::install(version.pin())?;
        Ok(home
            .program(&self.node, ["--no-warnings"])
            .arg(interop_dir().join(script))
            .arg(modules))
    }

    /// A script of `tests/interop` that works with OpenClaw's own functions by itself, to be run in this home. It gets the
    /// packages' directory and the word `openclaw`, by which others of its kind know it; the caller adds the rest. `under`
    /// is a program with arguments that starts it, such as `unshare`; empty for none.
    ///
    /// # Errors
    /// When its packages cannot be fetched here.
    ///
    /// # Panics
    /// When its install fails for another reason.
    ///
    /// # Blocking
    /// While npm works, or another process installs.
    pub fn openclaw_script(
        &self,
        home: &Home,
        under: &[&str],
        script: &str,
    ) -> Result<Invocation, Skipped> {
        let modules = install::install(OPENCLAW)?;
        let program = match under {
            [] => home.program(&self.node, [""; 0]),
            [starter, args @ ..] => home.program(starter, args).arg(&self.node),
        };
        Ok(program
            .arg("--no-warnings")
            .arg(interop_dir().join(script))
            .arg(modules)
            .arg("openclaw"))
    }
}

/// Says it where the test harness does not swallow it, or fails.
fn say_skipped(skipped: &Skipped, required: bool) {
    assert!(
        !required,
        "{} is set, and there are no peers: {skipped}",
        environment::REQUIRE_PEERS
    );
    let _a_closed_stderr = writeln!(std::io::stderr(), "SKIPPED(interop): {skipped}");
}

/// Where the pins and the drivers lie.
fn interop_dir() -> PathBuf {
    crate::workspace::root().join("tests/interop")
}

/// The node_modules directory of an install.
type Modules = Path;
