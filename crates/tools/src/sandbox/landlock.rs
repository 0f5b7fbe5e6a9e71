//! Landlock: the kernel refuses what is not granted, to a command and all that it starts, for ever.
//!
//! A restriction binds the calling thread and what that thread starts. So a short-lived thread restricts itself and starts
//! the command; this process stays free, and no code runs between fork and exec.
//!
//! **Limits**, by version of the kernel's interface; an outcome names those that apply as `sandboxGaps`: before 3 a file may
//! be truncated that may not be written; before 4 nothing of the network is refused, and then only TCP, never UDP; before 6
//! other processes can be signalled; before 9 sockets in the filesystem can be connected to, whoever listens there. Always:
//! a process can leave its group, and the names and arguments of others' processes are seen in `/proc` (not their
//! environment or memory).

use std::io;
use std::path::Path;
use std::process::{Child, Command};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::{Grants, privileges};

/// The newest interface whose rights are asked for; an older kernel enforces what it knows.
const NEWEST: ABI = ABI::V9;

/// The oldest of use: before it, nothing can be moved from one directory to another.
const OLDEST: ABI = ABI::V2;

/// The oldest that keeps what is promised of files.
const HOLDS_FILES: ABI = ABI::V3;

/// The oldest that can refuse TCP.
const HOLDS_TCP: ABI = ABI::V4;

/// What every program expects to be able to open for writing. No terminal is among them.
const DEVICES: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

#[derive(Debug)]
pub(crate) struct Landlock {
    abi: ABI,
}

impl Landlock {
    /// What the kernel has, found by a thread that restricts itself and ends; or what is lacking. `required`: without gaps in
    /// what is promised of files, nor in refusing TCP where `network` is not allowed.
    pub(crate) fn detect(required: bool, network: bool) -> Result<Self, String> {
        let ask = || -> Result<LandlockStatus, RulesetError> {
            let created = Ruleset::default()
                .handle_access(AccessFs::Execute)?
                .create()?;
            Ok(created.restrict_self()?.landlock)
        };
        let status = in_thread(ask)
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        let abi = match status {
            LandlockStatus::Available { effective_abi, .. } => effective_abi,
            LandlockStatus::NotEnabled => {
                return Err("the kernel has it, but it is not enabled".to_owned());
            }
            LandlockStatus::NotImplemented => return Err("the kernel does not have it".to_owned()),
        };
        let least = match (required, network) {
            (false, _) => OLDEST,
            (true, true) => HOLDS_FILES,
            (true, false) => HOLDS_TCP,
        };
        if abi < least {
            return Err(format!(
                "the kernel has version {abi}, and version {least} is needed"
            ));
        }
        Ok(Self { abi })
    }

    pub(crate) fn name(&self) -> String {
        format!("landlock v{}", self.abi)
    }

    pub(crate) fn gaps(&self, network: bool) -> Vec<&'static str> {
        let gap = |there: bool, name: &'static str| there.then_some(name);
        [
            gap(self.abi < ABI::V3, "truncation"),
            gap(!network && self.abi < HOLDS_TCP, "tcp"),
            gap(!network, "udp"),
            gap(self.abi < ABI::V6, "signals"),
            gap(self.abi < ABI::V9, "unix sockets"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    pub(crate) fn spawn(
        &self,
        command: &mut Command,
        grants: &Grants,
        private: &Path,
    ) -> io::Result<Child> {
        in_thread(|| {
            let status = rules(grants, private)
                .and_then(RulesetCreated::restrict_self)
                .map_err(io::Error::other)?;
            if status.ruleset == RulesetStatus::NotEnforced {
                return Err(io::Error::other(
                    "the kernel does not enforce the sandbox any more",
                ));
            }
            privileges::give_up()?;
            command.spawn()
        })?
    }
}

fn rules(grants: &Grants, private: &Path) -> Result<RulesetCreated, RulesetError> {
    let everything = AccessFs::from_all(NEWEST);
    let own = everything & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    let look = AccessFs::from_read(NEWEST);
    let mut ruleset = Ruleset::default()
        .handle_access(everything)?
        .scope(Scope::from_all(NEWEST))?;
    if !grants.network {
        ruleset = ruleset.handle_access(AccessNet::from_all(NEWEST))?;
    }
    let devices: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    ruleset
        .create()?
        .add_rules(path_beneath_rules(&grants.readable, look))?
        .add_rules(path_beneath_rules(["/proc"], look))?
        .add_rules(path_beneath_rules(DEVICES, devices))?
        .add_rules(path_beneath_rules(&grants.writable, own))?
        .add_rules(path_beneath_rules([private], own))
}

/// Runs `work` in a thread that ends with it.
fn in_thread<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("latchwork-confined".to_owned())
            .spawn_scoped(scope, work)?;
        thread
            .join()
            .map_err(|_| io::Error::other("the thread that confines a command failed"))
    })
}

#[cfg(test)]
mod tests {
    use super::{ABI, Landlock};

    #[test]
    fn gaps_close_with_newer_kernels() {
        let gaps = |abi, network| Landlock { abi }.gaps(network);
        assert_eq!(
            gaps(ABI::V2, false),
            ["truncation", "tcp", "udp", "signals", "unix sockets"]
        );
        assert_eq!(gaps(ABI::V7, false), ["udp", "unix sockets"]);
        assert!(gaps(ABI::V9, true).is_empty());
    }
}
