//! What the kernel knows of this process: memory, bytes and calls.

use std::fs;

use crate::Failure;

/// Resident memory in MiB, now and at its peak.
pub(crate) struct Memory {
    pub(crate) now: f64,
    pub(crate) peak: f64,
}

pub(crate) fn memory() -> Result<Memory, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes / 1024.0)
    };
    match (field("VmRSS:"), field("VmHWM:")) {
        (Some(now), Some(peak)) => Ok(Memory { now, peak }),
        _ => Err("the kernel does not say how much memory this process has".into()),
    }
}

/// Lets the peak begin at what there is now, and says how much that is in MiB.
pub(crate) fn forget_peak() -> Result<f64, Failure> {
    fs::write("/proc/self/clear_refs", "5")?;
    Ok(memory()?.now)
}

/// Bytes and calls so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Io {
    pub(crate) read: f64,
    pub(crate) written: f64,
    pub(crate) reads: f64,
    pub(crate) writes: f64,
}

impl Io {
    pub(crate) fn so_far() -> Result<Self, Failure> {
        let text = fs::read_to_string("/proc/self/io")?;
        let field = |name: &str| -> Result<f64, Failure> {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            Ok(line
                .ok_or("the kernel does not count bytes")?
                .trim()
                .parse()?)
        };
        Ok(Self {
            read: field("rchar:")?,
            written: field("wchar:")?,
            reads: field("syscr:")?,
            writes: field("syscw:")?,
        })
    }

    /// What came since then, without what this look itself costs.
    pub(crate) fn since(before: Self) -> Result<Self, Failure> {
        let now = Self::so_far()?;
        let after = Self::so_far()?;
        // The look's own bytes differ by a digit now and then.
        let more = |before: f64, now: f64, after: f64| (now - before - (after - now)).max(0.0);
        Ok(Self {
            read: more(before.read, now.read, after.read),
            written: more(before.written, now.written, after.written),
            reads: more(before.reads, now.reads, after.reads),
            writes: more(before.writes, now.writes, after.writes),
        })
    }
}
