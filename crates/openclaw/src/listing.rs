//! The rows of a store as `openclaw sessions` lists them: newest first, with the fields that programs read.
//!
//! Deliberately absent: what only OpenClaw's own settings tell (the model that it would choose, the size of its window).

use latchwork_format::Raw;
use serde_json::{Map, Value, json};

use crate::key::agent;
use crate::store::SessionsJson;
use crate::{Row, row};

/// Fields that stand in a listed row as they stand in the store, where they do.
const AS_THEY_ARE: [&str; 16] = [
    "systemSent",
    "abortedLastRun",
    "thinkingLevel",
    "fastMode",
    "verboseLevel",
    "traceLevel",
    "reasoningLevel",
    "elevatedLevel",
    "responseUsage",
    "groupActivation",
    "inputTokens",
    "outputTokens",
    "providerOverride",
    "modelOverride",
    "modelProvider",
    "model",
];

/// Some of the rows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Listing {
    /// The rows, newest first.
    pub rows: Vec<ListedRow>,
    /// How many there were to choose from.
    pub total: usize,
}

/// A row as it is listed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ListedRow {
    /// Its key.
    pub key: String,
    /// When it was changed last, milliseconds since 1970.
    pub updated_at: Option<i64>,
    /// How long ago that was, in milliseconds.
    pub age_ms: Option<i64>,
    /// Its session.
    pub session_id: Option<String>,
    /// The agent that its key names; else `main`.
    pub agent: String,
    /// `direct`, `group`, `cron`, `spawn-child`, `global`, `unknown`.
    pub kind: &'static str,
    /// Whether it is run by an agent over ACP.
    pub acp: bool,
    /// What runs it.
    pub runtime: String,
    /// The model that it used last.
    pub model: Option<String>,
    /// How many tokens its context has, where that is known.
    pub total_tokens: Option<u64>,
    /// How many it may have.
    pub context_tokens: Option<u64>,
    /// The row as programs read it.
    pub json: Value,
}

/// The newest rows: of those that were changed in the last `active_minutes`, if that is given, at most `limit`.
#[must_use]
pub fn list(
    rows: &SessionsJson,
    now_ms: i64,
    active_minutes: Option<u32>,
    limit: Option<usize>,
) -> Listing {
    let since = active_minutes.map(|minutes| now_ms.saturating_sub(i64::from(minutes) * 60_000));
    let mut listed: Vec<ListedRow> = rows
        .rows()
        .filter_map(|row| listed(row, now_ms))
        .filter(|row| since.is_none_or(|since| row.updated_at.is_some_and(|at| at >= since)))
        .collect();
    listed.sort_by(|a, b| {
        b.updated_at
            .cmp(&a.updated_at)
            .then_with(|| a.key.cmp(&b.key))
    });
    let total = listed.len();
    listed.truncate(limit.unwrap_or(usize::MAX));
    Listing {
        rows: listed,
        total,
    }
}

/// `None` for a row that is no object.
fn listed(row: &Row, now_ms: i64) -> Option<ListedRow> {
    let fields = Raw::parse(row.text()).ok()?.fields()?;
    let str = |name: &str| fields.str(name).map(std::borrow::Cow::into_owned);
    let number = |name: &str| fields.get(name).and_then(Raw::as_u64);
    let key = row.key().to_owned();
    let agent = agent(row.normalized_key()).unwrap_or("main").to_owned();
    let chat = str("chatType");
    let acp = fields.get("acp").is_some_and(Raw::is_object);
    let chosen = str("agentRuntimeOverride");
    let kind = kind(
        row.normalized_key(),
        str("spawnedBy").is_some(),
        chat.as_deref(),
    );
    let updated_at = fields.get("updatedAt").and_then(row::millis);
    let age_ms = updated_at.map(|at| now_ms.saturating_sub(at).max(0));
    let fresh = fields.get("totalTokensFresh").and_then(Raw::as_bool) != Some(false);
    let total_tokens = number("totalTokens").filter(|_| fresh);
    let mut json = Map::new();
    json.insert("key".into(), json!(key));
    json.insert("updatedAt".into(), json!(updated_at));
    json.insert("ageMs".into(), json!(age_ms));
    json.insert("sessionId".into(), json!(str("sessionId")));
    json.insert("agentId".into(), json!(agent));
    json.insert("kind".into(), json!(kind));
    json.insert("acpRuntime".into(), json!(acp));
    let source = if chosen.is_some() {
        "session"
    } else {
        "implicit"
    };
    let runtime = chosen.unwrap_or_else(|| if acp { "acp" } else { "pi" }.to_owned());
    let of = json!({ "id": runtime, "source": source });
    json.insert("agentRuntime".into(), of);
    for name in AS_THEY_ARE {
        if let Some(value) = fields.get(name) {
            json.insert(name.into(), value.to_value());
        }
    }
    json.insert("totalTokens".into(), json!(total_tokens));
    let is_fresh = number("totalTokens").is_some() && fresh;
    json.insert("totalTokensFresh".into(), json!(is_fresh));
    json.insert("contextTokens".into(), json!(number("contextTokens")));
    let (mut provider, mut model) = (str("modelProvider"), str("model"));
    if acp {
        (provider, model) = (Some("acpx".into()), Some(format!("{agent}-acp")));
    }
    json.insert("modelProvider".into(), json!(provider));
    json.insert("model".into(), json!(model));
    Some(ListedRow {
        key,
        updated_at,
        age_ms,
        session_id: str("sessionId"),
        agent,
        kind,
        acp,
        runtime,
        model,
        total_tokens,
        context_tokens: number("contextTokens"),
        json: Value::Object(json),
    })
}

fn kind(key: &str, spawned: bool, chat: Option<&str>) -> &'static str {
    let rest = match agent(key) {
        Some(agent) => key.get("agent:".len() + agent.len() + 1..).unwrap_or(key),
        None => key,
    };
    let of_many = key.contains(":group:") || key.contains(":channel:");
    match key {
        "global" => "global",
        "unknown" => "unknown",
        _ if rest.starts_with("cron:") => "cron",
        _ if spawned => "spawn-child",
        _ if of_many || matches!(chat, Some("group" | "channel")) => "group",
        _ => "direct",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_newest_come_first_and_a_count_that_is_not_fresh_is_none() {
        let text = r#"{"agent:main:a":{"sessionId":"a","updatedAt":1000,"totalTokens":5},"agent:ops:b":{"sessionId":"b","updatedAt":9000,"totalTokens":5,"totalTokensFresh":false,"acp":{}},
            "cron:c":{"sessionId":"c"},"n":7}"#;
        let rows = SessionsJson::parse(text).unwrap();
        let listing = list(&rows, 10_000, None, None);
        let keys: Vec<_> = listing.rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, ["agent:ops:b", "agent:main:a", "cron:c"]);
        assert_eq!(
            (listing.rows[0].age_ms, listing.rows[0].total_tokens),
            (Some(1_000), None)
        );
        assert_eq!(listing.rows[0].json["model"], "ops-acp");
        assert_eq!(listing.rows[0].json["totalTokensFresh"], false);
        assert_eq!(listing.rows[1].json["totalTokens"], 5);
        assert_eq!(listing.rows[2].kind, "cron");
        let some = list(&rows, 61_000, Some(1), Some(1));
        assert_eq!((some.rows.len(), some.total), (1, 2));
    }

    proptest! {
        #[test]
        fn no_row_makes_us_panic(key in "\\PC{0,20}", at in any::<i64>(), now in any::<i64>(), text in "\\PC{0,12}") {
            let store = json!({ key: { "sessionId": text, "updatedAt": at, "chatType": text, "acp": {} } });
            let rows = SessionsJson::parse(&store.to_string()).unwrap();
            prop_assert_eq!(list(&rows, now, None, None).rows.len(), 1);
        }
    }
}
