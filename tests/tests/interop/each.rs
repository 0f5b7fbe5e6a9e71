//! A check that is made with each release of pi.

use latchwork_testkit::peers::{Peers, Pi, PiVersion};

/// Runs a check with a live pi of each release.
pub(crate) fn with_each_pi(mut check: impl FnMut(&mut Pi, PiVersion)) {
    for version in PiVersion::ALL {
        with_pi(version, |pi| check(pi, version));
    }
}

/// Runs a check with a live pi of this release.
pub(crate) fn with_pi(version: PiVersion, check: impl FnOnce(&mut Pi)) {
    if let Some(mut pi) = Peers::or_skip(|peers| peers.pi(version)) {
        check(&mut pi);
        pi.close();
    }
}
