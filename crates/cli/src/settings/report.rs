//! What is wrong with settings, each fault with the lines of the file around it.
//!
//! The only room that knows miette. Nothing of a file is shown but through `veil`.

use latchwork::config::{ConfigError, Fault, Place, SourceFile};
use latchwork::format::Escaped;
use latchwork::name_of;
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report,
    Severity,
};

use super::json;
use super::veil::veiled;
use crate::failure::{Failure, Shown};

/// The failure that shows all of it.
pub(crate) fn failure(error: &ConfigError, files: &[SourceFile], styled: bool) -> Failure {
    let count = error.faults.len();
    let what = match error.faults.as_slice() {
        [Fault::Defaults { .. }] => "the program's own settings cannot be used".to_owned(),
        [_] => "the settings cannot be used".to_owned(),
        _ => format!("the settings cannot be used: {count} things are wrong with them"),
    };
    let mut failure = Failure::settings(what);
    for fault in &error.faults {
        failure = failure.shown(Shown {
            block: block(fault, files, styled),
            words: fault.to_string(),
            json: json::fault(fault),
        });
    }
    let a_name = |fault: &Fault| matches!(fault, Fault::UnknownKey { .. });
    if error.faults.iter().any(a_name) {
        failure = failure.hint("correct the name; `latchwork config show` lists all settings");
    }
    failure.hint("`latchwork config explain KEY` says what a setting may be")
}

/// The fault in words, then the lines.
fn block(fault: &Fault, files: &[SourceFile], styled: bool) -> String {
    let words = Escaped(&fault.to_string()).to_string();
    let diagnostic = MietteDiagnostic::new(&words).with_severity(Severity::Error);
    let report = match snippet(fault, files) {
        Some((source, span)) => {
            let label = LabeledSpan::new_with_span(Some("here".to_owned()), span);
            Report::new(diagnostic.and_label(label)).with_source_code(source)
        }
        None => Report::new(diagnostic),
    };
    let theme = if styled {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::none()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_context_lines(1)
        .with_wrap_lines(false);
    let mut shown = String::new();
    match handler.render_report(&mut shown, report.as_ref()) {
        Ok(()) => shown.trim_end().to_owned(),
        Err(_) => words,
    }
}

/// The file, veiled, and where in it the fault's line is.
fn snippet(
    fault: &Fault,
    files: &[SourceFile],
) -> Option<(NamedSource<String>, std::ops::Range<usize>)> {
    let Place::File { path, line } = &fault.origin()?.place else {
        return None;
    };
    let file = files.iter().find(|file| file.path == *path)?;
    let harmless = fault
        .key()
        .and_then(name_of)
        .is_some_and(|name| !name.kind.may_hold_secrets());
    let mut text = String::new();
    let mut span = 0..0;
    for (number, raw) in file.text.lines().enumerate() {
        let is_it = number + 1 == *line;
        let shown = veiled(raw, is_it && harmless);
        if is_it {
            let start = text.len() + shown.len() - shown.trim_start().len();
            span = start..start + shown.trim().len();
        }
        text.push_str(&shown);
        text.push('\n');
    }
    let name = Escaped(&path.to_string_lossy()).to_string();
    (!span.is_empty()).then(|| (NamedSource::new(name, text), span))
}

#[cfg(test)]
mod tests {
    use super::failure;
    use latchwork::Sources;
    use latchwork::config::SourceFile;

    fn told(text: &str) -> String {
        let file = SourceFile::toml("/u/config\u{1b}[2J.toml", text);
        let sources = Sources {
            user_file: Some(file.clone()),
            ..Sources::default()
        };
        failure(&sources.resolve().unwrap_err(), &[file], false).to_string()
    }

    #[test]
    fn each_fault_is_shown_with_its_line_and_what_would_be_right() {
        let told =
            told("session = 'x'\n[store.locks]\nmax_hold_ms = '60sec'\n[turn]\nround_max = 4\n");
        for part in [
            "error: the settings cannot be used: 2 things are wrong with them\n",
            "`store.locks.max_hold_ms`: unknown unit `sec`; there are: ms, s, min, h, d; it must be milliseconds from 1000 to 2147000000",
            "3 | max_hold_ms = '60sec'",
            "`turn.round_max`; did you mean `turn.rounds_max`?",
            "5 | ••• = •••",
            "hint: ",
        ] {
            assert!(told.contains(part), "{part} in\n{told}");
        }
    }

    #[test]
    fn nothing_of_a_file_steers_a_terminal_and_no_secret_is_shown() {
        for text in [
            "models.openai.key = 'sk-canary'\n",
            "model = sk-canary\n",
            "# sk-canary\nturn.rounds_max = 'sk-canary'\n# sk-canary\n",
            "sesion = '\u{9b}2J sk-canary'\n",
            "[models.openai]\nkey = 'env:X'\nbase_url = 7\n[models.x]\nheaders = { a = 'sk-canary' }\n",
        ] {
            let told = told(text);
            assert!(!told.contains("canary"), "{told}");
            assert!(
                !told.chars().any(|c| c.is_control() && c != '\n'),
                "{told:?}"
            );
        }
    }
}
