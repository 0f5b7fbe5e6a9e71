//! The outcome of a command, in words for a model and in numbers for programs.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use latchwork_session::{ToolOutcome, ToolStatus};
use serde_json::{Value, json};

use super::capture::Captured;
use super::supervise::{Ended, Stop};
use crate::outcome::error;
use crate::sandbox::{Grants, Sandbox};

pub(super) fn outcome(
    ended: Ended,
    max_lines: usize,
    sandbox: &Sandbox,
    grants: &Grants,
) -> ToolOutcome {
    let Ended {
        capture,
        status,
        stop,
    } = ended;
    let captured = capture.finish(max_lines);
    let details = details(&captured, status, stop, sandbox, grants);
    let mut text = sandbox
        .note()
        .map_or_else(String::new, |note| format!("[{note}]\n"));
    text.push_str(if captured.total_bytes == 0 {
        "[no output]"
    } else {
        &captured.text
    });
    text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
    text.push_str(&format!("[{}]", ending(status, stop)));
    ToolOutcome {
        details: Some(details),
        ..ToolOutcome::text(tool_status(status, stop), text)
    }
}

pub(super) fn not_started(why: &io::Error, sandbox: &Sandbox) -> ToolOutcome {
    let advice = match why.kind() {
        io::ErrorKind::ArgumentListTooLong => {
            " The command is too long for one call: put it into a file, or do it in steps."
        }
        _ => "",
    };
    let outcome = error(format!("The command was not started: {why}.{advice}"));
    ToolOutcome {
        details: Some(json!({ "sandbox": sandbox.name() })),
        ..outcome
    }
}

fn tool_status(status: Option<ExitStatus>, stop: Option<Stop>) -> ToolStatus {
    match (stop, status) {
        (Some(Stop::Cancelled), _) => ToolStatus::Aborted,
        (None, Some(status)) if status.success() => ToolStatus::Ok,
        _ => ToolStatus::Error,
    }
}

fn ending(status: Option<ExitStatus>, stop: Option<Stop>) -> String {
    let ended = match status {
        None => "it was killed, but hangs in the kernel and may still act".to_owned(),
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => "ended".to_owned(),
        },
    };
    match stop {
        None => ended,
        Some(Stop::TimeLimit(ms)) => format!(
            "time limit of {} s reached: ended with all it started; {ended}",
            seconds(ms)
        ),
        Some(Stop::Cancelled) => format!("interrupted: ended with all it started; {ended}"),
    }
}

fn seconds(ms: u64) -> String {
    match ms % 1000 {
        0 => (ms / 1000).to_string(),
        rest => format!("{}.{rest:03}", ms / 1000),
    }
}

fn details(
    captured: &Captured,
    status: Option<ExitStatus>,
    stop: Option<Stop>,
    sandbox: &Sandbox,
    grants: &Grants,
) -> Value {
    json!({
        "exitCode": status.and_then(|status| status.code()),
        "signal": status.and_then(|status| status.signal()),
        "timedOut": matches!(stop, Some(Stop::TimeLimit(_))),
        "outputBytes": captured.total_bytes,
        "omittedBytes": captured.omitted_bytes,
        "sandbox": sandbox.name(),
        "sandboxGaps": sandbox.gaps(grants.network),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::{Stop, ToolStatus, ending, tool_status};

    #[test]
    fn only_an_exit_code_of_0_that_we_did_not_force_is_fine() {
        let [fine, failed, killed] = [0, 3 << 8, 9].map(|raw| Some(ExitStatus::from_raw(raw)));
        let limit = Some(Stop::TimeLimit(1500));
        assert_eq!(tool_status(fine, None), ToolStatus::Ok);
        assert_eq!(tool_status(failed, None), ToolStatus::Error);
        assert_eq!(tool_status(fine, limit), ToolStatus::Error);
        assert_eq!(
            tool_status(killed, Some(Stop::Cancelled)),
            ToolStatus::Aborted
        );
        assert_eq!(ending(failed, None), "exit code 3");
        assert_eq!(
            ending(killed, limit),
            "time limit of 1.500 s reached: ended with all it started; ended by signal 9"
        );
        assert!(ending(None, limit).contains("may still act"));
    }
}
