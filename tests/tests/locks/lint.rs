//! Locks of the kind that any `close` of the file gives away are used nowhere, and the linter keeps it so.

use crate::source::{root, rust_below};

/// How such a lock can be spelled.
const WORDS: &[&str] = &["fcntl_lock", "F_SETLK", "F_OFD_SETLK", "lockf"];

fn takes_one(text: &str) -> bool {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.into_iter()
        .any(|line| WORDS.iter().any(|word| line.contains(word)))
}

#[test]
fn no_lock_of_the_other_kind_is_taken_anywhere() {
    let crates = std::fs::read_dir(root().join("crates")).unwrap();
    let folders: Vec<String> = crates
        .map(|entry| {
            format!(
                "crates/{}/src",
                entry.unwrap().file_name().to_string_lossy()
            )
        })
        .collect();
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    let sources = rust_below(&folders);
    assert!(sources.len() > 100, "the source is read");
    for (path, text) in sources {
        assert!(!takes_one(&text), "{path:?}: flock only, in latchwork-sys");
    }
    let bans = std::fs::read_to_string(root().join("clippy.toml")).unwrap();
    for banned in [
        "rustix::fs::fcntl_lock",
        "std::fs::File::lock",
        "std::fs::File::try_lock",
    ] {
        assert!(bans.contains(&format!("path = \"{banned}\"")), "{banned}");
    }
    assert!(takes_one("    rustix::fs::fcntl_lock(file, how)?;"));
    assert!(!takes_one(
        "    // not fcntl_lock, whose locks any close gives away"
    ));
}
