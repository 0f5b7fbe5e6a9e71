//! How much of everything is measured.

/// Numbers of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Runs of each part that takes seconds.
    pub(crate) runs: u32,
    /// Runs of each part that takes minutes.
    pub(crate) long_runs: u32,
    /// Cycles of one run, alone.
    pub(crate) cycles: u32,
    /// Operations of each process of a crowd.
    pub(crate) crowd_ops: u32,
    /// Length of a run in which nobody has a number to reach, in seconds.
    pub(crate) crowd_seconds: u32,
    /// Hand-overs of one run.
    pub(crate) hand_overs: u32,
    /// Killed holders of one run with one waiter.
    pub(crate) kills: u32,
    /// Killed holders before six waiters.
    pub(crate) crashes: u32,
    /// Operations of each of 16 tasks.
    pub(crate) task_ops: u32,
    /// Sessions of one process.
    pub(crate) sessions: u32,
    /// Cycles over them.
    pub(crate) leak_cycles: u32,
}

pub(crate) const FULL: Size = Size {
    runs: 5,
    long_runs: 3,
    cycles: 2_000,
    crowd_ops: 200,
    crowd_seconds: 2,
    hand_overs: 40,
    kills: 20,
    crashes: 100,
    task_ops: 100,
    sessions: 10_000,
    leak_cycles: 100_000,
};

pub(crate) const QUICK: Size = Size {
    runs: 2,
    long_runs: 1,
    cycles: 500,
    crowd_ops: 40,
    crowd_seconds: 1,
    hand_overs: 10,
    kills: 4,
    crashes: 8,
    task_ops: 25,
    sessions: 10_000,
    leak_cycles: 20_000,
};
