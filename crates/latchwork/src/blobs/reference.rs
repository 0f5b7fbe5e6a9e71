//! What stands in a message for a piece of it that is out of line; pure.
//!
//! A text block with a preview and a field of its own: `{"type":"text","text":"...","latchworkBlob":{"hash":H,"bytes":N,"kind":"block"}}`.
//! Whoever knows nothing of the field reads a short text. The blob is the piece as it stood, to the byte: a block of the content, or (`content`)
//! the content itself, where that was one string. Laws: out and in again gives the same bytes; what cannot be had is said in the text,
//! and nothing else of the message changes.

use std::ops::Range;

use latchwork_format::{MessageView, Raw, Role};
use latchwork_transcript::{BlobId, BlobLost};

/// The field of a block that refers to a blob.
pub(super) const FIELD: &str = "latchworkBlob";
/// How much of a text is shown in its place, in characters.
const PREVIEW_CHARS: usize = 400;

/// What a blob is a piece of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// One block.
    Block,
    /// The whole content.
    Content,
}

/// A reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) id: BlobId,
    pub(super) bytes: u64,
    what: What,
}

impl Reference {
    fn of(block: Raw<'_>) -> Option<Self> {
        let fields = block.fields()?.get(FIELD)?.fields()?;
        Some(Self {
            id: fields.str("hash")?.parse().ok()?,
            bytes: fields.get("bytes")?.as_u64()?,
            what: match fields.str("kind")?.as_ref() {
                "block" => What::Block,
                "content" => What::Content,
                _ => return None,
            },
        })
    }
}

/// A piece of a message that becomes another.
struct Edit {
    at: Range<usize>,
    with: String,
}

/// Whether a text may hold a reference at all.
pub(super) fn may_refer(text: &str) -> bool {
    text.contains(FIELD)
}

/// The message with its pieces of `over` bytes and more moved out by `put`; `None` if it has none. Moved are images of whoever is no
/// model, and what tools answered.
pub(super) fn out<E>(
    message: &str,
    over: u64,
    mut put: impl FnMut(&[u8]) -> Result<BlobId, E>,
) -> Result<Option<String>, E> {
    let Some((role, content)) = parts(message) else {
        return Ok(None);
    };
    let is_large = |piece: Raw<'_>| piece.text().len() as u64 >= over;
    let mut edits = Vec::new();
    if let Some(text) = content.as_str()
        && role == Role::ToolResult
        && is_large(content)
    {
        let id = put(content.text().as_bytes())?;
        let block = block(&preview(&text), "text", content, id, "content");
        edits.extend(edit(message, content, format!("[{block}]")));
    }
    for piece in content.items().unwrap_or_default() {
        let Some(fields) = piece.fields().filter(|_| is_large(piece)) else {
            continue;
        };
        let shown = match fields.str("type").as_deref() {
            Some("text") if role == Role::ToolResult && fields.get(FIELD).is_none() => {
                preview(&fields.str("text").unwrap_or_default())
            }
            Some("image") if role != Role::Assistant => {
                fields.str("mimeType").unwrap_or_default().into_owned()
            }
            _ => continue,
        };
        let kind = match fields.str("type").as_deref() {
            Some("image") => "image",
            _ => "text",
        };
        let id = put(piece.text().as_bytes())?;
        edits.extend(edit(
            message,
            piece,
            block(&shown, kind, piece, id, "block"),
        ));
    }
    Ok(edited(message, edits))
}

/// What became of the references of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Back {
    /// Pieces that are back.
    pub(super) pieces: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// References whose blobs cannot be had.
    pub(super) lost: u64,
}

/// The message with its pieces put back as `read` gives them; `None` where nothing changes. With `marked`, a reference whose blob cannot
/// be had says so in its text; else it stays as it is.
pub(super) fn back(
    message: &str,
    marked: bool,
    mut read: impl FnMut(&Reference) -> Result<Vec<u8>, BlobLost>,
) -> (Option<String>, Back) {
    let mut done = Back::default();
    let Some((_, content)) = parts(message).filter(|_| may_refer(message)) else {
        return (None, done);
    };
    let blocks = content.items().unwrap_or_default();
    let mut edits = Vec::new();
    for piece in &blocks {
        let Some(reference) = Reference::of(*piece) else {
            continue;
        };
        let place = match reference.what {
            What::Block => *piece,
            What::Content if blocks.len() == 1 => content,
            // Somebody else has put more beside it: what it stands for is a text there.
            What::Content => *piece,
        };
        let read = read(&reference).and_then(|bytes| piece_of(bytes, reference.what));
        match read {
            Ok(text) => {
                done.pieces += 1;
                done.bytes = done.bytes.saturating_add(reference.bytes);
                let as_block = reference.what == What::Content && blocks.len() > 1;
                let text = match as_block {
                    true => format!(r#"{{"type":"text","text":{text}}}"#),
                    false => text,
                };
                edits.extend(edit(message, place, text));
            }
            Err(why) => {
                done.lost += 1;
                if marked {
                    let shown = piece.fields().and_then(|fields| fields.str("text"));
                    let text = format!(
                        "{}\n[blob {} cannot be had: {why}]",
                        shown.unwrap_or_default(),
                        reference.id
                    );
                    edits.extend(edit(message, *piece, text_block(&text)));
                }
            }
        }
    }
    (edited(message, edits), done)
}

/// The references of a message.
#[cfg(test)]
fn references(message: &str) -> Vec<Reference> {
    let content = parts(message).filter(|_| may_refer(message));
    let blocks = content.and_then(|(_, content)| content.items());
    let blocks = blocks.unwrap_or_default().into_iter();
    blocks.filter_map(Reference::of).collect()
}

/// Bytes that can stand where the reference stands.
fn piece_of(bytes: Vec<u8>, what: What) -> Result<String, BlobLost> {
    let text = String::from_utf8(bytes).map_err(|_| BlobLost::Wrong)?;
    let fits = !text.contains(['\n', '\r'])
        && Raw::parse(&text).is_ok_and(|piece| match what {
            What::Block => piece.is_object(),
            What::Content => piece.as_str().is_some(),
        });
    match fits {
        true => Ok(text),
        false => Err(BlobLost::Wrong),
    }
}

fn parts(message: &str) -> Option<(Role, Raw<'_>)> {
    let view = MessageView::new(Raw::parse(message).ok()?)?;
    let content = view.fields().get("content")?;
    Some((view.role().clone(), content))
}

fn preview(text: &str) -> String {
    let mut shown: String = text.chars().take(PREVIEW_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('\u{2026}');
    }
    shown
}

fn block(shown: &str, kind: &str, piece: Raw<'_>, id: BlobId, what: &str) -> String {
    let bytes = piece.text().len();
    let text = format!("{shown}\n[{bytes} bytes of {kind} are kept out of line: blob {id}]");
    let mut block = text_block(&text);
    block.pop();
    let field = format!(r#","{FIELD}":{{"hash":"{id}","bytes":{bytes},"kind":"{what}"}}}}"#);
    block + &field
}

fn text_block(text: &str) -> String {
    format!(
        r#"{{"type":"text","text":{}}}"#,
        serde_json::Value::from(text)
    )
}

/// An edit where the piece stands in the message that it was taken from.
fn edit(message: &str, piece: Raw<'_>, with: String) -> Option<Edit> {
    let piece = piece.text();
    let start = piece.as_ptr().addr().checked_sub(message.as_ptr().addr())?;
    let at = start..start.checked_add(piece.len())?;
    (message.get(at.clone()) == Some(piece)).then_some(Edit { at, with })
}

fn edited(message: &str, edits: Vec<Edit>) -> Option<String> {
    if edits.is_empty() {
        return None;
    }
    let (mut text, mut done) = (String::new(), 0);
    for edit in edits {
        text.push_str(message.get(done..edit.at.start)?);
        text.push_str(&edit.with);
        done = edit.at.end;
    }
    text.push_str(message.get(done..)?);
    Some(text)
}

#[cfg(test)]
mod tests;
