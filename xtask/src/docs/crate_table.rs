//! The table of crates in README.md: package, layer and description, from the manifests and the floor plan, so that the
//! list can neither miss a crate nor tell an old story.

use std::fmt::Write as _;

use crate::{
    error::{Error, Result},
    rooms,
    workspace::{Package, Workspace},
};

/// The page that holds the table.
pub(crate) const PAGE: &str = "README.md";

const BEGIN: &str = "<!-- crates:begin -->\n";
const END: &str = "<!-- crates:end -->";

/// The page with the table of today between its markers.
///
/// # Errors
/// `Failed` if the page has not both markers, in order.
pub(crate) fn updated(page: &str, workspace: &Workspace) -> Result<String> {
    let parts = page
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        let message = format!(
            "{PAGE} lacks the lines `{}` and `{END}` around its table of crates",
            BEGIN.trim_end()
        );
        return Err(Error::Failed(message));
    };
    Ok(format!("{before}{BEGIN}{}{END}{after}", table(workspace)))
}

/// Highest layer first, as a reader comes in by the door.
fn table(workspace: &Workspace) -> String {
    let mut rows = workspace
        .packages
        .iter()
        .filter(|package| package.published)
        .collect::<Vec<_>>();
    rows.sort_by_key(|package| (std::cmp::Reverse(layer(package)), &package.name));
    let mut table = String::from("\n| crate | layer | what it is |\n|---|---|---|\n");
    for package in rows {
        let layer = layer(package).map_or_else(|| "-".to_owned(), |layer| layer.to_string());
        let Package {
            name,
            dir,
            description,
            ..
        } = package;
        // Writing into a string cannot fail.
        let _ = writeln!(
            table,
            "| [`{name}`]({dir}) | {layer} | {} |",
            description.replace('|', "\\|")
        );
    }
    table.push('\n');
    table
}

fn layer(package: &Package) -> Option<u8> {
    rooms::find(&package.name).and_then(|room| room.layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::workspace;

    #[test]
    fn the_table_lists_every_crate_from_the_top_and_leaves_the_rest_of_the_page_alone() {
        let workspace = workspace(&[("latchwork-cli", &[], &[]), ("latchwork-lock", &[], &[])]);
        let page = "# Title\n<!-- crates:begin -->\nold\n<!-- crates:end -->\nrest\n";
        let expected = "# Title\n<!-- crates:begin -->\n
| crate | layer | what it is |
|---|---|---|
| [`latchwork-cli`](crates/cli) | 5 | What cli does |
| [`latchwork-lock`](crates/lock) | 0 | What lock does |

<!-- crates:end -->\nrest\n";
        let once = updated(page, &workspace).expect("markers are there");
        assert_eq!(once, expected);
        assert_eq!(
            updated(&once, &workspace).expect("markers are there"),
            once,
            "writing twice changes nothing"
        );
    }

    #[test]
    fn a_page_without_both_markers_is_refused() {
        for page in [
            "",
            "<!-- crates:begin -->\n",
            "<!-- crates:end -->\n<!-- crates:begin -->\n",
        ] {
            assert!(updated(page, &workspace(&[])).is_err(), "{page}");
        }
    }
}
