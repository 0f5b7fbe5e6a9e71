//! A context made a valid conversation, beside what it costs to write the same entries as JSON.

use latchwork_tests::conversations::Shape;
use latchwork_tests::measure::{Ask, names};

use crate::contender::Contender;
use crate::size::Size;
use crate::stage::Stage;
use crate::{Failure, Results};

pub(crate) const SECTION: &str = "project";
pub(crate) const SERIALISE_MS: &str = "the entries written as JSON, ms";
pub(crate) const PROJECT_MS: &str = "to a conversation, ms";
const RENDER_MS: &str = "to the bytes of a request, ms";

/// The protocols, by pi's names.
pub(crate) const PROTOCOLS: [&str; 4] = [
    "anthropic-messages",
    "openai-responses",
    "openai-completions",
    "google-generative-ai",
];
/// The column of what is serialised.
pub(crate) const SERDE: &str = "serde_json";

/// The name of the case.
pub(crate) fn case(size: &Size) -> String {
    format!("{} entries", size.project.0)
}

pub(crate) fn measure(stage: &Stage, size: &Size, results: &mut Results) -> Result<(), Failure> {
    let (entries, runs) = size.project;
    let (session, case) = (stage.session(Shape::Linear, entries)?, case(size));
    for _ in 0..size.runs {
        let answer = stage.ask(
            Contender::Ours,
            &Ask::Project {
                file: session.file.clone(),
                runs,
            },
        )?;
        let mut add = |of, metric, name: &str| {
            let value = answer.get(name).copied();
            results.figures.add(SECTION, &case, of, metric, value);
        };
        add(SERDE, SERIALISE_MS, names::SERIALISE_MS);
        for protocol in PROTOCOLS {
            add(
                protocol,
                PROJECT_MS,
                &format!("{}:{protocol}", names::PROJECT_MS),
            );
            add(
                protocol,
                RENDER_MS,
                &format!("{}:{protocol}", names::RENDER_MS),
            );
        }
    }
    Ok(())
}
