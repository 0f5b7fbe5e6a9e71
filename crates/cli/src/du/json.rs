//! What was found, for programs.

use latchwork::{HomeSpace, KindSpace, Largest, SessionSpace, Space};
use serde_json::{Map, Value, json};

pub(super) fn session(found: &SessionSpace) -> Value {
    let mut fields = Map::new();
    fields.insert("session".to_owned(), json!(found.session));
    fields.insert("path".to_owned(), json!(found.place));
    space(&mut fields, &found.space);
    Value::Object(fields)
}

pub(super) fn home(found: &HomeSpace) -> Value {
    let sessions = found.sessions.iter().map(|one| {
        json!({
            "session": one.session,
            "bytes": one.bytes,
            "sidecarBytes": one.sidecar_bytes,
        })
    });
    let elsewhere = found.elsewhere.iter().map(
        |one| json!({ "what": one.what, "files": one.counted.count, "bytes": one.counted.bytes }),
    );
    let unread = found
        .unread
        .iter()
        .map(|(session, why)| json!({ "session": session, "why": why }));
    let mut fields = Map::new();
    fields.insert("home".to_owned(), json!(found.home));
    fields.insert("homeFiles".to_owned(), json!(found.all.count));
    fields.insert("homeBytes".to_owned(), json!(found.all.bytes));
    fields.insert("sessions".to_owned(), sessions.collect());
    fields.insert("elsewhere".to_owned(), elsewhere.collect());
    fields.insert("unread".to_owned(), unread.collect());
    space(&mut fields, &found.space);
    Value::Object(fields)
}

fn space(fields: &mut Map<String, Value>, space: &Space) {
    let kinds = space.kinds.iter().map(|(kind, taken)| {
        let mut row = row(taken);
        if let Value::Object(row) = &mut row {
            row.insert("kind".to_owned(), json!(kind.name()));
        }
        row
    });
    let sidecars = space.sidecars.iter().map(
        |one| json!({ "what": one.what, "files": one.counted.count, "bytes": one.counted.bytes }),
    );
    let rest = json!({
        "bytes": space.bytes,
        "entries": space.entries,
        "total": row(&space.total()),
        "kinds": kinds.collect::<Vec<_>>(),
        "frameBytes": space.frame_bytes,
        "damaged": { "lines": space.damaged.count, "bytes": space.damaged.bytes },
        "fragmentBytes": space.fragment_bytes,
        "sidecars": sidecars.collect::<Vec<_>>(),
        "largest": space.largest.iter().map(largest).collect::<Vec<_>>(),
    });
    if let Value::Object(rest) = rest {
        fields.extend(rest);
    }
}

fn row(taken: &KindSpace) -> Value {
    json!({
        "count": taken.count,
        "bytes": taken.bytes(),
        "inContext": taken.in_context,
        "offContext": taken.off_context,
        "dead": taken.dead,
    })
}

fn largest(one: &Largest) -> Value {
    json!({
        "session": one.session,
        "entryId": one.id,
        "line": one.line,
        "kind": one.kind.name(),
        "bytes": one.bytes,
        "imageBytes": one.image_bytes,
        "shown": one.shown.name(),
    })
}
