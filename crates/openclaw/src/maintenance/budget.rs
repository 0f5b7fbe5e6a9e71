//! The limit of room: what goes when the folder takes too much, until it takes less than the high-water mark.
//!
//! First files that nothing refers to, oldest first; then rows, oldest first, each with its transcript. These go for good, as OpenClaw
//! does it: an archive would free nothing.

use crate::maintenance::plan::{DiskPlan, FileAction, RowAction, Why};
use crate::maintenance::planner::Planner;
use crate::names::FileSort;

impl Planner<'_> {
    /// Brings the folder down to its high-water mark, if it is over its limit.
    pub(super) fn fit(&mut self) {
        let Some((max, high_water)) = self.options.water() else {
            return;
        };
        let total = self.total();
        let mut disk = self.disk.take().unwrap_or(DiskPlan {
            total_before: total,
            max,
            high_water,
            over: total > max,
            ..DiskPlan::default()
        });
        disk.over |= total > max;
        self.disk = Some(disk);
        if disk.over {
            self.drop_files(high_water);
            self.evict(RowAction::EvictBudget, Why::NoRoom, |planner| {
                planner.total() <= high_water
            });
        }
        let after = self.total();
        if let Some(disk) = &mut self.disk {
            disk.total_after = after;
            disk.freed = disk.total_before.saturating_sub(after);
        }
    }

    /// What the folder takes when the plan was carried out so far.
    fn total(&self) -> u64 {
        let deleted = self
            .files
            .iter()
            .filter(|plan| plan.action == FileAction::Delete);
        let deleted: u64 = deleted.map(|plan| plan.file.bytes).sum();
        self.seen
            .bytes
            .saturating_sub(deleted)
            .saturating_add(self.store_bytes)
    }

    /// Files that nothing refers to, oldest first. What was to be put away goes, too.
    fn drop_files(&mut self, high_water: u64) {
        let names = self.referenced();
        let mut order: Vec<usize> = (0..self.files.len()).collect();
        order.sort_by_key(|at| self.files.get(*at).map(|plan| plan.file.modified_ms));
        for at in order {
            if self.total() <= high_water {
                return;
            }
            let Some(plan) = self.files.get(at) else {
                continue;
            };
            let goes = plan.action != FileAction::Delete
                && plan.file.sort != FileSort::Lock
                && self.keeps(&plan.file, &names).is_none();
            if goes {
                self.delete(at);
            }
        }
    }

    /// The transcripts and trajectories of rows that went, where no row that stays refers to them.
    pub(super) fn clear_after_eviction(&mut self) {
        if let Some(disk) = &mut self.disk {
            disk.removed_entries += 1;
        }
        let names = self.referenced();
        for at in 0..self.files.len() {
            let Some(plan) = self.files.get(at) else {
                continue;
            };
            let of_session = matches!(plan.file.sort, FileSort::Transcript | FileSort::Trajectory);
            let goes = plan.action != FileAction::Delete
                && of_session
                && self.is_of_gone_row(&plan.file)
                && self.keeps(&plan.file, &names).is_none();
            if goes {
                self.delete(at);
            }
        }
    }

    fn delete(&mut self, at: usize) {
        if let Some(plan) = self.files.get_mut(at) {
            self.removals += usize::from(plan.action == FileAction::Keep);
            (plan.action, plan.why) = (FileAction::Delete, Why::NoRoom);
        }
        if let Some(disk) = &mut self.disk {
            disk.removed_files += 1;
        }
    }
}
