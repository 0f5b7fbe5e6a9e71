//! A guess at what a message weighs, made as pi makes it: a token for every four UTF-16 units, rounded up.
//!
//! Not a tokeniser. It errs upwards, and it is the same for every model.

use crate::json::Raw;
use crate::kind::Role;
use crate::message::{Block, Content, MessageView};

/// What an image counts, in UTF-16 units.
const IMAGE_UNITS: u64 = 4800;

/// The estimate for one message, in tokens.
#[must_use]
pub fn estimate_tokens(message: &MessageView<'_>) -> u64 {
    let counted = match message.role() {
        Role::User => parts(&message.content(), 0),
        Role::Custom | Role::ToolResult => parts(&message.content(), IMAGE_UNITS),
        Role::Assistant => assistant(&message.content()),
        Role::System => parts(&message.content(), IMAGE_UNITS) + standing(message),
        Role::BashExecution => {
            let run = message.bash_execution();
            run.map_or(0, |run| units(&run.command) + units(&run.output))
        }
        Role::BranchSummary | Role::CompactionSummary => {
            message.summary().map_or(0, |summary| units(&summary))
        }
        Role::Other(_) => 0,
    };
    counted.div_ceil(4)
}

fn units(text: &str) -> u64 {
    text.encode_utf16().count() as u64
}

fn parts(content: &Content<'_>, image: u64) -> u64 {
    match content {
        Content::None => 0,
        Content::Text(text) => units(text),
        Content::Blocks(blocks) => blocks.iter().map(|block| part(block, image)).sum(),
    }
}

fn part(block: &Block<'_>, image: u64) -> u64 {
    match block {
        Block::Text { text, .. } => units(text),
        Block::Image { .. } => image,
        _ => 0,
    }
}

fn assistant(content: &Content<'_>) -> u64 {
    let Content::Blocks(blocks) = content else {
        return 0;
    };
    let weights = blocks.iter().map(|block| match block {
        Block::Text { text, .. } | Block::Thinking { text, .. } => units(text),
        Block::ToolCall(call) => {
            let name = call.name.as_deref().map_or(0, units);
            name + call.arguments.map_or(0, |arguments| {
                units(&crate::json::compact(arguments.text()))
            })
        }
        _ => 0,
    });
    weights.sum()
}

/// A system message's sections and tools.
fn standing(message: &MessageView<'_>) -> u64 {
    let fields = message.fields();
    let sections = fields
        .get("sections")
        .and_then(Raw::fields)
        .map_or(0, |sections| {
            sections
                .iter()
                .filter_map(|(_, section)| section.as_str())
                .map(|section| units(&section))
                .sum::<u64>()
        });
    let tools = fields.get("toolsAdded").filter(|tools| tools.truthy());
    sections + tools.map_or(0, |tools| units(&crate::json::compact(tools.text())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(message: &str) -> u64 {
        estimate_tokens(&MessageView::new(Raw::parse(message).unwrap()).unwrap())
    }

    #[test]
    fn four_utf16_units_are_a_token() {
        assert_eq!(estimate(r#"{"role":"user","content":"abcde"}"#), 2);
        assert_eq!(
            estimate(r#"{"role":"user","content":"🙂🙂"}"#),
            1,
            "two units each"
        );
        assert_eq!(
            estimate(
                r#"{"role":"toolResult","content":[{"type":"image","data":"","mimeType":"x"}]}"#
            ),
            1200
        );
        assert_eq!(
            estimate(r#"{"role":"user","content":[{"type":"image","data":"","mimeType":"x"}]}"#),
            0
        );
        assert_eq!(
            estimate(
                r#"{"role":"assistant","content":[{"type":"thinking","thinking":"ab"},{"type":"toolCall","id":"1","name":"ls","arguments":{"a":1}}]}"#
            ),
            3
        );
        assert_eq!(
            estimate(r#"{"role":"bashExecution","command":"ls","output":"ab"}"#),
            1
        );
        assert_eq!(
            estimate(r#"{"role":"compactionSummary","summary":"abcd"}"#),
            1
        );
        assert_eq!(estimate(r#"{"role":"stranger"}"#), 0);
    }
}
