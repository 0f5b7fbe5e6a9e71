//! Removing a folder of what a session consisted of, and what a receipt says of it: how much it was, and the transcript's sum.
//!
//! Invariants: no link is followed; a folder goes after what lies in it, so that a removal that was interrupted can be ended. Limit:
//! names and blocks are given back to the filesystem, not overwritten; what was on the device may be there until it is used again.

use std::path::Path;

use latchwork_sys::{DiskFile, FileKind, IoDoing, OpenHow, PathError, System};
use sha2::{Digest as _, Sha256};

/// How deep folders are gone into: a session, its sidecars, its quarantine, and one to spare.
const DEPTH_MAX: usize = 4;
/// How much is read at a time, in bytes.
const BLOCK: usize = 256 << 10;

/// How many files lie in a folder, and what they take, in bytes.
///
/// # Errors
/// [`PathError`] when it cannot be looked at.
///
/// # Blocking
/// For a look at each of its files.
pub fn weigh(system: &System, folder: &Path) -> Result<(usize, u64), PathError> {
    let (mut files, mut bytes) = (0_usize, 0_u64);
    walk(system, folder, DEPTH_MAX, &mut |_, facts| {
        if facts.kind != FileKind::Directory {
            files += 1;
            bytes = bytes.saturating_add(facts.size);
        }
        Ok(())
    })?;
    Ok((files, bytes))
}

/// Removes a folder with what lies in it; one that is not there is gone. Durable when it returns.
///
/// # Errors
/// [`PathError`]; what is left can be removed by the next call.
///
/// # Blocking
/// For a removal of each of its files, and a sync.
pub fn erase(system: &System, folder: &Path) -> Result<(), PathError> {
    system.steps.reach("erase:begun");
    walk(system, folder, DEPTH_MAX, &mut |path, facts| {
        let removed = match facts.kind {
            FileKind::Directory => system.disk.remove_dir(path),
            _ => system.disk.remove(path),
        };
        gone(removed).doing("remove", path)?;
        system.steps.reach("erase:removed");
        Ok(())
    })?;
    gone(system.disk.remove_dir(folder)).doing("remove", folder)?;
    let above = crate::names::named(folder.parent().unwrap_or(folder));
    system.disk.sync_dir(above).doing("make durable", above)
}

/// The SHA-256 of a file, in hexadecimal digits; `None` where there is none.
///
/// # Errors
/// [`PathError`] when it cannot be read.
///
/// # Blocking
/// For reading all of it.
pub fn digest(system: &System, path: &Path) -> Result<Option<String>, PathError> {
    let file = match system.disk.open(path, &OpenHow::reading()) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).doing("open", path),
    };
    digest_of(&*file).map(Some).doing("read", path)
}

fn digest_of(file: &dyn DiskFile) -> std::io::Result<String> {
    let (mut sum, mut block, mut at) = (Sha256::new(), vec![0; BLOCK], 0_u64);
    loop {
        let read = file.read_at(&mut block, at)?;
        if read == 0 {
            break;
        }
        sum.update(block.get(..read).unwrap_or_default());
        at += read as u64;
    }
    let digits = sum.finalize();
    Ok(digits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whatever was there before is not there now.
fn gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Each thing in a folder, what lies in a folder before the folder itself.
fn walk(
    system: &System,
    folder: &Path,
    depth: usize,
    each: &mut impl FnMut(&Path, &latchwork_sys::FileFacts) -> Result<(), PathError>,
) -> Result<(), PathError> {
    let names = match system.disk.list(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).doing("list", folder),
    };
    for name in names {
        let path = folder.join(name);
        let Some(facts) = crate::belongings::facts(system, &path)? else {
            continue;
        };
        if facts.kind == FileKind::Directory && depth > 0 {
            walk(system, &path, depth - 1, each)?;
        }
        each(&path, &facts)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{digest, erase, weigh};
    use latchwork_sys::System;

    #[test]
    fn a_folder_goes_with_all_that_lies_in_it_and_a_link_goes_alone() {
        let (system, dir) = (System::real(), tempfile::tempdir().unwrap());
        let (folder, other) = (dir.path().join("f"), dir.path().join("other"));
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("kept"), "x").unwrap();
        std::fs::write(folder.join("a/b/c"), "12345").unwrap();
        std::os::unix::fs::symlink(&other, folder.join("a/link")).unwrap();
        assert_eq!(weigh(&system, &folder).unwrap().0, 2);
        erase(&system, &folder).unwrap();
        assert!(!folder.exists() && other.join("kept").exists());
        erase(&system, &folder).unwrap();
    }

    #[test]
    fn the_sum_of_a_file_is_its_sha_256_and_one_that_is_missing_has_none() {
        let (system, dir) = (System::real(), tempfile::tempdir().unwrap());
        let file = dir.path().join("abc");
        assert_eq!(digest(&system, &file).unwrap(), None);
        std::fs::write(&file, "abc").unwrap();
        assert_eq!(
            digest(&system, &file).unwrap().as_deref(),
            Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
    }
}
