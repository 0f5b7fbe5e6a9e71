//! One lock on one file, of the kind that was asked for.

use std::path::Path;
use std::time::Duration;

use latchwork_filelock::{Latched, Latches, Options, PeerLock, Site};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::System;

use crate::Failure;
use crate::raw::{self, RawHeld};

/// As long as OpenClaw is given in the same harness.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Ours(PeerLock),
    Raw(raw::Kind),
}

impl Kind {
    pub(crate) fn named(name: &str, peer_lock: PeerLock) -> Result<Self, Failure> {
        Ok(match name {
            "ours" => Self::Ours(peer_lock),
            "flock" => Self::Raw(raw::Kind::Flock),
            "excl" => Self::Raw(raw::Kind::Excl),
            "link" => Self::Raw(raw::Kind::Link),
            "none" => Self::Raw(raw::Kind::None),
            _ => {
                return Err(
                    format!("--impl {name} is not one of ours, flock, excl, link, none").into(),
                );
            }
        })
    }
}

/// The lock of one file.
#[derive(Clone, Debug)]
pub(crate) enum Lock {
    Ours(Latches, Site),
    Raw(raw::Raw),
}

/// Held until it is released or dropped.
#[derive(Debug)]
pub(crate) enum Held {
    Ours(Latched),
    Raw(RawHeld),
}

impl Lock {
    pub(crate) fn of(kind: Kind, file: &Path) -> Result<Self, Failure> {
        Ok(match kind {
            Kind::Ours(peer_lock) => Self::Ours(latches(peer_lock), Site::of_transcript(file)?),
            Kind::Raw(kind) => Self::Raw(raw::Raw::new(kind, file)),
        })
    }

    /// Takes it. An error is a name to be counted: no word of it is meant for people.
    pub(crate) async fn acquire(&self) -> Result<Held, String> {
        match self {
            Self::Ours(latches, site) => latches
                .latch(site, Phase::RECORD, Wait::at_most(PATIENCE))
                .await
                .map(Held::Ours)
                .map_err(|error| variant(&format!("{error:?}"))),
            Self::Raw(raw) => raw
                .acquire()
                .map(Held::Raw)
                .map_err(|error| format!("{:?}", error.kind())),
        }
    }
}

impl Held {
    pub(crate) async fn release(self) -> Result<(), String> {
        match self {
            Self::Ours(latched) => {
                latched.release().await;
                Ok(())
            }
            Self::Raw(held) => held
                .release()
                .map_err(|error| format!("{:?}", error.kind())),
        }
    }
}

pub(crate) fn latches(peer_lock: PeerLock) -> Latches {
    let options = Options {
        peer_lock,
        ..Options::default()
    };
    Latches::new(System::real(), options)
}

/// The name in front of a value's fields.
fn variant(debugged: &str) -> String {
    debugged
        .chars()
        .take_while(|c| c.is_alphanumeric())
        .collect()
}
