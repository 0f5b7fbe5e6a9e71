//! What an import says of itself in the transcript. No model is shown it: it is a `custom` entry.

use latchwork_format::Body;

use crate::key;
use crate::reader::Summary;

/// The custom type of a receipt.
pub const RECEIPT: &str = "latchwork.import";

/// The receipt of a source that was read to its end, and its key: the same source, read again, has the same.
///
/// # Errors
/// Never, as far as is known: a summary is made of words and numbers.
pub fn receipt(summary: &Summary) -> Result<(String, Body), serde_json::Error> {
    let data = serde_json::json!({
        "version": 1,
        "source": summary.kind.as_str(),
        "session": summary.session,
        "hash": format!("blake3:{}", summary.hash),
        "bytes": summary.bytes,
        "lines": summary.lines,
        "cwd": summary.cwd,
        "title": summary.title,
        "report": serde_json::to_value(&summary.report)?,
    });
    let body = Body::Custom {
        custom_type: RECEIPT.to_owned(),
        data: Some(data),
    };
    let content = summary.hash.get(..32).unwrap_or(&summary.hash);
    let prefix = key::prefix(summary.kind, &summary.session);
    Ok((format!("{prefix}~receipt#{content}"), body))
}
