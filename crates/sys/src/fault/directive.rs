//! Fault steps from one string, so that a program can take them from one setting.
//!
//! `dir:/path` traces and holds ([`FileSteps`]), `kill:37` kills at the 37th step ([`KillAt`]); both
//! may be given, separated by a comma, and then run in the order given.

use std::path::Path;
use std::sync::Arc;

use super::{FileSteps, KillAt};
use crate::Steps;

/// A directive that says nothing we know.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("step directive {part:?} is neither `dir:PATH` nor `kill:NUMBER`")]
pub struct BadDirective {
    /// The part that was not understood.
    pub part: String,
}

/// Builds the steps that a directive describes.
///
/// # Errors
///
/// [`BadDirective`] naming the part that was not understood; an empty directive is one.
pub fn steps_from_directive(directive: &str) -> Result<Arc<dyn Steps>, BadDirective> {
    let mut all: Vec<Box<dyn Steps>> = Vec::new();
    for part in directive.split(',') {
        let bad = || BadDirective {
            part: part.to_owned(),
        };
        match part.split_once(':').ok_or_else(bad)? {
            ("dir", path) if !path.is_empty() => all.push(Box::new(FileSteps::new(path))),
            ("kill", nth) => all.push(Box::new(KillAt::new(nth.parse().map_err(|_| bad())?))),
            _ => return Err(bad()),
        }
    }
    Ok(Arc::new(Several(all)))
}

/// Each watcher in turn.
#[derive(Debug)]
struct Several(Vec<Box<dyn Steps>>);

impl Steps for Several {
    fn reach(&self, step: &str) {
        for steps in &self.0 {
            steps.reach(step);
        }
    }

    fn checked(&self, path: &Path) {
        self.0.iter().for_each(|steps| steps.checked(path));
    }

    fn acknowledged(&self, path: &Path, end: u64) {
        self.0
            .iter()
            .for_each(|steps| steps.acknowledged(path, end));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_directives_combine_and_nonsense_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let steps = steps_from_directive(&format!("dir:{},kill:0", dir.path().display())).unwrap();
        steps.reach("a");
        assert!(FileSteps::trace_file(dir.path(), std::process::id()).exists());
        for bad in ["", "kill:", "kill:x", "dir:", "dir:/x,", "hold:3"] {
            let part = bad.rsplit(',').next().unwrap().to_owned();
            assert_eq!(
                steps_from_directive(bad).err(),
                Some(BadDirective { part }),
                "{bad:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_directive_makes_the_parser_panic(text in ".{0,60}") {
            let _ = steps_from_directive(&text);
        }
    }
}
