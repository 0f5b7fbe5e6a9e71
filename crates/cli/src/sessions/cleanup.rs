//! `latchwork sessions cleanup`: what maintenance would take out of a store and its folder, and why; or doing it.

use std::path::Path;

use latchwork::Latchwork;
use latchwork::openclaw_home::maintenance::{
    Asked, Cleanup as What, CleanupReport, FileAction, MaintenanceMode, Plan, RowAction, RowPlan,
};
use latchwork::openclaw_home::{FileSort, MalformedRow, agent};
use serde_json::{Value, json};

use crate::args::Cleanup;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};

use super::list::{age, shortened};
use super::store;

/// Runs the command.
pub(super) async fn run(
    typed: &Cleanup,
    latchwork: &Latchwork,
    errors: Errors,
) -> Result<Exit, Failure> {
    let paths = if typed.all_agents {
        store::of_all(latchwork)?
    } else {
        vec![store::of(typed.store.as_deref(), latchwork)?]
    };
    let mut output = Output::standard();
    let (mut summaries, mut exit) = (Vec::new(), Exit::Ok);
    for path in &paths {
        let summary = one(typed, latchwork, errors, path, &mut output, &mut exit).await?;
        summaries.extend(summary);
    }
    if typed.json && typed.all_agents {
        output.json(&json!({
            "allAgents": true,
            "mode": summaries.first().map(|summary| summary["mode"].clone()),
            "dryRun": typed.dry_run,
            "stores": summaries,
        }))?;
    } else {
        for summary in &summaries {
            output.json(summary)?;
        }
    }
    output.finish()?;
    Ok(exit)
}

/// What is asked for by name, of this store.
fn asked(typed: &Cleanup, latchwork: &Latchwork, errors: Errors, path: &Path) -> Asked {
    let mut asked = Asked {
        fix_missing: typed.fix_missing,
        fix_dm_scope: None,
    };
    if typed.fix_dm_scope {
        let scope = latchwork.dm_scope_of(path);
        if scope == "main" {
            asked.fix_dm_scope = Some(Latchwork::agent_of(path).unwrap_or("main").to_owned());
        } else {
            errors.warn(&format!(
                "session.dmScope is {scope}, so direct messages keep their own sessions in {}",
                path.display()
            ));
        }
    }
    asked
}

/// One store: what is said of it in JSON, if that is wanted; else it is told in words.
async fn one(
    typed: &Cleanup,
    latchwork: &Latchwork,
    errors: Errors,
    path: &Path,
    output: &mut Output,
    exit: &mut Exit,
) -> Result<Option<Value>, Failure> {
    let index = latchwork.session_index(path)?;
    let rows = index.read()?.ok_or_else(|| store::missing(path))?;
    let (mut options, told) = latchwork.maintenance_of(path);
    for told in told {
        errors.warn(&told);
    }
    if typed.enforce {
        options.mode = MaintenanceMode::Enforce;
    }
    let what = What {
        asked: asked(typed, latchwork, errors, path),
        active_keys: typed.active_key.iter().cloned().collect(),
        options,
    };
    let (plan, report) = if typed.dry_run {
        (index.plan_cleanup(&what)?, None)
    } else {
        let wait = latchwork.settings().store.locks.wait();
        let report = index.cleanup(wait, &what).await?;
        (report.plan.clone(), Some(report))
    };
    let failed = |report: &CleanupReport| report.files.iter().any(|file| file.failed.is_some());
    if report.as_ref().is_some_and(failed) {
        *exit = Exit::Failure;
    }
    let told = Told {
        path: path.display().to_string(),
        what: &what,
        plan: &plan,
        report: report.as_ref(),
        before: rows.len(),
        malformed: rows.malformed(),
    };
    if typed.json {
        return Ok(Some(told.as_json()));
    }
    told.in_words(output);
    Ok(None)
}

struct Told<'a> {
    path: String,
    what: &'a What,
    plan: &'a Plan,
    report: Option<&'a CleanupReport>,
    before: usize,
    malformed: Vec<MalformedRow>,
}

impl Told<'_> {
    fn is_enforced(&self) -> bool {
        self.what.options.mode == MaintenanceMode::Enforce
    }

    /// Rows that are to go, each for what it is.
    fn going(&self) -> usize {
        let rows = self
            .plan
            .rows
            .iter()
            .filter(|row| row.action != RowAction::Keep);
        rows.map(|row| row.texts.len()).sum()
    }

    /// Files of no row, and what they take.
    fn unreferenced(&self) -> Value {
        let known = |file: &&latchwork::openclaw_home::maintenance::FilePlan| {
            matches!(
                file.file.sort,
                FileSort::Transcript | FileSort::Checkpoint { .. } | FileSort::Trajectory
            )
        };
        let seen = self.plan.files.iter().filter(known);
        let gone: Vec<_> = seen
            .clone()
            .filter(|file| file.action != FileAction::Keep)
            .collect();
        let freed = gone.iter().filter(|file| file.action == FileAction::Delete);
        json!({
            "scannedFiles": seen.count(),
            "removedFiles": gone.len(),
            "freedBytes": freed.map(|file| file.file.bytes).sum::<u64>(),
            "olderThanMs": self.what.options.prune_after_ms,
        })
    }

    fn as_json(&self) -> Value {
        let of_rows = || self.plan.rows.iter().find_map(|row| agent(&row.key));
        let agent_id = Latchwork::agent_of(Path::new(&self.path)).or_else(of_rows);
        let disk = self.plan.disk.map(|disk| {
            json!({
                "totalBytesBefore": disk.total_before,
                "totalBytesAfter": disk.total_after,
                "removedFiles": disk.removed_files,
                "removedEntries": disk.removed_entries,
                "freedBytes": disk.freed,
                "maxBytes": disk.max,
                "highWaterBytes": disk.high_water,
                "overBudget": disk.over,
            })
        });
        let mut summary = json!({
            "agentId": agent_id.unwrap_or("main"),
            "storePath": self.path,
            "mode": self.what.options.mode.name(),
            "dryRun": self.report.is_none(),
            "beforeCount": self.before,
            "afterCount": self.before.saturating_sub(self.going()),
            "missing": self.plan.count(RowAction::PruneMissing),
            "dmScopeRetired": self.plan.count(RowAction::RetireDmScope),
            "pruned": self.plan.count(RowAction::PruneStale),
            "capped": self.plan.count(RowAction::CapOverflow),
            "unreferencedArtifacts": self.unreferenced(),
            "diskBudget": disk,
            "wouldMutate": self.plan.would_change(),
            "malformed": self.malformed.iter().map(|row| json!({ "key": row.key, "why": row.why })).collect::<Vec<_>>(),
            "rows": self.plan.rows.iter().map(|row| self.row_json(row)).collect::<Vec<_>>(),
            "files": self.files_json(),
        });
        if let (Some(report), Some(summary)) = (self.report, summary.as_object_mut()) {
            summary.insert("applied".into(), json!(true));
            summary.insert("appliedCount".into(), json!(report.rows_after));
        }
        summary
    }

    fn row_json(&self, row: &RowPlan) -> Value {
        let done = self
            .report
            .and_then(|report| report.rows.iter().find(|done| done.key == row.key));
        json!({
            "key": row.key,
            "sessionId": row.session_id,
            "updatedAt": row.updated_at,
            "action": row.action.name(),
            "why": row.why.to_string(),
            "bytes": row.bytes,
            "stayed": done.and_then(|done| done.stayed),
        })
    }

    fn files_json(&self) -> Vec<Value> {
        let files = self.plan.files.iter().map(|file| {
            let name = &file.file.name;
            let done = self
                .report
                .and_then(|report| report.files.iter().find(|done| done.name == *name));
            let (action, to) = match done.map_or(&file.action, |done| &done.action) {
                FileAction::Archive { to } => ("archive", Some(to)),
                FileAction::Delete => ("delete", None),
                FileAction::Keep => ("keep", None),
            };
            let failed = done.and_then(|done| done.failed.as_ref());
            json!({
                "name": name,
                "bytes": file.file.bytes,
                "action": action,
                "to": to,
                "why": file.why.to_string(),
                "stayed": done.and_then(|done| done.stayed),
                "error": failed.map(|error| format!("{error}: {}", error.source)),
            })
        });
        files.collect()
    }

    fn in_words(&self, output: &mut Output) {
        output.line(format!("Session store: {}", self.path));
        output.line(format!(
            "Maintenance mode: {}",
            self.what.options.mode.name()
        ));
        for row in &self.malformed {
            output.line(format!("Malformed row {:?} is kept: {}", row.key, row.why));
        }
        let going = self.going();
        match self.report {
            None => {
                let after = self.before.saturating_sub(going);
                output.line(format!(
                    "Entries: {} -> {after} (remove {going})",
                    self.before
                ));
            }
            Some(report) => output.line(format!(
                "Applied maintenance. Current entries: {}",
                report.rows_after
            )),
        }
        for action in [
            RowAction::RetireDmScope,
            RowAction::PruneMissing,
            RowAction::PruneStale,
            RowAction::CapOverflow,
            RowAction::EvictBudget,
        ] {
            let count = self.plan.count(action);
            if count > 0 {
                output.line(format!("  {}: {count}", action.name()));
            }
        }
        if let Some(disk) = &self.plan.disk {
            output.line(format!(
                "Disk: {} -> {} bytes (limit {}, high water {})",
                disk.total_before, disk.total_after, disk.max, disk.high_water
            ));
        }
        if !self.is_enforced() && self.plan.would_change() {
            output.line("The mode is warn, so nothing goes but what was asked for by name; --enforce does it.");
        }
        self.table(output);
    }

    /// What goes, and what was to go and stayed.
    fn table(&self, output: &mut Output) {
        let going = self
            .plan
            .rows
            .iter()
            .filter(|row| row.action != RowAction::Keep);
        for row in going {
            let ms = row
                .updated_at
                .map(|at| self.plan.at_ms.saturating_sub(at).max(0));
            let done = self
                .report
                .and_then(|report| report.rows.iter().find(|done| done.key == row.key));
            let stayed = match done.and_then(|done| done.stayed) {
                Some(why) => format!("; it stayed: {why}"),
                None => String::new(),
            };
            output.line(format!(
                "{:<16} {:<26} {:<9} {}{stayed}",
                row.action.name(),
                shortened(&row.key),
                age(ms),
                row.why
            ));
        }
        for file in self
            .plan
            .files
            .iter()
            .filter(|file| file.action != FileAction::Keep)
        {
            let name = &file.file.name;
            let done = self
                .report
                .and_then(|report| report.files.iter().find(|done| done.name == *name));
            let what = match &file.action {
                FileAction::Archive { .. } => "archive",
                _ => "delete",
            };
            let failed = done.and_then(|done| done.failed.as_ref());
            let stayed = match (failed, done.and_then(|done| done.stayed)) {
                (Some(error), _) => format!("; {error}: {}", error.source),
                (None, Some(why)) => format!("; it stayed: {why}"),
                (None, None) => String::new(),
            };
            output.line(format!(
                "{what:<16} {name} ({} bytes) {}{stayed}",
                file.file.bytes, file.why
            ));
        }
    }
}
