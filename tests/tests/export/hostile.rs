//! The worst that a session can say, wherever it can say something.

use serde_json::{Value, json};

/// Texts that try to become more than text. A canary that sings leaves `data-sung` on the page's root; what loads goes to the port.
pub(crate) fn texts(port: u16) -> Vec<String> {
    let sing = "document.documentElement.setAttribute('data-sung','yes');document.title='sung'";
    let at = format!("http://127.0.0.1:{port}");
    vec![
        format!("</script><script>{sing}</script>"),
        format!("</script><script src=\"{at}/script.js\"></script>"),
        format!("<!--<script>--></script><script>{sing}</script>"),
        format!("]]></script></style></title></noscript></textarea><script>{sing}</script>"),
        format!("</script><img src=x onerror=\"{sing}\"><img src=\"{at}/image.png\">"),
        format!("</script><svg onload=\"{sing}\"></svg><iframe src=\"{at}/frame\"></iframe>"),
        format!(
            "</script><link rel=stylesheet href=\"{at}/style.css\"><style>body{{background:url({at}/background)}}</style>"
        ),
        format!(
            "</script><meta http-equiv=refresh content=\"0;url={at}/refresh\"><base href=\"{at}/\">"
        ),
        format!("</script><form action=\"{at}/form\"><button autofocus onfocus=\"{sing}\"></form>"),
        format!("<a href=\"javascript:{sing}\">x</a> javascript:{sing} [x](javascript:{sing})"),
        format!(
            "![x]({at}/markdown.png) {at}/plain?a=1&b=\"x\" data:text/html,<script>{sing}</script>"
        ),
        "\u{202e}gnirts desrever\u{2066}\u{0}\u{1b}[2J\u{2028}\u{feff}\u{e0041}".to_owned(),
        "\"}],\"__proto__\":{\"text\":\"x\"},\\u003c\\".to_owned(),
        format!("```html\n</script><script>{sing}</script>\n```"),
    ]
}

/// A session that says these texts in every role and every field, on branches that leave one another, as the lines of its file.
pub(crate) fn session(texts: &[String]) -> Vec<u8> {
    let mut lines = vec![json!({
        "type": "session", "version": 3, "id": texts[0], "timestamp": texts[1], "cwd": texts[2], "parentSession": texts[3],
    })];
    let mut parent = Value::Null;
    for (n, text) in texts.iter().enumerate() {
        let messages = [
            json!({ "role": "user", "content": [{ "type": "text", "text": text }, { "type": "image", "data": text, "mimeType": text }] }),
            json!({ "role": "assistant", "provider": text, "model": text, "stopReason": text, "errorMessage": text,
                "usage": { "input": 5, "output": 7, "cost": { "total": 0.25 } },
                "content": [{ "type": "thinking", "thinking": text }, { "type": "text", "text": text },
                    { "type": "toolCall", "id": text, "name": text, "arguments": { text: text, "__proto__": text } }, { "type": text, "x": text }] }),
            json!({ "role": "toolResult", "toolCallId": text, "toolName": text, "content": [{ "type": "text", "text": text }] }),
            json!({ "role": "bashExecution", "command": text, "output": text, "exitCode": 3 }),
            json!({ "role": text, "content": text }),
        ];
        for (m, message) in messages.into_iter().enumerate() {
            let id = format!("{n}-{m}{text}");
            lines.push(entry(
                "message",
                &id,
                &parent,
                json!({ "message": message }),
            ));
            parent = id.into();
        }
        for (kind, fields) in [
            (
                "compaction",
                json!({ "summary": text, "firstKeptEntryId": text }),
            ),
            (
                "custom",
                json!({ "customType": text, "data": { "x": text } }),
            ),
            (
                "custom_message",
                json!({ "customType": text, "content": text, "display": true }),
            ),
            ("label", json!({ "targetId": parent, "label": text })),
            ("session_info", json!({ "name": text })),
            ("model_change", json!({ "provider": text, "modelId": text })),
            (text.as_str(), json!({ "x": text })),
        ] {
            // Each on a branch of its own.
            lines.push(entry(kind, &format!("{n}-{kind}{text}"), &parent, fields));
        }
    }
    lines
        .iter()
        .flat_map(|line| format!("{line}\n").into_bytes())
        .collect()
}

pub(crate) fn entry(kind: &str, id: &str, parent: &Value, fields: Value) -> Value {
    let mut line = json!({ "type": kind, "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:00.000Z" });
    let Value::Object(fields) = fields else {
        panic!("fields are an object");
    };
    line.as_object_mut().unwrap().extend(fields);
    line
}
