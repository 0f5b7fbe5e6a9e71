//! Opening a session and building what the model is shown, the first time in a process.

use latchwork_tests::conversations::Shape;
use latchwork_tests::measure::{Answer, Ask, Show, names};

use crate::contender::Contender;
use crate::size::Size;
use crate::stage::{Session, Stage};
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "open";
pub(crate) const MS: &str = "to the context, ms";
const OPEN_MS: &str = "of that to the session, ms";
const AGAIN_MS: &str = "again in the same process, ms";
pub(crate) const MORE_MIB: &str = "memory at its peak, MiB more";
pub(crate) const MORE_PER_BYTE: &str = "memory at its peak, of the file";
const READ_PER_BYTE: &str = "bytes read, of the file";
pub(crate) const ITEMS: &str = "messages found";

const CONTENDERS: [Contender; 7] = [
    Contender::Ours,
    Contender::OursSaved,
    Contender::OursViews,
    Contender::OursValues,
    Contender::Pi,
    Contender::NewPi,
    Contender::OpenClawState,
];

/// The name of a case.
pub(crate) fn case(shape: Shape, entries: u64) -> String {
    let shape = match shape {
        Shape::Mixed => "compacted",
        Shape::Linear => "all in context",
    };
    format!("{shape}, {entries} entries")
}

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    for shape in [Shape::Mixed, Shape::Linear] {
        for entries in size.open.iter().copied() {
            let session = stage.session(shape, entries)?;
            let saved = stage.saved(&session)?;
            let case = case(shape, entries);
            for _ in 0..size.runs {
                for contender in stage.available(&CONTENDERS) {
                    let session = match contender {
                        Contender::OursSaved => &saved,
                        _ => &session,
                    };
                    let answer = one(stage, contender, session, show(contender), entries)?;
                    add(results, &case, contender, session, &answer);
                }
            }
            agree(results, &case);
        }
    }
    Ok(())
}

const fn show(contender: Contender) -> Show {
    match contender {
        Contender::OursViews => Show::Views,
        Contender::OursValues => Show::Values,
        _ => Show::Context,
    }
}

/// One opening, in a process of its own, of a file that is in memory.
pub(crate) fn one(
    stage: &Stage,
    contender: Contender,
    session: &Session,
    show: Show,
    entries: u64,
) -> Result<Answer, Failure> {
    session.warm()?;
    stage.ask(
        contender,
        &Ask::Open {
            who: contender.who(),
            file: session.file.clone(),
            show,
            again: if entries > 50_000 { 1 } else { 5 },
        },
    )
}

fn add(results: &mut Results, case: &str, of: Contender, session: &Session, answer: &Answer) {
    let get = |name: &str| answer.get(name).copied();
    let of_file = |value: f64| value / session.bytes as f64;
    for (metric, value) in [
        (MS, get(names::MS)),
        (OPEN_MS, get(names::OPEN_MS)),
        (AGAIN_MS, get(names::AGAIN_MS)),
        (READ_PER_BYTE, get(names::READ).map(of_file)),
        (MORE_MIB, get(names::MORE_MIB)),
        (
            MORE_PER_BYTE,
            get(names::MORE_MIB).map(|mebibytes| of_file(mebibytes * 1_048_576.0)),
        ),
        (ITEMS, get(names::ITEMS)),
    ] {
        results.figures.add(SECTION, case, of.name(), metric, value);
    }
}

/// Whoever finds another number of messages than ours is told of.
fn agree(results: &mut Results, case: &str) {
    let found = |of: Contender| results.figures.median(SECTION, case, of.name(), ITEMS);
    let ours = found(Contender::Ours);
    let others = CONTENDERS
        .iter()
        .filter_map(|of| Some((of, found(*of)?)))
        .filter(|(_, items)| Some(*items) != ours);
    let told: Vec<String> = others
        .map(|(of, items)| {
            format!(
                "open, {case}: {of} finds {items} messages, ours {}",
                ours.unwrap_or(f64::NAN)
            )
        })
        .collect();
    results.errors.extend(told);
}
