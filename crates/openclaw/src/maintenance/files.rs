//! Which files go: those that no row and no transcript that stays refers to, once they are old, or their row is gone.

use crate::maintenance::plan::RowAction;
use crate::maintenance::plan::{FileAction, Why};
use crate::maintenance::planner::Planner;
use crate::maintenance::references::Names;
use crate::maintenance::seen::SeenFile;
use crate::names::{ArchiveWhy, FileSort, archive_name};

impl Planner<'_> {
    /// What rows and transcripts that stay refer to.
    pub(super) fn referenced(&self) -> Names {
        let mut names = Names::default();
        for group in self
            .groups
            .iter()
            .filter(|group| group.plan.action == RowAction::Keep)
        {
            for entry in &group.entries {
                names.add(entry, &self.seen.folder);
            }
        }
        for plan in self
            .files
            .iter()
            .filter(|plan| plan.action == FileAction::Keep)
        {
            if let Some(parent) = &plan.file.parent {
                names.add_parent(parent);
            }
        }
        names
    }

    /// Files that no row refers to any more.
    pub(super) fn look_at_files(&mut self) {
        let mut again = true;
        while again {
            again = false;
            let names = self.referenced();
            for at in 0..self.files.len() {
                let Some(plan) = self
                    .files
                    .get(at)
                    .filter(|plan| plan.action == FileAction::Keep)
                else {
                    continue;
                };
                let (action, why) = self.becomes(&plan.file, &names);
                again |= action != FileAction::Keep;
                self.removals += usize::from(action != FileAction::Keep);
                if let Some(plan) = self.files.get_mut(at) {
                    (plan.action, plan.why) = (action, why);
                }
            }
        }
    }

    /// What keeps a file from every removal.
    pub(super) fn keeps(&self, file: &SeenFile, names: &Names) -> Option<Why> {
        let at_ms = match &file.sort {
            FileSort::Archive { at_ms, .. } => at_ms.unwrap_or_default().max(file.modified_ms),
            _ => file.modified_ms,
        };
        if self.in_use.live.contains(&file.stem) {
            Some(Why::Live)
        } else if file.sort == FileSort::Transcript && self.seen.inboxes.contains(&file.stem) {
            Some(Why::Inbox)
        } else if names.holds(file) {
            Some(Why::Referenced)
        } else {
            self.is_young(at_ms).then_some(Why::Young)
        }
    }

    fn becomes(&self, file: &SeenFile, names: &Names) -> (FileAction, Why) {
        if let Some(why) = self.keeps(file, names) {
            return (FileAction::Keep, why);
        }
        let old = |than_ms: i64| self.is_older(file.modified_ms, than_ms);
        let prune_ms = self.options.prune_after_ms;
        match &file.sort {
            FileSort::Archive { why, at_ms } => {
                let kept_ms = match why {
                    ArchiveWhy::Deleted => Some(prune_ms),
                    ArchiveWhy::Reset => self.options.reset_archive_retention_ms,
                    ArchiveWhy::Backup => None,
                };
                let at_ms = at_ms.unwrap_or_default().max(file.modified_ms);
                match kept_ms {
                    Some(kept_ms) if self.is_older(at_ms, kept_ms) => {
                        (FileAction::Delete, Why::Old)
                    }
                    _ => (FileAction::Keep, Why::NotDue),
                }
            }
            FileSort::Transcript => {
                let to = archive_name(&file.name, ArchiveWhy::Deleted, self.now_ms, 0);
                if self.gone.holds(file) {
                    (FileAction::Archive { to }, Why::RowGone)
                } else if old(prune_ms) {
                    (FileAction::Archive { to }, Why::Unreferenced)
                } else {
                    (FileAction::Keep, Why::NotDue)
                }
            }
            FileSort::Trajectory if self.gone.holds(file) => (FileAction::Delete, Why::RowGone),
            FileSort::Trajectory | FileSort::Checkpoint { .. } if old(prune_ms) => {
                (FileAction::Delete, Why::Unreferenced)
            }
            _ => (FileAction::Keep, Why::NotDue),
        }
    }
}
