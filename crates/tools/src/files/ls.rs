//! `ls`: what lies in a directory, sorted, without following anything.
//!
//! Memory is bounded by the limit, not by the directory: of all names only the first ones in order are kept.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fmt::Write as _;
use std::os::fd::OwnedFd;

use latchwork_session::{ToolOutcome, ToolStatus};
use rustix::fs::{AtFlags, Dir, FileType, readlinkat, statat};
use serde_json::json;

use crate::arguments;
use crate::beneath::Root;
use crate::options::Options;
use crate::outcome::error;
use crate::refusal::Refusal;

/// Blocks on the filesystem.
pub(crate) fn ls(root: &Root, options: &Options, asked: &arguments::Ls) -> ToolOutcome {
    let path = asked.path.as_deref().unwrap_or(".");
    let most = asked.limit.map_or(options.max_entries, |limit| {
        limit.get().min(options.max_entries)
    });
    let listed = root.directory(path).and_then(|dir| {
        let names = names(&dir, most).map_err(|errno| Refusal::io(path, &errno.into()))?;
        Ok((dir, names))
    });
    match listed {
        Ok((dir, names)) => outcome(&dir, &names, options.max_output_bytes),
        Err(refusal) => error(format!("Cannot list it: {refusal}.")),
    }
}

struct Names {
    first: BTreeSet<CString>,
    total: usize,
}

fn names(dir: &OwnedFd, most: usize) -> Result<Names, rustix::io::Errno> {
    let mut names = Names {
        first: BTreeSet::new(),
        total: 0,
    };
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        names.total += 1;
        names.first.insert(name.to_owned());
        if names.first.len() > most {
            names.first.pop_last();
        }
    }
    Ok(names)
}

fn outcome(dir: &OwnedFd, names: &Names, max_bytes: usize) -> ToolOutcome {
    let mut text = String::new();
    let mut shown = 0;
    for name in &names.first {
        let line = line(dir, name);
        if text.len() + line.len() > max_bytes {
            break;
        }
        text.push_str(&line);
        shown += 1;
    }
    let left_out = names.total - shown;
    if names.total == 0 {
        text.push_str("[the directory is empty]");
    } else if left_out > 0 {
        let _ = write!(
            text,
            "\n[{shown} of {} entries; {left_out} more are not shown]",
            names.total
        );
    }
    let details = json!({ "entries": names.total, "shown": shown });
    ToolOutcome {
        details: Some(details),
        ..ToolOutcome::text(ToolStatus::Ok, text)
    }
}

/// Kind, size, name. What vanished meanwhile is still named.
fn line(dir: &OwnedFd, name: &CString) -> String {
    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok();
    let kind = stat.map_or(FileType::Unknown, |stat| {
        FileType::from_raw_mode(stat.st_mode)
    });
    let size = match (kind, stat) {
        (FileType::RegularFile, Some(stat)) => stat.st_size.to_string(),
        _ => "-".to_owned(),
    };
    let mut line = format!("{}\t{size}\t{}", kind_word(kind), shown_name(name));
    if kind == FileType::Symlink
        && let Ok(target) = readlinkat(dir, name, Vec::new())
    {
        let _ = write!(line, " -> {}", shown_name(&target));
    }
    line.push('\n');
    line
}

/// A name on one line: control characters escaped, what is not UTF-8 as `\xNN`.
fn shown_name(name: &CString) -> String {
    let mut shown = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() {
                shown.extend(char.escape_default());
            } else {
                shown.push(char);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

const fn kind_word(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "symlink",
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        FileType::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use latchwork_session::{ContentPart, ToolOutcome, ToolStatus};
    use serde_json::json;

    use super::{Options, Root, arguments, ls};

    fn listing(dir: &tempfile::TempDir, asked: serde_json::Value) -> (ToolStatus, String) {
        let root = Root::open(dir.path()).unwrap();
        let ToolOutcome {
            status, content, ..
        } = ls(
            &root,
            &Options::default(),
            &arguments::parse(asked).unwrap(),
        );
        let [ContentPart::Text(text)] = &content[..] else {
            panic!("{content:?}")
        };
        (status, text.clone())
    }

    #[test]
    fn entries_are_sorted_with_kind_and_size_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("b"), "12345").unwrap();
        std::fs::write(dir.path().join(".hidden"), "").unwrap();
        std::fs::create_dir(dir.path().join("c")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("a")).unwrap();
        let expected =
            "file\t0\t.hidden\nsymlink\t-\ta -> /etc/passwd\nfile\t5\tb\ndirectory\t-\tc\n";
        assert_eq!(
            listing(&dir, json!({})),
            (ToolStatus::Ok, expected.to_owned())
        );
        assert_eq!(
            listing(&dir, json!({ "path": "c" })).1,
            "[the directory is empty]"
        );
        assert_eq!(listing(&dir, json!({ "path": "b" })).0, ToolStatus::Error);
    }

    #[test]
    fn the_first_entries_in_order_are_shown_and_the_rest_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        for number in (0..30).rev() {
            std::fs::write(dir.path().join(format!("f{number:02}")), "").unwrap();
        }
        let (_, text) = listing(&dir, json!({ "limit": 2 }));
        assert_eq!(
            text,
            "file\t0\tf00\nfile\t0\tf01\n\n[2 of 30 entries; 28 more are not shown]"
        );
    }

    #[test]
    fn a_name_cannot_make_a_line_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(OsStr::from_bytes(b"x\ny\x1b[2J\xff")), "").unwrap();
        assert_eq!(
            listing(&dir, json!({})).1,
            "file\t0\tx\\ny\\u{1b}[2J\\xff\n"
        );
    }
}
