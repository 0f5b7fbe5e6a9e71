//! The last fifty entries of a session, for whoever only wants to see what was said last.

use latchwork_tests::conversations::Shape;
use latchwork_tests::measure::{Show, names};

use crate::contender::Contender;
use crate::size::{PEER_ENTRIES_MAX, Size};
use crate::stage::Stage;
use crate::{Failure, Results, open};

pub(crate) const SECTION: &str = "last";
pub(crate) const MS: &str = "to the last 50 entries, ms";
const AGAIN_MS: &str = "again in the same process, ms";
const READ: &str = "bytes read";
const MORE_MIB: &str = "memory at its peak, MiB more";

const CONTENDERS: [Contender; 5] = [
    Contender::Ours,
    Contender::OursSaved,
    Contender::Pi,
    Contender::NewPi,
    Contender::OpenClaw,
];

/// The name of a case.
pub(crate) fn case(entries: u64) -> String {
    format!("of {entries} entries")
}

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    for entries in size.last_of.iter().copied() {
        let session = stage.session(Shape::Mixed, entries)?;
        let saved = stage.saved(&session)?;
        let case = case(entries);
        for _ in 0..size.runs {
            for contender in stage.available(&CONTENDERS) {
                let is_pi = matches!(contender, Contender::Pi | Contender::NewPi);
                if is_pi && entries > PEER_ENTRIES_MAX {
                    continue;
                }
                let session = match contender {
                    Contender::OursSaved => &saved,
                    _ => &session,
                };
                let answer = open::one(stage, contender, session, Show::Last, entries)?;
                for (metric, name) in [
                    (MS, names::MS),
                    (AGAIN_MS, names::AGAIN_MS),
                    (READ, names::READ),
                    (MORE_MIB, names::MORE_MIB),
                ] {
                    let value = answer.get(name).copied();
                    results
                        .figures
                        .add(SECTION, &case, contender.name(), metric, value);
                }
            }
        }
    }
    Ok(())
}
