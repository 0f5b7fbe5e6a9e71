//! On what it was measured: processor, kernel, filesystem, versions, and how busy the machine was.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use latchwork_sys::System;

use crate::Failure;
use crate::contender::Contender;
use crate::stage::Stage;

pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) kernel: String,
    pub(crate) filesystem: String,
    pub(crate) versions: String,
    pub(crate) date: String,
    pub(crate) load_before: String,
}

impl Machine {
    pub(crate) fn look(stage: &Stage) -> Result<Self, Failure> {
        let wall = System::real().clock.wall_ms();
        Ok(Self {
            processor: processor(),
            kernel: kernel(),
            filesystem: filesystem(stage.folder()),
            versions: versions(stage)?,
            date: jiff::Timestamp::from_millisecond(wall)?
                .strftime("%Y-%m-%d %H:%M UTC")
                .to_string(),
            load_before: load(),
        })
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

impl Machine {
    pub(crate) fn facts(&self) -> [(&'static str, &str); 6] {
        [
            ("Date", &self.date),
            ("Processor", &self.processor),
            ("Kernel", &self.kernel),
            ("Filesystem", &self.filesystem),
            ("Versions", &self.versions),
            ("Load before", &self.load_before),
        ]
    }
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

fn versions(stage: &Stage) -> Result<String, Failure> {
    let mut all = vec![
        format!(
            "latchwork {} ({})",
            env!("CARGO_PKG_VERSION"),
            output("git", &["describe", "--always", "--dirty"])
        ),
        output("rustc", &["--version"]),
    ];
    if !stage.available(&[Contender::OpenClaw]).is_empty() {
        let mut worker = stage.worker(Contender::OpenClaw, &stage.file()?, 0)?;
        let versions: serde_json::Value =
            serde_json::from_str(&worker.ask("versions", "versions")?)?;
        worker.end();
        let of = |name: &str| versions[name].as_str().unwrap_or("unknown").to_owned();
        all.push(format!("openclaw {}, Node {}", of("openclaw"), of("node")));
    }
    Ok(all.join("; "))
}

/// Whether others were at work when the measurement began: a load of more than a quarter of the cores.
pub(crate) fn was_busy(load: &str) -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let last_minute = load
        .split(' ')
        .next()
        .and_then(|load| load.parse::<f64>().ok());
    last_minute.is_some_and(|load| load > cores as f64 / 4.0)
}

/// The load averages of 1, 5 and 15 minutes: much more than nothing says that others were at work.
pub(crate) fn load() -> String {
    read("/proc/loadavg")
        .split(' ')
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
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
