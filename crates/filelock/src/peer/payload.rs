//! What stands in a peers' lock file.
//!
//! The first three fields are OpenClaw's, in its order, with two spaces of indent and a newline at the
//! end; the others are ours, and their presence marks a file of our making. Reading is tolerant: the
//! file may be anybody's, and half written.

use latchwork_sys::ProcessIdentity;
use serde::Serialize;
use serde_json::Value;

/// Most bytes that are read of a lock file.
pub(crate) const READ_LIMIT: usize = 4_096;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    pid: u32,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    starttime: Option<u64>,
    nonce: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid_ns: Option<u64>,
}

/// Stands where a moment or a nonce will: none of the other fields can contain it.
const GAP: &str = "@";

impl Payload {
    fn bytes(&self) -> Vec<u8> {
        // A struct of numbers and strings always has a JSON form.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// Our payload but for the moment and the nonce: what one process writes differs in nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    before_created_at: String,
    before_nonce: String,
    after: String,
}

impl Template {
    /// `pid` and `starttime` are those of the process that stands in for us.
    pub(crate) fn of(pid: u32, starttime: Option<u64>, own: ProcessIdentity) -> Self {
        let payload = Payload {
            pid,
            created_at: GAP.to_owned(),
            starttime,
            nonce: GAP.to_owned(),
            boot_id: own.boot_id,
            pid_ns: own.pid_namespace,
        };
        let text = String::from_utf8(payload.bytes()).unwrap_or_default();
        let mut parts = text.splitn(3, GAP).map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        Self {
            before_created_at: part(),
            before_nonce: part(),
            after: part(),
        }
    }

    pub(crate) fn fill(&self, created_at: &str, nonce: &str) -> String {
        [
            &self.before_created_at,
            created_at,
            &self.before_nonce,
            nonce,
            &self.after,
        ]
        .concat()
    }
}

/// What could be read of a lock file; every field may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) pid: Option<u32>,
    pub(crate) created_at: Option<String>,
    pub(crate) starttime: Option<u64>,
    pub(crate) nonce: Option<String>,
    pub(crate) boot_id: Option<String>,
    pub(crate) pid_ns: Option<u64>,
}

impl Read {
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let Ok(Value::Object(fields)) = serde_json::from_slice(bytes) else {
            return Self::default();
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| fields.get(name).and_then(Value::as_u64);
        Self {
            pid: number("pid")
                .and_then(|pid| u32::try_from(pid).ok())
                .filter(|pid| *pid > 0),
            created_at: text("createdAt"),
            starttime: number("starttime"),
            nonce: text("nonce"),
            boot_id: text("bootId"),
            pid_ns: number("pidNs"),
        }
    }

    /// Whether one of us wrote it.
    pub(crate) fn is_of_our_making(&self) -> bool {
        self.nonce.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn our_payload_begins_as_a_peers_does_to_the_byte() {
        let own = ProcessIdentity {
            pid: 1,
            starttime: None,
            boot_id: Some("b1".to_owned()),
            pid_namespace: Some(4_026_531_836),
            host: String::new(),
        };
        let text =
            Template::of(41822, Some(90_412_345), own).fill("2026-05-19T08:12:44.102Z", "n1");
        assert_eq!(
            text,
            "{\n  \"pid\": 41822,\n  \"createdAt\": \"2026-05-19T08:12:44.102Z\",\n  \"starttime\": 90412345,\n  \
             \"nonce\": \"n1\",\n  \"bootId\": \"b1\",\n  \"pidNs\": 4026531836\n}\n"
        );
    }

    #[test]
    fn values_that_are_no_pid_are_none() {
        for bad in [
            "",
            "null",
            "[]",
            "{\"pid\": 0}",
            "{\"pid\": -1}",
            "{\"pid\": 1.5}",
            "{\"pid\": \"7\"}",
            "{\"pid\": 1",
        ] {
            assert_eq!(Read::from_bytes(bad.as_bytes()).pid, None, "{bad}");
        }
        let foreign = Read::from_bytes(b"{\"pid\": 7, \"createdAt\": \"x\", \"starttime\": 9}");
        assert_eq!(
            (foreign.pid, foreign.starttime, foreign.is_of_our_making()),
            (Some(7), Some(9), false)
        );
    }

    proptest! {
        #[test]
        fn what_we_write_we_read(
            pid in 1_u32.., starttime in any::<Option<u64>>(), boot_id in any::<Option<u64>>(), pid_namespace in any::<Option<u64>>(),
        ) {
            let boot_id = boot_id.map(|id| format!("{id:x}"));
            let own = ProcessIdentity { pid: 1, starttime: None, boot_id: boot_id.clone(), pid_namespace, host: String::new() };
            let written = Template::of(pid, starttime, own).fill("then", "n1");
            let expected = Read {
                pid: Some(pid), created_at: Some("then".to_owned()), starttime, nonce: Some("n1".to_owned()), boot_id, pid_ns: pid_namespace,
            };
            prop_assert_eq!(Read::from_bytes(written.as_bytes()), expected);
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Read::from_bytes(&bytes);
        }
    }
}
