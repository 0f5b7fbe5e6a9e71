//! Which system calls change something that outlives the process, and which of them a full or broken disk fails.

use nix::libc;
use nix::unistd::Pid;

use super::How;

/// A call that changes something: what it is called, and the descriptor that it works on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) name: &'static str,
    descriptor: Option<u64>,
}

/// The call with this number and these arguments, if it changes something.
pub(super) fn changing(number: u64, arguments: [u64; 3]) -> Option<Call> {
    let [first, second, third] = arguments;
    let number = i64::try_from(number).ok()?;
    let creates =
        |flags: u64| flags & u64::from((libc::O_CREAT | libc::O_TRUNC).unsigned_abs()) != 0;
    let of = |name, descriptor| Some(Call { name, descriptor });
    match number {
        libc::SYS_write => of("write", Some(first)),
        libc::SYS_pwrite64 => of("pwrite64", Some(first)),
        libc::SYS_writev => of("writev", Some(first)),
        libc::SYS_pwritev | libc::SYS_pwritev2 => of("pwritev", Some(first)),
        libc::SYS_fsync => of("fsync", Some(first)),
        libc::SYS_fdatasync => of("fdatasync", Some(first)),
        libc::SYS_ftruncate => of("ftruncate", Some(first)),
        libc::SYS_fallocate => of("fallocate", Some(first)),
        libc::SYS_fchmod => of("fchmod", Some(first)),
        libc::SYS_flock => of("flock", Some(first)),
        libc::SYS_copy_file_range => of("copy_file_range", Some(third)),
        libc::SYS_sendfile => of("sendfile", Some(first)),
        libc::SYS_open if creates(second) => of("open", None),
        libc::SYS_openat if creates(third) => of("openat", None),
        libc::SYS_rename | libc::SYS_renameat | libc::SYS_renameat2 => of("rename", None),
        libc::SYS_link | libc::SYS_linkat => of("link", None),
        libc::SYS_unlink | libc::SYS_unlinkat | libc::SYS_rmdir => of("unlink", None),
        libc::SYS_mkdir | libc::SYS_mkdirat => of("mkdir", None),
        libc::SYS_chmod | libc::SYS_fchmodat => of("chmod", None),
        libc::SYS_utimensat => of("utimensat", None),
        _ => None,
    }
}

impl Call {
    /// Whether it counts for this. What goes to a terminal, a pipe or an event of the process itself changes nothing that stays.
    pub(super) fn counts(self, process: Pid, how: How) -> bool {
        let fails = match how {
            How::Kill => true,
            How::Io => !matches!(self.name, "flock" | "utimensat" | "chmod" | "fchmod"),
            How::NoSpace => !matches!(
                self.name,
                "flock" | "utimensat" | "chmod" | "fchmod" | "unlink"
            ),
        };
        fails
            && self
                .descriptor
                .is_none_or(|number| is_file(process, number))
    }
}

fn is_file(process: Pid, descriptor: u64) -> bool {
    let link = std::fs::read_link(format!("/proc/{process}/fd/{descriptor}"));
    link.is_ok_and(|path| path.is_absolute() && !path.starts_with("/dev"))
}
