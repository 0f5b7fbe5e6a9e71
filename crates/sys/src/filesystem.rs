//! What kind of filesystem holds a path, by the magic number that the kernel gives it.
//!
//! Limit: filesystems are told apart on Linux only; elsewhere every one counts as local.

use std::io;
use std::path::Path;

use crate::FsKind;

#[cfg(target_os = "linux")]
pub(crate) fn of(path: &Path) -> io::Result<FsKind> {
    let kind = rustix::fs::statfs(path)?.f_type;
    // Sign and width of f_type differ between architectures; the magic number is its low 32 bits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the low 32 bits are meant"
    )]
    Ok(kind_of_magic(kind as u32))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn of(path: &Path) -> io::Result<FsKind> {
    rustix::fs::stat(path)?;
    Ok(FsKind::Local)
}

#[cfg(target_os = "linux")]
fn kind_of_magic(magic: u32) -> FsKind {
    match magic {
        0x6969 => FsKind::Nfs,
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => FsKind::Smb,
        0x6573_5546 => FsKind::Fuse,
        0x0102_1997 => FsKind::NineP,
        0x0102_1994 => FsKind::Tmpfs,
        0x794C_7630 => FsKind::Overlay,
        // Ceph, AFS (two of them), Coda, Lustre, GPFS, GFS2, OCFS2.
        0x00C3_6400 | 0x5346_414F | 0x6B41_4653 | 0x7375_7245 | 0x0BD0_0BD0 | 0x4750_4653
        | 0x0116_1970 | 0x7461_636F => FsKind::Cluster,
        _ => FsKind::Local,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn filesystems_without_trusted_locks_are_known_by_their_numbers() {
        for (magic, kind) in [
            (0x6969, FsKind::Nfs),
            (0xFF53_4D42, FsKind::Smb),
            (0x0102_1997, FsKind::NineP),
        ] {
            assert_eq!(kind_of_magic(magic), kind);
            assert!(!kind.has_trusted_locks());
        }
        assert_eq!(kind_of_magic(0xEF53), FsKind::Local);
    }
}
