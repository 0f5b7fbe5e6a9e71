//! Single messages: content to parts, an assistant's blocks to items, arguments to text that every reader accepts.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::report::{Change, ProjectionReport};
use super::{
    Arguments, Block, CallResult, NonEmpty, Outcome, Part, Target, Thinking, Words, words,
};
use crate::id::EntryId;
use crate::json::{MAX_VALUE_DEPTH, Raw, compact, deeper_than, is_compact, scrub_surrogates};
use crate::message::{self, Content, MessageView, ToolCall};

/// A part of an assistant's turn while results are still looked for.
pub(super) enum DraftItem {
    Block(Block),
    Call(DraftCall),
}

pub(super) struct DraftCall {
    pub(super) id: Words,
    pub(super) name: Words,
    pub(super) arguments: Arguments,
    pub(super) signature: Option<String>,
    pub(super) result: Option<CallResult>,
}

impl DraftItem {
    /// Whether it carries a mark of the model's own.
    pub(super) fn is_sealed(&self) -> bool {
        match self {
            DraftItem::Block(Block::Text { signature, .. }) => signature.is_some(),
            DraftItem::Block(Block::Thinking(thinking)) => {
                matches!(thinking, Thinking::Sealed { .. })
            }
            DraftItem::Call(call) => call.signature.is_some(),
        }
    }
}

/// Takes the seals off; what of the thinking is readable stays.
pub(super) fn unseal(items: &mut Vec<DraftItem>) {
    let readable = |item: DraftItem| match item {
        DraftItem::Block(Block::Text { text, .. }) => Some(DraftItem::Block(Block::Text {
            text,
            signature: None,
        })),
        DraftItem::Block(Block::Thinking(Thinking::Sealed { text, redacted, .. })) => {
            let plain = Words::new(text).filter(|_| !redacted)?;
            Some(DraftItem::Block(Block::Thinking(Thinking::Plain(plain))))
        }
        plain @ DraftItem::Block(Block::Thinking(Thinking::Plain(_))) => Some(plain),
        DraftItem::Call(call) => Some(DraftItem::Call(DraftCall {
            signature: None,
            ..call
        })),
    };
    *items = std::mem::take(items)
        .into_iter()
        .filter_map(readable)
        .collect();
}

/// Text and images.
pub(super) fn parts(
    content: Content<'_>,
    target: &Target,
    source: Option<&EntryId>,
    report: &mut ProjectionReport,
) -> Vec<Part> {
    let blocks = match content {
        Content::None => return Vec::new(),
        Content::Text(text) => return Words::new(text).map(Part::Text).into_iter().collect(),
        Content::Blocks(blocks) => blocks,
    };
    let mut parts = Vec::with_capacity(blocks.len());
    for block in blocks {
        match part(block, target) {
            Ok((part, change)) => {
                parts.push(part);
                if let Some(change) = change {
                    report.note(source, change);
                }
            }
            Err(change) => report.note(source, change),
        }
    }
    parts
}

/// A part and what was changed for it, or why there is none.
fn part(block: message::Block<'_>, target: &Target) -> Result<(Part, Option<Change>), Change> {
    match block {
        message::Block::Text { text, .. } => {
            let text = Words::new(text).ok_or(Change::EmptyBlock)?;
            Ok((Part::Text(text), None))
        }
        message::Block::Image { data, mime_type } if data.is_empty() || mime_type.is_empty() => {
            Err(Change::EmptyBlock)
        }
        message::Block::Image { data, mime_type } if target.images => {
            Ok(match picture(&mime_type, data, target) {
                Some(picture) => (picture, None),
                None => (
                    Part::Text(Words::ours(words::IMAGE_UNREADABLE)),
                    Some(Change::ReplacedImage),
                ),
            })
        }
        message::Block::Image { .. } => Ok((
            Part::Text(Words::ours(words::IMAGE_LEFT_OUT)),
            Some(Change::ReplacedImage),
        )),
        _ => Err(Change::Unknown),
    }
}

/// An image whose data are what they should be, in a form that the target takes.
fn picture(mime_type: &str, data: Cow<'_, str>, target: &Target) -> Option<Part> {
    // The name that programs give it and no registry knows.
    let mime_type = match mime_type {
        "image/jpg" => "image/jpeg",
        named => named,
    };
    (target.takes(mime_type) && is_base64(&data)).then(|| Part::Image {
        mime_type: mime_type.to_owned(),
        data: data.into_owned(),
    })
}

/// Whether this is base64 of something, as providers read it: the standard letters, padded, in one piece.
pub(super) fn is_base64(text: &str) -> bool {
    let bytes = text.as_bytes();
    let body = bytes
        .strip_suffix(b"==")
        .or_else(|| bytes.strip_suffix(b"="))
        .unwrap_or(bytes);
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !body.is_empty() && bytes.len().is_multiple_of(4) && body.iter().all(letter)
}

/// Whether there may be a number beyond every range: an exponent, or more digits than any float has before the point.
fn has_vast_number(json: &[u8]) -> bool {
    let mut digits = 0_usize;
    for byte in json {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'e' | b'E' if digits > 0 => return true,
            _ => digits = 0,
        }
        if digits > 300 {
            return true;
        }
    }
    false
}

/// What a tool said; something is always said.
pub(super) fn result(
    view: &MessageView<'_>,
    target: &Target,
    source: Option<&EntryId>,
    report: &mut ProjectionReport,
) -> CallResult {
    let parts = parts(view.content(), target, source, report);
    let nothing = || NonEmpty::one(Part::Text(Words::ours(words::NO_OUTPUT)));
    CallResult {
        content: NonEmpty::new(parts).unwrap_or_else(nothing),
        is_error: view.is_error(),
        outcome: Outcome::Known,
        source: source.cloned(),
    }
}

/// What an assistant said, thought and asked for.
pub(super) fn items(
    view: &MessageView<'_>,
    target: &Target,
    source: Option<&EntryId>,
    report: &mut ProjectionReport,
) -> Vec<DraftItem> {
    let blocks = match view.content() {
        Content::None => Vec::new(),
        Content::Text(text) => vec![message::Block::Text {
            text,
            signature: None,
        }],
        Content::Blocks(blocks) => blocks,
    };
    let from = Origin {
        own: is_own(view, target),
        broke_off: view.broke_off(),
    };
    let mut items = Vec::with_capacity(blocks.len());
    for block in blocks {
        let mut note = |change| report.note(source, change);
        match block {
            message::Block::Text { text, signature } => match Words::new(text) {
                Some(text) => items.push(DraftItem::Block(Block::Text {
                    text,
                    signature: from.seal(signature, &mut note),
                })),
                None => note(Change::EmptyBlock),
            },
            message::Block::Thinking {
                text,
                signature,
                redacted,
            } => {
                let thinking = from.thinking(text, signature, redacted, &mut note);
                items.extend(thinking.map(|thinking| DraftItem::Block(Block::Thinking(thinking))));
            }
            message::Block::ToolCall(call) => match draft_call(&call, &from, &mut note) {
                Some(call) => items.push(DraftItem::Call(call)),
                None => note(Change::DroppedCall),
            },
            _ => note(Change::Unknown),
        }
    }
    items
}

fn is_own(view: &MessageView<'_>, target: &Target) -> bool {
    view.provider().as_deref() == Some(target.provider.as_str())
        && view.model().as_deref() == Some(target.model.as_str())
        && view.api().as_deref() == Some(target.api.as_str())
}

/// Where a reply comes from, which decides what becomes of its seals.
struct Origin {
    /// The target itself.
    own: bool,
    /// The reply broke off: its seals may be incomplete, and an incomplete one poisons every later request.
    broke_off: bool,
}

impl Origin {
    fn seal(
        &self,
        signature: Option<Cow<'_, str>>,
        note: &mut impl FnMut(Change),
    ) -> Option<String> {
        let signature = signature.filter(|signature| !signature.is_empty())?;
        if self.own && !self.broke_off {
            return Some(signature.into_owned());
        }
        note(Change::ForeignSignature);
        None
    }

    fn thinking(
        &self,
        text: Cow<'_, str>,
        signature: Option<Cow<'_, str>>,
        redacted: bool,
        note: &mut impl FnMut(Change),
    ) -> Option<Thinking> {
        if self.broke_off {
            note(Change::DroppedThinking);
            return None;
        }
        if let Some(signature) = self.seal(signature, note).and_then(Words::new) {
            return Some(Thinking::Sealed {
                text: text.into_owned(),
                signature,
                redacted,
            });
        }
        let plain = Words::new(text).filter(|_| !redacted).map(Thinking::Plain);
        if plain.is_none() {
            note(Change::DroppedThinking);
        }
        plain
    }
}

fn draft_call(
    call: &ToolCall<'_>,
    from: &Origin,
    note: &mut impl FnMut(Change),
) -> Option<DraftCall> {
    let id = Words::new(call.id.as_deref()?)?;
    let name = Words::new(call.name.as_deref()?.trim())?;
    let (arguments, rewritten) = Arguments::given(call.arguments?)?;
    if rewritten {
        note(Change::RewrittenArguments);
    }
    let signature = from.seal(call.thought_signature.clone(), note);
    Some(DraftCall {
        id,
        name,
        arguments,
        signature,
        result: None,
    })
}

impl Arguments {
    /// The arguments, if they are an object or the text of one, as some protocols write them.
    fn given(raw: Raw<'_>) -> Option<(Self, bool)> {
        let Some(text) = raw.as_str() else {
            return Arguments::read(raw);
        };
        if text.trim().is_empty() {
            return Arguments::read(Raw::parse("{}").ok()?);
        }
        Arguments::read(Raw::parse(&text).ok()?)
    }

    /// The arguments, if they are an object, and whether their meaning had to be touched.
    pub(super) fn read(raw: Raw<'_>) -> Option<(Self, bool)> {
        if !raw.is_object() {
            return None;
        }
        let compact = if is_compact(raw.text()) {
            Cow::Borrowed(raw.text())
        } else {
            compact(raw.text())
        };
        let scrubbed = scrub_surrogates(&compact);
        let changed = matches!(scrubbed, Cow::Owned(_)) && scrubbed != compact;
        let shallow = !deeper_than(scrubbed.as_bytes(), MAX_VALUE_DEPTH);
        // It is JSON; what a strict reader may still refuse is a number that is too large.
        let strict = || serde_json::from_str::<Map<String, Value>>(&scrubbed).is_ok();
        if shallow && (!has_vast_number(scrubbed.as_bytes()) || strict()) {
            return RawValue::from_string(scrubbed.into_owned())
                .ok()
                .map(|raw| (Arguments(raw), changed));
        }
        // An infinite number, or nesting without end: write what can be said of it.
        let value = raw.to_value_leniently(MAX_VALUE_DEPTH);
        let text = value.is_object().then(|| value.to_string())?;
        RawValue::from_string(text)
            .ok()
            .map(|raw| (Arguments(raw), true))
    }
}
