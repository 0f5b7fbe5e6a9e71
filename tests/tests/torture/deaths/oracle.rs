//! The third file: whoever thinks that it holds the session locks it, without waiting. Who finds it locked by a living other
//! has found two holders.
//!
//! It shares no code with the product. A process that is killed gives its files back one after the other, so for a moment the
//! latch may be free and the oracle not yet: a holder that has begun to end (`PF_EXITING`) is no second holder.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

/// Every line of the transcript has so many bytes.
pub(crate) const LINE: usize = 32;
/// The kernel's mark of a task that has begun to end.
const PF_EXITING: u64 = 0x4;

pub(crate) struct Oracle {
    file: File,
    doubles: PathBuf,
}

impl Oracle {
    pub(crate) fn at(dir: &Path) -> Self {
        Self {
            file: OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(dir.join("oracle"))
                .unwrap(),
            doubles: dir.join("doubles"),
        }
    }

    /// This process holds the session now, as it thinks.
    #[expect(
        clippy::disallowed_methods,
        reason = "the oracle shares no code with the product"
    )]
    pub(crate) fn enter(&self) {
        while flock(&self.file, FlockOperation::NonBlockingLockExclusive).is_err() {
            if let Some(other) = self.living() {
                add_line(
                    &self.doubles,
                    &format!("{other} and {}", std::process::id()),
                );
                flock(&self.file, FlockOperation::LockExclusive).unwrap();
                break;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        let pid = format!("{:<10}", std::process::id());
        self.file.write_at(pid.as_bytes(), 0).unwrap();
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the oracle shares no code with the product"
    )]
    pub(crate) fn leave(&self) {
        self.file.write_at(&[b' '; 10], 0).unwrap();
        flock(&self.file, FlockOperation::Unlock).unwrap();
    }

    /// The holder, if it has written its pid and goes on living.
    fn living(&self) -> Option<u32> {
        let mut text = [b' '; 10];
        let _shorter = self.file.read_at(&mut text, 0).unwrap();
        let pid = std::str::from_utf8(&text).ok()?.trim().parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ends =
            matches!(fields[0], "Z" | "X") || fields[6].parse::<u64>().ok()? & PF_EXITING != 0;
        (!ends).then_some(pid)
    }
}

/// One line, by one write.
pub(crate) fn add_line(path: &Path, line: &str) {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Line `number` of the transcript, by this process.
pub(crate) fn line(number: u64, pid: u32) -> String {
    format!("{number:>20} {pid:>10}\n")
}

/// The number of the last line.
pub(crate) fn last_number(transcript: &File) -> u64 {
    let size = transcript.metadata().unwrap().len();
    if size == 0 {
        return 0;
    }
    let mut last = [0; LINE];
    transcript
        .read_exact_at(&mut last, size - LINE as u64)
        .unwrap();
    let text = std::str::from_utf8(&last).unwrap();
    text[..20].trim().parse().unwrap()
}

/// What is wrong with the transcript: numbers that are missing or there twice, and acknowledged lines that are not there.
pub(crate) fn damage(dir: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(dir.join("s.jsonl")).unwrap();
    let mut found = Vec::new();
    for (place, there) in text.lines().enumerate() {
        let number = there.get(..20).map(str::trim);
        if number != Some((place + 1).to_string().as_str()) {
            found.push(format!("line {} reads {there:?}", place + 1));
        }
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for file in std::fs::read_dir(dir).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("acked.") {
            let acked = std::fs::read_to_string(file.path()).unwrap();
            let absent = acked.lines().map(str::trim).filter(|acked| {
                let number: usize = acked.split(' ').next().unwrap().parse().unwrap();
                lines.get(number - 1) != Some(acked)
            });
            found
                .extend(absent.map(|acked| format!("{acked:?} was acknowledged and is not there")));
        }
    }
    found.truncate(20);
    found
}
