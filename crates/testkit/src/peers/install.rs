//! Installs one pinned set of packages into the cache, once, whoever asks first.
//!
//! A lock on a file beside it keeps other processes away; the kernel frees it if we die. The mark that says "whole" is
//! written last and holds the pins, so that a killed install and a changed pin are both done again. `npm ci` starts from
//! nothing and takes exactly what the lock file says, checked by hash; scripts of packages are never run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fs2::FileExt as _;

use super::{Skipped, interop_dir};
use crate::workspace;

const PIN_FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// How npm names what a network does to it.
const NETWORK_ERRORS: [&str; 12] = [
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOTFOUND",
    "ERR_SOCKET_TIMEOUT",
    "ETIMEDOUT",
    "UND_ERR_CONNECT_TIMEOUT",
    "E429",
    "E502",
    "E503",
];

/// The `node_modules` of the pin with this name, installed if it is not whole yet.
pub(super) fn install(pin: &str) -> Result<PathBuf, Skipped> {
    let pins = interop_dir().join("peers").join(pin);
    install_into(&workspace::target().join("peers"), pin, &pins, npm_ci)
}

/// The same with all of its surroundings given: the cache, the name in it, the pins, and what fetches.
pub(super) fn install_into(
    cache: &Path,
    name: &str,
    pins: &Path,
    fetch: impl FnOnce(&Path) -> Result<(), Skipped>,
) -> Result<PathBuf, Skipped> {
    let (prefix, mark) = (cache.join(name), cache.join(format!("{name}.whole")));
    fs::create_dir_all(&prefix).expect("a directory in the cache");
    let wanted: String = PIN_FILES
        .iter()
        .map(|file| fs::read_to_string(pins.join(file)).expect("a pin file"))
        .collect();
    let is_whole = || fs::read_to_string(&mark).is_ok_and(|found| found == wanted);

    if !is_whole() {
        let lock = File::create(cache.join(format!("{name}.lock"))).expect("a lock file");
        lock.lock_exclusive().expect("a lock in the cache");
        if !is_whole() {
            for file in PIN_FILES {
                fs::copy(pins.join(file), prefix.join(file)).expect("a copy of a pin file");
            }
            fetch(&prefix)?;
            fs::write(&mark, &wanted).expect("the mark of a whole install");
        }
    }
    Ok(prefix.join("node_modules"))
}

fn npm_ci(prefix: &Path) -> Result<(), Skipped> {
    let output = npm(&[
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
        "--fetch-retries=2",
        "--fetch-retry-mintimeout=1000",
        "--fetch-retry-maxtimeout=5000",
        "--prefix",
        &prefix.to_string_lossy(),
    ])?;
    let words = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(());
    }
    if let Some(error) = network_error(&words) {
        return Err(Skipped(format!(
            "npm could not reach its registry ({error})"
        )));
    }
    panic!("npm could not install {}:\n{words}", prefix.display());
}

/// Runs npm; that there is none is a reason to skip.
pub(super) fn npm(args: &[&str]) -> Result<Output, Skipped> {
    Command::new("npm")
        .args(args)
        .output()
        .map_err(|error| Skipped(format!("npm could not be run: {error}")))
}

/// The network's error in what npm said, if it is one.
pub(super) fn network_error(words: &str) -> Option<&'static str> {
    NETWORK_ERRORS
        .into_iter()
        .find(|error| words.contains(error))
}
