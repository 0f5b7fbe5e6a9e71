//! Paths of somebody's machine: of no use to anybody else, and a leak of who and where. Documentation and fixtures use
//! the neutral users below, or a single letter.

use super::{Finding, Subject};
use crate::error::Result;

/// Written in pieces, so that this file passes its own check.
const HOMES: &str = concat!("/", "home", "/");
const FOREIGN: [&str; 2] = [concat!("/", "root", "/"), concat!("/", "work", "/")];
const NEUTRAL_USERS: [&str; 6] = ["user", "dev", "you", "me", "alice", "bob"];

pub(super) fn look(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    let lines = subject.tree.texts().flat_map(|(path, text)| {
        text.lines()
            .enumerate()
            .filter_map(move |(at, line)| Some((path, at + 1, machine_path(line)?)))
    });
    Ok(lines
        .map(|(path, line, found)| {
            Finding::at(path, line, format!("`{found}` is a path of one machine"))
        })
        .collect())
}

/// The first such path on a line, cut after the part that gives it away.
fn machine_path(line: &str) -> Option<&str> {
    let homes = occurrences(line, HOMES).filter_map(|at| {
        let user = line[at + HOMES.len()..]
            .split(|c: char| !c.is_alphanumeric() && !"-_.".contains(c))
            .next()?;
        let given = user.len() > 1 && !NEUTRAL_USERS.contains(&user);
        given.then(|| &line[at..at + HOMES.len() + user.len()])
    });
    let foreign = FOREIGN
        .iter()
        .flat_map(|root| occurrences(line, root).map(|at| &line[at..at + root.len()]));
    homes.chain(foreign).next()
}

/// Where the path starts, if it does not continue another one.
fn occurrences<'l>(line: &'l str, root: &'l str) -> impl Iterator<Item = usize> + 'l {
    let starts = line.match_indices(root).map(|(at, _)| at);
    starts.filter(|&at| {
        !line[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || "._-~*}>$".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::{super::tests::findings, *};
    use crate::workspace::tests::workspace;

    #[test]
    fn paths_of_one_machine_are_found() {
        let lines = [
            format!("see {HOMES}carol/x"),
            format!("\"{}main\"", FOREIGN[1]),
            format!("file://{}.x", FOREIGN[0]),
        ];
        let found = findings(look, &workspace(&[]), &[("a.txt", &lines.join("\n"))]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].starts_with(&format!("a.txt:1: `{HOMES}carol`")),
            "{found:?}"
        );
    }

    #[test]
    fn neutral_users_and_longer_paths_pass() {
        let lines = [
            format!("{HOMES}user/project, {HOMES}a/b"),
            format!("src{}x", FOREIGN[1]),
            format!("{HOMES}<name>/x"),
        ];
        assert_eq!(
            findings(look, &workspace(&[]), &[("a.txt", &lines.join("\n"))]),
            [""; 0]
        );
    }
}
