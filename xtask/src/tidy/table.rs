//! The table of crates in README.md is the one that `cargo xtask docs` would write.

use super::{Finding, Subject};
use crate::{
    docs::crate_table::{self, PAGE},
    error::Result,
};

pub(super) fn look(subject: &Subject<'_>) -> Result<Vec<Finding>> {
    let page = subject.tree.text(PAGE).unwrap_or_default();
    let finding = match crate_table::updated(page, subject.workspace) {
        Ok(updated) if updated == page => None,
        Ok(_) => Some("the table of crates is out of date; run `cargo xtask docs`".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    Ok(finding
        .map(|message| Finding::new(PAGE, message))
        .into_iter()
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{super::tests::findings, *};
    use crate::workspace::tests::workspace;

    #[test]
    fn an_old_table_and_a_missing_one_are_found() {
        let workspace = workspace(&[("latchwork-lock", &[], &[])]);
        let old = "# x\n<!-- crates:begin -->\n<!-- crates:end -->\n";
        assert!(findings(look, &workspace, &[(PAGE, old)])[0].contains("out of date"));
        assert!(findings(look, &workspace, &[(PAGE, "# x")])[0].contains("<!-- crates:begin -->"));
        let current = crate_table::updated(old, &workspace).expect("markers are there");
        assert_eq!(findings(look, &workspace, &[(PAGE, &current)]), [""; 0]);
    }
}
