//! How the filesystem that holds a path is mounted, from the kernel's table (`/proc/self/mountinfo`).
//!
//! For people: what a mount option promises, the kernel keeps or not. Limit: on Linux only.

use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// A filesystem as it is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub point: PathBuf,
    /// What the kernel calls its kind: `ext4`, `overlay`.
    pub kind: String,
    /// The options of this mount and of the filesystem behind it.
    pub options: Vec<String>,
}

impl Mount {
    /// Whether an option is set, word for word.
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|set| set == option)
    }
}

/// The mount that a path lies on.
pub(crate) fn of(path: &Path) -> io::Result<Option<Mount>> {
    let path = std::fs::canonicalize(path)?;
    let Ok(table) = std::fs::read("/proc/self/mountinfo") else {
        return Ok(None);
    };
    Ok(longest(&table, &path))
}

/// The deepest mount above a path; of two at one place the later one covers the earlier.
fn longest(table: &[u8], path: &Path) -> Option<Mount> {
    table
        .split(|byte| *byte == b'\n')
        .filter_map(parse)
        .filter(|mount| path.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.components().count())
}

/// `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue`
fn parse(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let point = PathBuf::from(std::ffi::OsString::from_vec(unescaped(words.nth(4)?)));
    let own = words.next()?;
    let mut rest = words.skip_while(|word| *word != b"-").skip(1);
    let kind = String::from_utf8_lossy(rest.next()?).into_owned();
    let behind = rest.nth(1).unwrap_or_default();
    let options = [own, behind]
        .iter()
        .flat_map(|list| list.split(|byte| *byte == b','))
        .filter(|option| !option.is_empty())
        .map(|option| String::from_utf8_lossy(option).into_owned())
        .collect();
    Some(Mount {
        point,
        kind,
        options,
    })
}

/// Spaces and the like stand in the table as `\\040`.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        let digits = after
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal.filter(|_| *first == b'\\') {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: &[u8] = b"1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/a rw,errors=continue\n\
        2 1 0:5 / /mnt/with\\040space rw - overlay overlay rw,lowerdir=/l,volatile\n\
        3 1 0:6 / /mnt rw,noatime - tmpfs tmpfs rw,size=64k\n";

    #[test]
    fn the_deepest_mount_above_a_path_is_its_own_with_the_options_of_both() {
        let of = |path: &str| longest(TABLE, Path::new(path)).unwrap();
        assert_eq!(of("/home/a").kind, "ext4");
        assert_eq!(of("/mnt/x").kind, "tmpfs");
        assert_eq!(of("/mntx").kind, "ext4", "a name is more than its letters");
        let overlay = of("/mnt/with space/x");
        assert!(overlay.has("volatile") && !overlay.has("vol"));
        assert!(of("/mnt").has("noatime") && of("/mnt").has("size=64k"));
    }

    #[test]
    fn this_machine_tells_where_the_root_is_mounted() {
        if let Some(root) = of(Path::new("/")).unwrap() {
            assert_eq!(root.point, Path::new("/"));
            assert!(!root.kind.is_empty());
        }
    }

    proptest! {
        #[test]
        fn no_table_makes_reading_panic(table in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = longest(&table, Path::new("/a"));
        }
    }
}
