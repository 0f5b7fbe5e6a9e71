//! Which rows go: missing and old ones, and the oldest of too many.

use crate::key::is_direct;
use crate::maintenance::plan::{RowAction, Why};
use crate::maintenance::planner::Planner;

impl Planner<'_> {
    /// Whether a row that stays came from this one.
    fn has_kept_child(&self, at: usize) -> bool {
        let children = self.groups.get(at).map(|group| group.children.as_slice());
        children.unwrap_or_default().iter().any(|child| {
            let child = self.groups.get(*child);
            child.is_some_and(|child| child.plan.action == RowAction::Keep)
        })
    }

    pub(super) fn prune(&mut self) {
        let mut again = true;
        while again {
            again = false;
            for at in 0..self.groups.len() {
                if let Some((action, why)) = self.due(at)
                    && !self.kept_for(at, None)
                {
                    self.remove(at, action, why);
                    again = true;
                }
            }
        }
    }

    /// What asks for the removal of a row for itself.
    fn due(&self, at: usize) -> Option<(RowAction, Why)> {
        let group = self.groups.get(at)?;
        if group.plan.action != RowAction::Keep {
            return None;
        }
        let of_agent = self.fix_dm_scope.as_deref();
        if of_agent.is_some_and(|agent| is_direct(&group.plan.key, agent)) {
            return Some((RowAction::RetireDmScope, Why::DmScope));
        }
        if self.fix_missing && group.missing {
            return Some((RowAction::PruneMissing, Why::Missing));
        }
        let updated = group.plan.updated_at?;
        let stale = self.is_older(updated, self.options.prune_after_ms) && !group.is_kept_kind;
        stale.then_some((RowAction::PruneStale, Why::Old))
    }

    /// Whether something keeps the row; if so, that is noted.
    fn kept_for(&mut self, at: usize, soft: Option<Why>) -> bool {
        let firm = self.groups.get(at).and_then(|group| group.firm);
        let child = self.has_kept_child(at).then_some(Why::Referenced);
        let why = firm.or(soft).or(child);
        if let (Some(why), Some(group)) = (why, self.groups.get_mut(at)) {
            group.plan.why = why;
        }
        why.is_some()
    }

    pub(super) fn cap(&mut self) {
        if self.kept_rows() >= self.options.cap_from() {
            self.evict(RowAction::CapOverflow, Why::TooMany, |planner| {
                planner.kept_rows() <= planner.options.max_entries
            });
        }
    }

    fn kept_rows(&self) -> usize {
        let kept = self
            .groups
            .iter()
            .filter(|group| group.plan.action == RowAction::Keep);
        kept.map(|group| group.spellings).sum()
    }

    /// Rows go, oldest first and those without a time before them, until it is enough.
    pub(super) fn evict(&mut self, action: RowAction, why: Why, is_enough: impl Fn(&Self) -> bool) {
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by_key(|at| self.groups.get(*at).map(|group| group.plan.updated_at));
        let mut again = true;
        while again {
            again = false;
            for at in order.iter().copied() {
                if is_enough(self) {
                    return;
                }
                let group = self.groups.get(at);
                let soft = group.and_then(|group| group.soft);
                let stays = group.is_some_and(|group| group.plan.action == RowAction::Keep);
                if stays && !self.kept_for(at, soft) {
                    self.remove(at, action, why);
                    again = true;
                }
            }
        }
    }

    fn remove(&mut self, at: usize, action: RowAction, why: Why) {
        let Some(group) = self.groups.get_mut(at) else {
            return;
        };
        (group.plan.action, group.plan.why) = (action, why);
        self.removals += 1;
        self.store_bytes = self.store_bytes.saturating_sub(group.plan.bytes);
        for entry in &group.entries {
            self.gone.add_own(entry, &self.seen.folder);
        }
        if action == RowAction::EvictBudget {
            self.clear_after_eviction();
        }
    }
}
