//! How much of everything is measured.

/// Numbers of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Runs of each case.
    pub(crate) runs: u32,
    /// Entries that a session has when it is appended to.
    pub(crate) append_to: &'static [u64],
    /// Messages that are appended in a run.
    pub(crate) appends: usize,
    /// The same by OpenClaw, whose appends cost more with every entry.
    pub(crate) openclaw_appends: usize,
    /// Messages that are brought to the device in a run, by one writer.
    pub(crate) device_appends: usize,
    /// Rounds of a run in which 32 writers share.
    pub(crate) shared_rounds: usize,
    /// Entries of the sessions that are opened; the goals are of the last.
    pub(crate) open: &'static [u64],
    /// Entries of the sessions of which the last entries are wanted.
    pub(crate) last_of: &'static [u64],
    /// Sessions in a folder, and entries of each.
    pub(crate) list: (u64, u64),
    /// Entries that are projected, and how often in one run.
    pub(crate) project: (u64, usize),
    /// Entries of the session that is changed.
    pub(crate) change: u64,
    /// Bytes of the largest session; 0 for none.
    pub(crate) huge_bytes: u64,
}

/// The most entries of a session that pi can open: a JavaScript string has an end, and so has Node's heap.
pub(crate) const PEER_ENTRIES_MAX: u64 = 100_000;

pub(crate) const FULL: Size = Size {
    runs: 5,
    append_to: &[0, 1_000, 10_000, 100_000, 1_000_000],
    appends: 20_000,
    openclaw_appends: 6,
    device_appends: 300,
    shared_rounds: 40,
    open: &[1_000, 10_000, 100_000],
    last_of: &[1_000, 10_000, 100_000, 1_000_000],
    list: (1_000, 100),
    project: (10_000, 5),
    change: 100_000,
    huge_bytes: 10 << 30,
};

pub(crate) const QUICK: Size = Size {
    runs: 1,
    append_to: &[0, 1_000, 10_000],
    appends: 2_000,
    openclaw_appends: 2,
    device_appends: 40,
    shared_rounds: 5,
    open: &[1_000, 10_000],
    last_of: &[1_000, 10_000],
    list: (100, 100),
    project: (1_000, 2),
    change: 10_000,
    huge_bytes: 200 << 20,
};
