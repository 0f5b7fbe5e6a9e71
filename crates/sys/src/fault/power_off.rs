//! A filesystem that is shut down as a loss of power would leave it (feature `fault-points`): for campaigns, as root.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::ioctl::{Setter, ioctl, opcode};

/// `FS_IOC_SHUTDOWN`, by which ext4 and XFS can be told to stop.
const SHUTDOWN: rustix::ioctl::Opcode = opcode::read::<u32>(b'X', 125);
/// Without writing out what the journal has in memory.
const NO_LOG_FLUSH: u32 = 2;

/// Shuts the filesystem down that is mounted here, at once: what it has not yet handed to its device is lost, its journal in memory among
/// it, and every later call on it fails. It must be unmounted and mounted to be used again.
///
/// # Errors
///
/// Without the right to do it, and on a filesystem that cannot.
pub fn lose_power(mounted_at: &Path) -> io::Result<()> {
    let dir = File::open(mounted_at)?;
    #[expect(
        unsafe_code,
        reason = "a command that reads four bytes of ours; on a filesystem that does not know it, it is an error"
    )]
    // SAFETY: `FS_IOC_SHUTDOWN` reads a `u32` from the pointer that it is given, and nothing else.
    let done = unsafe { ioctl(&dir, Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH)) };
    Ok(done?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filesystem_that_cannot_be_shut_down_says_so() {
        // Processes are listed by one that has no device.
        assert!(lose_power(Path::new("/proc")).is_err());
    }
}
