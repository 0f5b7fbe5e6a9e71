//! `read`: a page of a text file, or a picture.
//!
//! A file is read whole, up to a limit, before a page of it is cut: the number of its lines is worth knowing. Deliberately
//! absent: binary files, documents, line numbers in the text (a model that edits copies what it sees).

use std::fs::File;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use latchwork_session::{ContentPart, ToolOutcome, ToolStatus};
use serde_json::json;

use super::image::media_type;
use super::page::{Page, PageLimits, page};
use crate::arguments;
use crate::beneath::Root;
use crate::options::Options;
use crate::outcome::error;
use crate::refusal::{Refusal, quoted};

/// Enough to know a picture.
const HEAD_BYTES: usize = 16;

/// Blocks on the filesystem.
pub(crate) fn read(root: &Root, options: &Options, asked: &arguments::Read) -> ToolOutcome {
    match file_outcome(root, options, asked) {
        Ok(outcome) => outcome,
        Err(refusal) => error(format!("Cannot read it: {refusal}.")),
    }
}

fn file_outcome(
    root: &Root,
    options: &Options,
    asked: &arguments::Read,
) -> Result<ToolOutcome, Refusal> {
    let mut file = root.file(&asked.path)?;
    let mut bytes = Vec::new();
    take(&mut file, HEAD_BYTES, &mut bytes, &asked.path)?;
    let Some(mime_type) = media_type(&bytes) else {
        take(
            &mut file,
            options.max_file_bytes.saturating_sub(bytes.len()) + 1,
            &mut bytes,
            &asked.path,
        )?;
        return Ok(text_outcome(&file, &bytes, options, asked));
    };
    take(
        &mut file,
        options.max_image_bytes.saturating_sub(bytes.len()) + 1,
        &mut bytes,
        &asked.path,
    )?;
    if bytes.len() > options.max_image_bytes {
        return Ok(too_large(
            &file,
            &asked.path,
            options.max_image_bytes,
            "Make a smaller copy of the image.",
        ));
    }
    Ok(image_outcome(&bytes, mime_type, &asked.path))
}

fn take(file: &mut File, most: usize, into: &mut Vec<u8>, asked: &str) -> Result<(), Refusal> {
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    file.take(most)
        .read_to_end(into)
        .map(drop)
        .map_err(|error| Refusal::io(asked, &error))
}

fn image_outcome(bytes: &[u8], mime_type: &str, path: &str) -> ToolOutcome {
    let words = format!(
        "The image {} ({mime_type}, {} bytes):",
        quoted(path),
        bytes.len()
    );
    ToolOutcome {
        status: ToolStatus::Ok,
        content: vec![
            ContentPart::Text(words),
            ContentPart::Image {
                data: STANDARD.encode(bytes),
                mime_type: mime_type.to_owned(),
            },
        ],
        details: Some(json!({ "bytes": bytes.len(), "mimeType": mime_type })),
    }
}

fn text_outcome(
    file: &File,
    bytes: &[u8],
    options: &Options,
    asked: &arguments::Read,
) -> ToolOutcome {
    if bytes.len() > options.max_file_bytes {
        let advice = "Look at parts of it with a command such as sed or grep, if you have one.";
        return too_large(file, &asked.path, options.max_file_bytes, advice);
    }
    if memchr::memchr(0, bytes).is_some() {
        return error(format!(
            "Cannot read it: {} is a binary file of {} bytes, and not an image that can be shown.",
            quoted(&asked.path),
            bytes.len()
        ));
    }
    if bytes.is_empty() {
        return ToolOutcome::text(ToolStatus::Ok, "[the file is empty]");
    }
    let limits = PageLimits {
        lines: asked.limit.map_or(options.max_output_lines, |limit| {
            limit.get().min(options.max_output_lines)
        }),
        bytes: options.max_output_bytes,
        line_bytes: options.max_line_bytes,
    };
    let first = asked.offset.map_or(1, std::num::NonZeroUsize::get);
    match page(bytes, first, limits) {
        Some(page) => page_outcome(page),
        None => error(format!(
            "Cannot read it: offset {first} is past the end of {}, which has {} lines.",
            quoted(&asked.path),
            bytes.split_inclusive(|byte| *byte == b'\n').count()
        )),
    }
}

fn page_outcome(page: Page) -> ToolOutcome {
    let details =
        json!({ "firstLine": page.first, "lastLine": page.last, "totalLines": page.total });
    let mut notes = Vec::new();
    if page.last < page.total {
        let (first, last, total) = (page.first, page.last, page.total);
        notes.push(format!(
            "lines {first} to {last} of {total}; go on with offset {}",
            last + 1
        ));
    }
    if page.replaced > 0 {
        notes.push(format!(
            "not UTF-8 in {} places, each shown as ?",
            page.replaced
        ));
    }
    let mut text = page.text;
    if !notes.is_empty() {
        text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
        text.push_str(&format!("[{}]", notes.join("; ")));
    }
    ToolOutcome {
        details: Some(details),
        ..ToolOutcome::text(ToolStatus::Ok, text)
    }
}

fn too_large(file: &File, path: &str, most: usize, advice: &str) -> ToolOutcome {
    let size = file
        .metadata()
        .map_or_else(|_| "more".to_owned(), |facts| facts.len().to_string());
    error(format!(
        "Cannot read it: {} has {size} bytes, and the limit is {most}. {advice}",
        quoted(path)
    ))
}

#[cfg(test)]
mod tests {
    use latchwork_session::{ContentPart, ToolOutcome, ToolStatus};
    use serde_json::json;

    use super::{Options, Root, arguments, read};

    fn reading(content: &[u8], options: &Options, more: &serde_json::Value) -> ToolOutcome {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), content).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let mut asked = json!({ "path": "f" });
        asked
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        read(&root, options, &arguments::parse(asked).unwrap())
    }

    fn text(outcome: &ToolOutcome) -> &str {
        match &outcome.content[..] {
            [ContentPart::Text(text), ..] => text,
            other => panic!("not text: {other:?}"),
        }
    }

    #[test]
    fn a_small_file_is_shown_as_it_is() {
        let outcome = reading(b"one\r\ntwo", &Options::default(), &json!({}));
        assert_eq!(
            (outcome.status, text(&outcome)),
            (ToolStatus::Ok, "one\r\ntwo")
        );
        assert_eq!(
            outcome.details,
            Some(json!({ "firstLine": 1, "lastLine": 2, "totalLines": 2 }))
        );
    }

    #[test]
    fn a_page_says_where_to_go_on() {
        let outcome = reading(
            b"1\n2\n3\n4\n",
            &Options::default(),
            &json!({ "offset": 2, "limit": 2 }),
        );
        assert_eq!(
            text(&outcome),
            "2\n3\n\n[lines 2 to 3 of 4; go on with offset 4]"
        );
        let past = reading(b"1\n", &Options::default(), &json!({ "offset": 3 }));
        assert_eq!(past.status, ToolStatus::Error);
        assert!(text(&past).contains("has 1 lines"), "{past:?}");
    }

    #[test]
    fn a_binary_file_is_refused_with_its_size() {
        let outcome = reading(b"ELF\0\x01", &Options::default(), &json!({}));
        assert_eq!(outcome.status, ToolStatus::Error);
        assert!(
            text(&outcome).contains("binary file of 5 bytes"),
            "{outcome:?}"
        );
    }

    #[test]
    fn text_in_another_encoding_is_shown_with_a_note() {
        let outcome = reading(b"caf\xe9\n", &Options::default(), &json!({}));
        assert_eq!(
            text(&outcome),
            "caf?\n\n[not UTF-8 in 1 places, each shown as ?]"
        );
    }

    #[test]
    fn the_largest_file_is_read_and_one_byte_more_is_not() {
        let options = Options {
            max_file_bytes: 20,
            max_image_bytes: 18,
            ..Options::default()
        };
        assert_eq!(
            reading(&[b'x'; 20], &options, &json!({})).status,
            ToolStatus::Ok
        );
        let large = reading(&[b'x'; 21], &options, &json!({}));
        assert!(
            text(&large).contains("21 bytes, and the limit is 20"),
            "{large:?}"
        );
        let mut image = b"\xff\xd8\xff".to_vec();
        image.resize(18, 0);
        assert_eq!(reading(&image, &options, &json!({})).status, ToolStatus::Ok);
        image.push(0);
        assert!(text(&reading(&image, &options, &json!({}))).contains("the limit is 18"));
    }

    #[test]
    fn an_image_comes_whole_in_base64() {
        let outcome = reading(b"GIF89a\0\0", &Options::default(), &json!({}));
        let ContentPart::Image { data, mime_type } = &outcome.content[1] else {
            panic!("{outcome:?}")
        };
        assert_eq!(
            (data.as_str(), mime_type.as_str()),
            ("R0lGODlhAAA=", "image/gif")
        );
    }

    #[test]
    fn an_empty_file_and_an_absent_one_differ() {
        assert_eq!(
            text(&reading(b"", &Options::default(), &json!({}))),
            "[the file is empty]"
        );
        let absent = reading(b"", &Options::default(), &json!({ "path": "g" }));
        assert_eq!(text(&absent), "Cannot read it: there is no `g`.");
    }
}
