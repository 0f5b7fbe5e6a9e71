//! Relative links in Markdown lead to files that are there, and to headings that are there.
//!
//! Addresses with a scheme are not followed: the check needs no network.

use super::{
    Finding, Subject,
    markdown::{anchors, links},
};
use crate::{error::Result, tree::Tree};

pub(super) fn look(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    Ok(subject
        .tree
        .ending(".md")
        .flat_map(|(path, text)| in_page(subject.tree, path, text))
        .collect())
}

fn in_page(tree: &Tree, page: &str, text: &str) -> Vec<Finding> {
    let own = links(text)
        .into_iter()
        .filter(|link| !link.target.contains(':') && !link.target.starts_with("//"));
    own.filter_map(|link| {
        Some(Finding::at(
            page,
            link.line,
            dead(tree, page, &link.target)?,
        ))
    })
    .collect()
}

/// Why the link leads nowhere; None if it leads somewhere.
fn dead(tree: &Tree, page: &str, target: &str) -> Option<String> {
    let (file, anchor) = target
        .split_once('#')
        .map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() {
        Some(page.to_owned())
    } else {
        resolve(page, &file.replace("%20", " "))
    };
    let Some(path) = path else {
        return Some(format!("links to `{target}`, which is outside the project"));
    };
    if !tree.has(&path) {
        return Some(format!("links to `{target}`, but there is no `{path}`"));
    }
    let anchor = anchor.filter(|_| path.ends_with(".md"))?;
    let there = tree.text(&path).map(anchors).unwrap_or_default();
    (!there.iter().any(|a| a == anchor))
        .then(|| format!("links to `{target}`, but `{path}` has no heading `#{anchor}`"))
}

/// The path from the root; None if it leaves the project.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts = page.split('/').collect::<Vec<_>>();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => parts.truncate(parts.len().checked_sub(1)?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::findings, *};
    use crate::workspace::tests::workspace;

    #[test]
    fn links_to_nothing_are_found_with_their_line() {
        let files = [
            (
                "README.md",
                "[a](docs/a.md#here)\n[b](docs/b.md)\n[c](docs/a.md#gone)\n[d](#nowhere)",
            ),
            (
                "docs/a.md",
                "# Here\n[up](../README.md) [out](../../x) [web](https://x.test/y) [dir](.)",
            ),
            ("crates/x/README.md", "[a](../../docs/a.md) [b](src/lib.rs)"),
        ];
        assert_eq!(
            findings(look, &workspace(&[]), &files),
            [
                "README.md:2: links to `docs/b.md`, but there is no `docs/b.md`",
                "README.md:3: links to `docs/a.md#gone`, but `docs/a.md` has no heading `#gone`",
                "README.md:4: links to `#nowhere`, but `README.md` has no heading `#nowhere`",
                "crates/x/README.md:1: links to `src/lib.rs`, but there is no `crates/x/src/lib.rs`",
                "docs/a.md:2: links to `../../x`, which is outside the project",
            ]
        );
    }
}
