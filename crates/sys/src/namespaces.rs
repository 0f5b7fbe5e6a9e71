//! Processes that count otherwise: in another pid namespace a process has another number, in another time namespace it
//! started at another time.
//!
//! The kernel shows a process its own pid namespace and those below it; a container sees nothing of its host or of other
//! containers. Limits: where `/proc` hides processes of other users, or their namespaces, those are taken to count as we do.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::parse_proc_stat;

/// The number in a link of `/proc/PID/ns`, which reads `pid:[4026531836]`.
fn namespace(pid: &str, kind: &str) -> Option<u64> {
    let target = std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()?;
    let rest = target.to_str()?.strip_prefix(kind)?;
    rest.strip_prefix(":[")?.strip_suffix(']')?.parse().ok()
}

/// The pid namespace of this process.
pub(crate) fn own_pid_namespace() -> Option<u64> {
    namespace("self", "pid")
}

/// Whether the process is known to live in another time namespace: its start is counted from elsewhere then.
pub(crate) fn has_other_time(pid: u32) -> bool {
    static OWN: OnceLock<Option<u64>> = OnceLock::new();
    let own = *OWN.get_or_init(|| namespace("self", "time"));
    let theirs = namespace(&pid.to_string(), "time");
    matches!((own, theirs), (Some(own), Some(theirs)) if own != theirs)
}

/// The number here of a live process that has the number `pid` in a pid namespace below this one and, as far as can be
/// told, started at `starttime`.
pub(crate) fn below(pid: u32, starttime: Option<u64>) -> Option<u32> {
    let all = std::fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|number| is_below(*number, pid, starttime).unwrap_or(false))
}

fn is_below(number: u32, pid: u32, starttime: Option<u64>) -> Option<bool> {
    let proc = PathBuf::from(format!("/proc/{number}"));
    let status = std::fs::read_to_string(proc.join("status")).ok()?;
    if innermost(&status)? != pid {
        return Some(false);
    }
    let stat = parse_proc_stat(&std::fs::read(proc.join("stat")).ok()?)?;
    let started = starttime.is_none_or(|then| then == stat.starttime || has_other_time(number));
    Some(started && !matches!(stat.state, 'Z' | 'X' | 'x'))
}

/// The last of the numbers of a process that has more than one.
fn innermost(status: &str) -> Option<u32> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))?;
    let mut numbers = line.split_ascii_whitespace();
    let _here = numbers.next()?;
    numbers.next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_with_several_numbers_is_below_and_the_last_is_its_own() {
        for (status, number) in [
            ("Name:\tsh\nNSpid:\t7186\t12\t1\nNSpgid:\t1\n", Some(1)),
            ("Name:\tsh\nNSpid:\t7186\n", None),
            ("Name:\tsh\nPid:\t3\n", None),
        ] {
            assert_eq!(innermost(status), number, "{status}");
        }
        let own = std::process::id();
        assert_eq!(below(own, None), None);
        assert!(!has_other_time(own) && own_pid_namespace().is_some());
    }
}
