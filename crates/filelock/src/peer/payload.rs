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

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payload {
    pub(crate) pid: u32,
    pub(crate) created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) starttime: Option<u64>,
    pub(crate) nonce: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) boot_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid_ns: Option<u64>,
}

impl Payload {
    /// Ours: `pid` and `starttime` are those of the process that stands in for us.
    pub(crate) fn ours(
        pid: u32,
        starttime: Option<u64>,
        created_at: String,
        nonce: String,
        own: ProcessIdentity,
    ) -> Self {
        Self {
            pid,
            created_at,
            starttime,
            nonce,
            boot_id: own.boot_id,
            pid_ns: own.pid_namespace,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        // A struct of numbers and strings always has a JSON form.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
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

    fn ours(pid: u32, starttime: Option<u64>) -> Payload {
        Payload {
            pid,
            created_at: "2026-05-19T08:12:44.102Z".to_owned(),
            starttime,
            nonce: "n1".to_owned(),
            boot_id: Some("b1".to_owned()),
            pid_ns: Some(4_026_531_836),
        }
    }

    #[test]
    fn our_payload_begins_as_a_peers_does_to_the_byte() {
        let text = String::from_utf8(ours(41822, Some(90_412_345)).bytes()).unwrap();
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
        fn what_we_write_we_read(pid in 1_u32.., starttime in any::<Option<u64>>()) {
            let written = ours(pid, starttime);
            let read = Read::from_bytes(&written.bytes());
            prop_assert_eq!((read.pid, read.starttime, read.nonce), (Some(pid), starttime, Some(written.nonce)));
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Read::from_bytes(&bytes);
        }
    }
}
