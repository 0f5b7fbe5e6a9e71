//! One row as one line of JSON. What is no JSON is passed on as it is: whoever reads the line says so.

use std::io::Read as _;

use latchwork_format::json::Raw;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::bytes;
use crate::build::quote;
use crate::lines::LINE_BYTES_MAX;

/// Line breaks between the tokens of JSON mean nothing, and a line has none.
fn on_one_line(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in &mut bytes {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    bytes
}

/// A row of goose's `messages`, as goose's older files have it.
pub(super) fn message(row: &Row<'_>) -> Result<Vec<u8>, rusqlite::Error> {
    let mut line = b"{\"role\":".to_vec();
    let role = bytes(row, 3)?.unwrap_or_default();
    line.extend(quote(&String::from_utf8_lossy(role)).bytes());
    let created = row.get::<_, Option<i64>>(4).unwrap_or_default();
    line.extend(format!(",\"created\":{}", created.unwrap_or_default()).bytes());
    if let Some(metadata) = bytes(row, 5)?
        && is_json(metadata)
    {
        line.extend(b",\"metadata\":");
        line.extend(metadata);
    }
    line.extend(b",\"content\":");
    line.extend(bytes(row, 2)?.unwrap_or(b"null"));
    line.push(b'}');
    Ok(on_one_line(line))
}

/// A row of OpenClaw's `transcript_events`.
pub(super) fn event(row: &Row<'_>) -> Result<Vec<u8>, rusqlite::Error> {
    if let Some(json) = bytes(row, 2)? {
        return Ok(on_one_line(json.to_vec()));
    }
    let size = row.get::<_, Option<i64>>(4).unwrap_or_default();
    let size = size.and_then(|size| usize::try_from(size).ok());
    let unpacked = match (bytes(row, 3)?, size) {
        (Some(packed), Some(size)) => unpacked(packed, size),
        _ => None,
    };
    // What cannot be unpacked is no JSON, and is told as that.
    Ok(unpacked.map_or_else(
        || b"(compressed event that does not unpack)".to_vec(),
        on_one_line,
    ))
}

/// A compressed event, if it is as long as is said beside it.
fn unpacked(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    if size > LINE_BYTES_MAX {
        return None;
    }
    let decoder = ruzstd::decoding::StreamingDecoder::new(packed).ok()?;
    let mut bytes = Vec::with_capacity(size);
    decoder.take(size as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() == size).then_some(bytes)
}

/// A row of goose's `sessions`: whatever columns it has. Text that is JSON, in a column named for that, stays JSON.
pub(super) fn about(row: &Row<'_>, names: &[String]) -> Result<Vec<u8>, rusqlite::Error> {
    let mut line = b"{".to_vec();
    for (column, name) in names.iter().enumerate() {
        let value = match row.get_ref(column)? {
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) if number.is_finite() => number.to_string(),
            ValueRef::Text(text) if name.ends_with("_json") && is_json(text) => {
                String::from_utf8_lossy(text).into_owned()
            }
            ValueRef::Text(text) => quote(&String::from_utf8_lossy(text)),
            _ => continue,
        };
        if line.len() > 1 {
            line.push(b',');
        }
        let key = name.strip_suffix("_json").unwrap_or(name);
        line.extend(quote(key).bytes());
        line.push(b':');
        line.extend(value.bytes());
    }
    line.push(b'}');
    Ok(on_one_line(line))
}

fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| Raw::parse(text).is_ok())
}
