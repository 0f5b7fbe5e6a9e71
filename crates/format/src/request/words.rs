//! Our own sentences, where the model must be told something that nobody said.

use crate::message::BashExecution;

pub(super) const OUTCOME_UNKNOWN: &str = "The outcome of this call is unknown: no result was recorded. \
     It may have run in part, in full, or not at all. Check before repeating it.";
pub(super) const NO_OUTPUT: &str = "(nothing was returned)";
pub(super) const IMAGE_LEFT_OUT: &str = "(an image stood here; this model reads text only)";
pub(super) const IMAGE_UNREADABLE: &str =
    "(an image stood here; its form or its data are not such that this model could be shown it)";
/// Opens a conversation for a provider that wants a user to begin.
pub(super) const OPENING: &str = "(The conversation begins here with what you said.)";
/// Ends a conversation for a provider that wants a user to have the last word.
pub(super) const GO_ON: &str = "(Nothing was said since. Please go on.)";

/// Introduces the images of a result where the result itself cannot hold them.
pub(super) fn images_of(tool: &str, id: &str) -> String {
    format!("Images from the result of {tool} ({id}):")
}
pub(super) const IMAGES_FOLLOW: &str = "(its images follow in the next message of the user)";

pub(super) fn compaction_summary(summary: &str) -> String {
    format!(
        "Summary of the earlier part of this conversation, which is no longer shown in full:\n\n<summary>\n{summary}\n</summary>"
    )
}

pub(super) fn branch_summary(summary: &str) -> String {
    format!(
        "Summary of another branch of this conversation, which was left to continue here:\n\n<summary>\n{summary}\n</summary>"
    )
}

pub(super) fn bash_execution(run: &BashExecution<'_>) -> String {
    let fence = fence_for(&run.output);
    let mut text = format!("The user ran this command: `{}`\n", run.command);
    if run.output.trim().is_empty() {
        text.push_str("It printed nothing.");
    } else {
        let newline = if run.output.ends_with('\n') { "" } else { "\n" };
        text.push_str(&format!("{fence}\n{}{newline}{fence}", run.output));
    }
    match run.exit_code {
        _ if run.cancelled => text.push_str("\n\nIt was cancelled."),
        Some(code) if code != 0 => text.push_str(&format!("\n\nIt ended with exit code {code}.")),
        _ => {}
    }
    if let (true, Some(path)) = (run.truncated, &run.full_output_path) {
        text.push_str(&format!(
            "\n\nThe output is shortened; all of it is in {path}."
        ));
    }
    text
}

/// A fence longer than any in the output, so that the output cannot end it.
fn fence_for(output: &str) -> String {
    let longest = output.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_cannot_end_its_fence() {
        assert_eq!(fence_for("a ```` b"), "`````");
        assert_eq!(fence_for("plain"), "```");
    }
}
