//! What of a row goes on with a new session, and what ends with the old one.
//!
//! What a person set stays, and so does what nobody here knows. Deliberately absent: when a session ends.

use latchwork_format::Raw;

use crate::patch::Patch;
use crate::{Entry, Row};

/// Fields that belong to a conversation and end with it.
const OF_THE_CONVERSATION: [&str; 53] = [
    "sessionFile",
    "status",
    "startedAt",
    "endedAt",
    "runtimeMs",
    "systemSent",
    "abortedLastRun",
    "abortCutoffMessageSid",
    "abortCutoffTimestamp",
    "lastHeartbeatText",
    "lastHeartbeatSentAt",
    "heartbeatTaskState",
    "subagentRecovery",
    "forkedFromParent",
    "liveModelSwitchPending",
    "modelProvider",
    "model",
    "agentHarnessId",
    "fallbackNoticeSelectedModel",
    "fallbackNoticeActiveModel",
    "fallbackNoticeReason",
    "inputTokens",
    "outputTokens",
    "totalTokens",
    "totalTokensFresh",
    "cacheRead",
    "cacheWrite",
    "contextTokens",
    "estimatedCostUsd",
    "compactionCount",
    "compactionCheckpoints",
    "memoryFlushAt",
    "memoryFlushCompactionCount",
    "memoryFlushContextHash",
    "quotaSuspension",
    "pendingFinalDelivery",
    "pendingFinalDeliveryText",
    "pendingFinalDeliveryCreatedAt",
    "pendingFinalDeliveryLastAttemptAt",
    "pendingFinalDeliveryAttemptCount",
    "pendingFinalDeliveryLastError",
    "pendingFinalDeliveryContext",
    "pendingFinalDeliveryIntentId",
    "pendingFinalDeliveryPayload",
    "lastTtsReadLatestHash",
    "lastTtsReadLatestAt",
    "cliSessionIds",
    "cliSessionBindings",
    "claudeCliSessionId",
    "skillsSnapshot",
    "systemPromptReport",
    "pluginNextTurnInjections",
    "pluginDebugEntries",
];

/// Choices that a person or the program made: the field that tells who, and the fields that hold them.
const CHOICES: [(&str, &[&str]); 2] = [
    (
        "modelOverrideSource",
        &[
            "modelOverride",
            "providerOverride",
            "modelOverrideSource",
            "modelOverrideFallbackOriginProvider",
            "modelOverrideFallbackOriginModel",
        ],
    ),
    (
        "authProfileOverrideSource",
        &[
            "authProfileOverride",
            "authProfileOverrideSource",
            "authProfileOverrideCompactionCount",
        ],
    ),
];

/// What becomes of the row.
pub(super) fn begins_anew(row: &Row, old: &Entry, key: &str, new_id: &str, now_ms: i64) -> Patch {
    let fields = Raw::parse(row.text()).ok().and_then(Raw::fields);
    let str = |name: &str| fields.as_ref().and_then(|fields| fields.str(name));
    let mut patch = Patch::new();
    for field in OF_THE_CONVERSATION {
        patch = patch.without(field);
    }
    for (source, choice) in CHOICES {
        if str(source).is_some_and(|source| source != "user") {
            patch = choice
                .iter()
                .fold(patch, |patch, field| patch.without(field));
        }
    }
    let mut family = old.family.clone();
    for id in [old.session_id.as_str(), new_id] {
        if !family.iter().any(|known| known == id) {
            family.push(id.to_owned());
        }
    }
    let family_key = str("usageFamilyKey")
        .map_or_else(|| key.trim().to_lowercase(), std::borrow::Cow::into_owned);
    let patch = patch
        .text("sessionId", new_id)
        .text("usageFamilyKey", &family_key)
        .number("sessionStartedAt", now_ms)
        .number("lastInteractionAt", now_ms);
    // A list of strings has a JSON form.
    patch
        .clone()
        .set("usageFamilySessionIds", &family)
        .unwrap_or(patch)
}
