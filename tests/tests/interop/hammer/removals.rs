//! Which of the lock files that OpenClaw removed may have been somebody else's: what explains a double hold.

use std::collections::HashMap;

use super::oracle::Mark;

/// A lock file that OpenClaw removed: from when to when it may have happened, and the section that it gave back.
pub(super) struct Removal {
    /// None for a reclaim.
    pub(super) of: Option<(u32, u64)>,
    from: u64,
    to: u64,
}

/// Every removal. One whose process was killed in its midst has no end of its own: it happened before that process was
/// gone, or not at all.
pub(super) fn removals(marks: &[Mark]) -> Vec<Removal> {
    let removal = |id, n: u64, from, to| Removal {
        of: n.checked_sub(1).map(|n| (id, n)),
        from,
        to,
    };
    let mut begun: HashMap<u32, &Mark> = HashMap::new();
    let mut removals = Vec::new();
    for mark in marks {
        match mark.event {
            'B' => {
                begun.insert(mark.id, mark);
            }
            'R' => {
                begun.remove(&mark.id);
                removals.push(removal(mark.id, mark.n, mark.first, mark.second));
            }
            'K' => {
                let cut = begun.remove(&mark.id);
                removals.extend(cut.map(|cut| removal(cut.id, cut.n, cut.first, mark.second)));
            }
            _ => {}
        }
    }
    removals.sort_by_key(|one| one.from);
    removals
}

/// The removals that may have been of somebody else's file: every reclaim, and what a section gave back that had itself been
/// robbed by then, `created` telling since when it was in (OpenClaw looks whose the file is, and then removes it by its name).
pub(super) fn of_others(
    removals: &[Removal],
    created: &HashMap<(u32, u64), u64>,
) -> Vec<(u64, u64)> {
    let mut robberies: Vec<(u64, u64)> = Vec::new();
    for one in removals {
        let since = one.of.map(|of| created.get(&of).copied().unwrap_or(0));
        if since.is_none_or(|since| robberies.iter().any(|(_, to)| *to >= since)) {
            robberies.push((one.from, one.to));
        }
    }
    robberies
}
