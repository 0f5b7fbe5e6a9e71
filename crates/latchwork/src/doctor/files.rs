//! What stands at a path of ours: its kind, its names, its owner, its permissions.

use std::path::Path;

use latchwork_sys::{FileFacts, FileKind};
use latchwork_transcript::Place;

use super::catalogue::{
    FILE_KIND, FILE_LINKS, FILE_MODE, FILE_OWNER, FILE_UNREADABLE, FOLDER_MODE, Sort,
};
use super::exam::Exam;
use super::finding::Finding;
use super::open::{Open, Remedy};

/// What group and others may do.
pub(super) const OF_OTHERS: u32 = 0o077;

/// Looks at a file of a session; its facts if it is what it should be.
pub(super) fn file(
    exam: &Exam,
    place: &Place,
    path: &Path,
    opens: &mut Vec<Open>,
) -> Option<FileFacts> {
    let facts = standing(exam, path, FileKind::Regular, opens)?;
    if facts.nlink > 1 {
        let what = format!(
            "{path:?} is one of {} names (hard links) of one file",
            facts.nlink
        );
        opens.push(Open::told(
            Finding::new(&FILE_LINKS, what)
                .at(path)
                .of(&place.stem)
                .fact("links", facts.nlink),
        ));
    }
    if let Some(finding) = mode(&FILE_MODE, path, &facts) {
        let remedy = Remedy::Mode(path.to_path_buf(), facts);
        opens.push(Open::with(finding.of(&place.stem), remedy).under(place));
    }
    Some(facts)
}

/// Looks at a folder of ours.
pub(super) fn folder(exam: &Exam, path: &Path, opens: &mut Vec<Open>) {
    let Some(facts) = standing(exam, path, FileKind::Directory, opens) else {
        return;
    };
    if let Some(finding) = mode(&FOLDER_MODE, path, &facts) {
        let remedy = Remedy::FolderMode(path.to_path_buf(), facts);
        opens.push(Open::with(finding, remedy));
    }
}

/// What stands at the path, if it is of the right kind.
fn standing(exam: &Exam, path: &Path, kind: FileKind, opens: &mut Vec<Open>) -> Option<FileFacts> {
    let facts = match exam.system.disk.facts(path) {
        Ok(facts) => facts,
        // Gone since it was listed.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            let what = format!("{path:?} cannot be looked at: {error}");
            opens.push(Open::told(Finding::new(&FILE_UNREADABLE, what).at(path)));
            return None;
        }
    };
    if facts.kind != kind {
        let what = format!(
            "{path:?} is {}, not {}",
            facts.kind.in_words(),
            kind.in_words()
        );
        opens.push(Open::told(
            Finding::new(&FILE_KIND, what)
                .at(path)
                .fact("kind", facts.kind.in_words()),
        ));
        return None;
    }
    if let Some(own) = exam.own_user.filter(|own| *own != facts.uid) {
        let what = format!(
            "{path:?} belongs to user {}, and we are user {own}",
            facts.uid
        );
        opens.push(Open::told(
            Finding::new(&FILE_OWNER, what)
                .at(path)
                .fact("owner", facts.uid)
                .fact("we", own),
        ));
    }
    Some(facts)
}

fn mode(sort: &'static Sort, path: &Path, facts: &FileFacts) -> Option<Finding> {
    (facts.mode & OF_OTHERS != 0).then(|| {
        let right = facts.mode & !OF_OTHERS;
        let what = format!(
            "{path:?} has the permissions {:04o}; {right:04o} would be right",
            facts.mode
        );
        Finding::new(sort, what)
            .at(path)
            .fact("mode", format!("{:04o}", facts.mode))
            .fact("right", format!("{right:04o}"))
    })
}
