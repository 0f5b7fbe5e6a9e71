//! On what it was measured: processor, kernel, filesystem, versions, and how busy the machine was.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use latchwork_sys::System;

/// A machine at the beginning of a measurement.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    processor: String,
    kernel: String,
    filesystem: String,
    versions: String,
    date: String,
    load_before: String,
}

impl Machine {
    /// Looks at this one. `folder` is where the files of the measurement lie; `peers` are the versions of what is measured
    /// beside ours.
    #[must_use]
    pub fn look(folder: &Path, peers: &[String]) -> Self {
        let date = jiff::Timestamp::from_millisecond(System::real().clock.wall_ms());
        let mut versions = vec![
            format!(
                "latchwork {} ({})",
                env!("CARGO_PKG_VERSION"),
                output("git", &["describe", "--always", "--dirty"])
            ),
            output("rustc", &["--version"]),
        ];
        versions.extend_from_slice(peers);
        Self {
            processor: processor(),
            kernel: kernel(),
            filesystem: filesystem(folder),
            versions: versions.join("; "),
            date: date.map_or_else(
                |_| "unknown".to_owned(),
                |date| date.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            ),
            load_before: load(),
        }
    }

    /// What is said of it, in order.
    #[must_use]
    pub fn facts(&self) -> [(&'static str, &str); 6] {
        [
            ("Date", &self.date),
            ("Processor", &self.processor),
            ("Kernel", &self.kernel),
            ("Filesystem", &self.filesystem),
            ("Versions", &self.versions),
            ("Load before", &self.load_before),
        ]
    }

    /// Whether others were at work when the measurement began: a load of more than a quarter of the cores.
    #[must_use]
    pub fn was_busy(&self) -> bool {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let last_minute = self.load_before.split(' ').next();
        let last_minute = last_minute.and_then(|load| load.parse::<f64>().ok());
        last_minute.is_some_and(|load| load > cores as f64 / 4.0)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.facts() {
            writeln!(f, "{name}: {value}")?;
        }
        Ok(())
    }
}

/// The load averages of 1, 5 and 15 minutes: much more than nothing says that others were at work.
pub(super) fn load() -> String {
    read("/proc/loadavg")
        .split(' ')
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}

fn processor() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = read("/proc/cpuinfo").lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    format!(
        "{}, {cores} cores",
        model.unwrap_or_else(|| "unknown".to_owned())
    )
}

fn kernel() -> String {
    let uname = rustix::system::uname();
    let text = |name: &std::ffi::CStr| name.to_string_lossy().into_owned();
    format!(
        "{} {} {}",
        text(uname.sysname()),
        text(uname.release()),
        text(uname.machine())
    )
}

/// The mount that the folder lies in: its kind and options. Without a journal ext4 makes and removes files at another price.
fn filesystem(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_default();
    let mounts = read("/proc/self/mountinfo");
    let mounts = mounts.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let left = left.split(' ').collect::<Vec<_>>();
        let mut right = right.split(' ');
        let (point, options) = (left.get(4)?, left.get(5)?);
        let (kind, device) = (right.next()?, right.next()?);
        folder
            .starts_with(point)
            .then_some((point.len(), kind, device, *options))
    });
    let Some((_, kind, device, options)) = mounts.max_by_key(|(length, ..)| *length) else {
        return "unknown".to_owned();
    };
    let name = device.rsplit('/').next().unwrap_or_default();
    let journals = fs::read_dir("/proc/fs/jbd2")
        .into_iter()
        .flatten()
        .flatten();
    let mut journals = journals.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let bare = kind == "ext4" && !journals.any(|journal| journal.starts_with(&format!("{name}-")));
    format!(
        "{kind} ({options}){}",
        if bare { ", without a journal" } else { "" }
    )
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// What a program says, or that it could not be asked.
fn output(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    match done {
        Ok(done) if done.status.success() => {
            String::from_utf8_lossy(&done.stdout).trim().to_owned()
        }
        _ => format!("{program}: unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_every_fact_and_is_busy_by_its_load() {
        let mut machine = Machine::look(Path::new("."), &["peer 1.0".to_owned()]);
        for (name, value) in machine.facts() {
            assert!(!value.is_empty() && value != "unknown", "{name}: {value}");
        }
        assert!(machine.to_string().contains("; peer 1.0"));
        machine.load_before = "0.00 9.00 9.00".to_owned();
        assert!(!machine.was_busy());
        machine.load_before = "1000.00 0.00 0.00".to_owned();
        assert!(machine.was_busy());
    }
}
