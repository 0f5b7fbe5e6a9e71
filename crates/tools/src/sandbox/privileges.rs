//! What is left of root's privileges in a sandbox: those of ordinary work with files, if we run as root at all.
//!
//! Root without a sandbox loads kernel modules, makes device files and reads the memory and environment of every process,
//! past Landlock too. So the rest is given up before a command starts, and "no new privileges" keeps it from coming back.

use std::io;

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// What is kept, and its names for bubblewrap.
const KEPT: [(CapabilitySet, &str); 6] = [
    (CapabilitySet::CHOWN, "CAP_CHOWN"),
    (CapabilitySet::DAC_OVERRIDE, "CAP_DAC_OVERRIDE"),
    (CapabilitySet::FOWNER, "CAP_FOWNER"),
    (CapabilitySet::FSETID, "CAP_FSETID"),
    (CapabilitySet::SETGID, "CAP_SETGID"),
    (CapabilitySet::SETUID, "CAP_SETUID"),
];

/// The names of what is kept, if we run as root; nobody else has something to keep.
pub(super) fn kept_names() -> impl Iterator<Item = &'static str> {
    let root = rustix::process::geteuid().is_root();
    KEPT.iter().filter(move |_| root).map(|(_, name)| *name)
}

/// Gives up the rest for the calling thread and what it starts.
pub(super) fn give_up() -> io::Result<()> {
    let kept = KEPT
        .iter()
        .fold(CapabilitySet::empty(), |kept, (one, _)| kept | *one);
    let mut sets = capabilities(None)?;
    sets.effective &= kept;
    sets.permitted &= kept;
    sets.inheritable &= kept;
    Ok(set_capabilities(None, sets)?)
}
