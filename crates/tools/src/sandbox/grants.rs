//! What a confined command may reach, whichever sandbox confines it.
//!
//! A list of what is granted; the user's home, other sessions and keys are absent from it, and therefore out of reach,
//! **unless they lie below the working directory**: what lies there is granted whatever it is.

use std::path::{Path, PathBuf};

use crate::options::BashOptions;

/// Programs, libraries and configuration of the system. `resolve` is where `/etc/resolv.conf` points.
const SYSTEM: [&str; 14] = [
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr",
    "/etc",
    "/opt",
    "/nix",
    "/gnu",
    "/sys",
    "/run/current-system",
    "/run/systemd/resolve",
];

#[derive(Clone, Debug)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(
        dead_code,
        reason = "what is granted matters only where there is a sandbox"
    )
)]
pub(crate) struct Grants {
    /// The working directory, without symbolic links.
    pub(crate) root: PathBuf,
    /// Read and execute. Each exists.
    pub(crate) readable: Vec<PathBuf>,
    /// Everything. Each exists; the root is among them.
    pub(crate) writable: Vec<PathBuf>,
    pub(crate) network: bool,
}

impl Grants {
    /// Passes over what is not there. Blocks on the filesystem.
    pub(crate) fn new(root: &Path, options: &BashOptions) -> Self {
        let system = SYSTEM.iter().map(PathBuf::from);
        let readable = system
            .chain(options.readable.iter().cloned())
            .filter(|path| path.is_absolute() && path.exists());
        let writable = options
            .writable
            .iter()
            .filter(|path| path.is_absolute() && path.exists())
            .cloned();
        Self {
            root: root.to_owned(),
            // What lies in the root is writable already; a second, narrower view of it would hide that.
            readable: readable.filter(|path| !path.starts_with(root)).collect(),
            writable: std::iter::once(root.to_owned()).chain(writable).collect(),
            network: options.network,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{BashOptions, Grants};

    #[test]
    fn only_what_is_there_is_granted_and_home_is_not() {
        let options = BashOptions {
            readable: vec!["/nowhere".into(), "relative".into()],
            ..BashOptions::default()
        };
        let grants = Grants::new(Path::new("/usr/share"), &options);
        assert!(grants.readable.contains(&"/usr".into()));
        for path in [
            "/nowhere", "relative", "/", "/home", "/root", "/run", "/tmp", "/var",
        ] {
            assert!(!grants.readable.contains(&path.into()), "{path}");
        }
        assert_eq!(grants.writable, [Path::new("/usr/share")]);
        assert!(Grants::new(Path::new("/"), &options).readable.is_empty());
    }
}
