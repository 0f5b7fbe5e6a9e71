//! `docs/reliability.md`: what the campaign of the transcript did and found, written by the command that ran it; that of the house has a
//! page of its own (`house`).
//!
//! The tests add one JSON line for each part of the campaign to a file that this names; the page is made of those lines. Nothing
//! is written of a run that failed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::house;
use crate::{
    error::{Error, Result},
    run, say,
    workspace::Workspace,
};

/// The page, below the root.
const PAGE: &str = "docs/reliability.md";

/// What does not change from run to run.
const HEAD: &str = "# What the transcript withstands

Written by `cargo xtask torture transcript --write`; do not edit.

Writers work on a session through the real store and tell each call and each acknowledgement to a log outside. Then something goes
wrong, the raw bytes are judged, a writer comes as any does after a crash, and they are judged again. The judge
(`latchwork_testkit::history`) shares no code with the product. It checks that everything acknowledged for a level that the
fault covers is there (I-T1), nothing is there that nobody sent, byte for byte (I-T2), nothing twice (I-T3), all in the order of the
calls (I-T4), in whole lines that read (I-T5), with parents that stand earlier (I-T6), that bytes of others are untouched (I-T7),
readers saw a prefix (I-T8), quarantine and kept bytes make the original (I-T9), and what was refused is not there (I-T10).
Damage that was planted before and is reported is allowed.
";

/// What the numbers are of.
const NOTES: &str = "
The processor time is that of the judging process; real writers are processes of their own.

A real cut is the filesystem's own shutdown (`FS_IOC_SHUTDOWN` without a flush of its log) on a loop device, then a mount, which lets it recover
as it does after a loss of power. So everything is lost that it had not yet handed to its device: pages, names, its journal in memory. The
device keeps what it was handed, whole: caches of a device that lose a flush, torn sectors and rubbish in them are in the states in memory
only. What was acknowledged before the shutdown was asked for counts; what was said while it went on does not. It needs root, `mkfs.ext4` and
`mkfs.xfs`.

`fdatasync` on ext4 while others read is a fault of the kernel (Linux 6.18 has it): it may return before the file's new size is in the journal, where a
reader's access time is written at that moment. The store calls `fsync`, which waits for any change of the inode; the control shows that the look at the
journal would see the other.
";

/// What each part is, and the words for it.
const PARTS: [(&str, &str); 7] = [
    (
        "kills",
        "Real writers, three at once, killed at any moment or in the middle of a write, a peer without locks beside them",
    ),
    (
        "system calls",
        "A real writer killed at each of its system calls in turn (strace)",
    ),
    (
        "failing calls",
        "Each call to the disk failing once, or from then on (EIO, ENOSPC, interrupted, cut short, done and yet failed), over every operation of the store, in memory",
    ),
    (
        "cuts ext4",
        "Real cuts on ext4: real writers, two at once, the filesystem shut down at any moment and mounted again",
    ),
    ("cuts xfs", "Real cuts on XFS: the same"),
    (
        "journal ext4",
        "Appends on ext4 while four others read: each that is acknowledged as durable has cost a transaction of the journal",
    ),
    (
        "states",
        "States after a loss of power or a kill at any change, in memory; of the recoveries three in ten are cut again",
    ),
];

/// Where the figures of a run are gathered.
#[derive(Debug)]
pub(super) struct Figures {
    path: PathBuf,
    is_house: bool,
}

impl Figures {
    /// Begins with none, where the page is wanted.
    ///
    /// # Errors
    /// `File` if the old figures cannot be removed.
    pub(super) fn begin(
        workspace: &Workspace,
        wanted: bool,
        campaign: &str,
    ) -> Result<Option<Self>> {
        if !wanted {
            return Ok(None);
        }
        let is_house = campaign == super::HOUSE;
        let name = if is_house { "house" } else { "transcript" };
        let path = workspace.root.join(format!("target/torture-{name}.jsonl"));
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::File {
                doing: "remove",
                path,
                source,
            }),
            _ => Ok(Some(Self { path, is_house })),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the page.
    ///
    /// # Errors
    /// `File` if the figures cannot be read or the page cannot be written.
    pub(super) fn write(&self, workspace: &Workspace) -> Result<()> {
        let lines = fs::read_to_string(&self.path).map_err(|source| Error::File {
            doing: "read",
            path: self.path.clone(),
            source,
        })?;
        let about = about(workspace)?;
        let (name, page) = if self.is_house {
            (house::PAGE, house::page(&lines, &about))
        } else {
            (PAGE, page(&lines, &about))
        };
        let path = workspace.root.join(name);
        fs::write(&path, page).map_err(|source| Error::File {
            doing: "write",
            path,
            source,
        })?;
        say::line(format_args!("{name} written"));
        Ok(())
    }
}

/// When, of what, and where.
fn about(workspace: &Workspace) -> Result<String> {
    let said = |program: &str, words: &[&str]| -> Result<String> {
        let mut command = Command::new(program);
        command.args(words).current_dir(&workspace.root);
        let answer = run::capture(&mut command)?;
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    };
    let date = said("date", &["-u", "+%F %H:%M UTC"])?;
    let commit = said("git", &["describe", "--always", "--dirty"])?;
    let kernel = said("uname", &["-srm"])?;
    Ok(format!(
        "- Date: {date}\n- Commit: {commit}\n- Kernel: {kernel}\n"
    ))
}

fn page(lines: &str, about: &str) -> String {
    let read: Vec<Value> = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let mut page = format!(
        "{HEAD}\n{about}\n| what | seed | faults | left a torn end | calls | acknowledgements | broken | seconds | of processor |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    for (name, words) in PARTS {
        match read.iter().find(|part| part["what"] == name) {
            Some(part) if part["skipped"].is_string() => {
                let why = part["skipped"].as_str().unwrap_or_default();
                page += &format!("| {words} | | **SKIPPED**: {why} | | | | | | |\n");
            }
            Some(part) => page += &row(words, part),
            None => page += &format!("| {words} | | not done | | | | | | |\n"),
        }
    }
    page += NOTES;
    page += "\n## Controls\n\nEach is wrong in one way, and the campaign must see it within 1 % of its size; in real cuts within 300, each of a new session (a name that was not synced is lost only where nothing else has written the journal since).\n\n| wrong in this way | seen after so many faults |\n|---|--:|\n";
    let is_control = |part: &&Value| PARTS.iter().all(|(name, _)| part["what"] != *name);
    for part in read.iter().filter(is_control) {
        let name = part["what"].as_str().unwrap_or_default();
        let seen = match part["skipped"].as_str() {
            Some(why) => format!("**SKIPPED**: {why}"),
            None => part["faults"].to_string(),
        };
        page += &format!("| {name} | {seen} |\n");
    }
    page
}

fn row(words: &str, part: &Value) -> String {
    let seconds = |name: &str| part[name].as_f64().unwrap_or(0.0);
    format!(
        "| {words} | {} | {} | {} | {} | {} | {} | {:.1} | {:.1} |\n",
        part["seed"],
        part["faults"],
        part["torn"],
        part["calls"],
        part["acknowledgements"],
        part["broken"],
        seconds("seconds"),
        seconds("cpu"),
    )
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn the_page_has_what_was_done_what_was_not_and_each_control() {
        let lines = concat!(
            r#"{"what":"kills","seed":7,"faults":2000,"seconds":12.34,"cpu":1,"torn":3,"calls":4,"acknowledgements":5,"broken":0}"#,
            "\n",
            r#"{"what":"no-sync","seed":7,"faults":23,"seconds":1,"cpu":1,"torn":3,"calls":4,"acknowledgements":5,"broken":9}"#,
            "\n",
            r#"{"what":"cuts xfs","skipped":"no right"}"#,
            "\n",
        );
        let page = page(lines, "- Date: today\n");
        assert!(
            page.contains("| 7 | 2000 | 3 | 4 | 5 | 0 | 12.3 | 1.0 |"),
            "{page}"
        );
        assert!(page.contains("| no-sync | 23 |"), "{page}");
        assert!(page.contains("| **SKIPPED**: no right |"), "{page}");
        assert_eq!(page.matches("not done").count(), 5, "{page}");
        assert!(page.contains("- Date: today"));
    }
}
