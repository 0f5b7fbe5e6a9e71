//! Random bytes, and the identifiers made of them.
//!
//! Deliberately not here: cryptography. These bytes name things; they guard nothing.

use std::fmt::{Debug, Write};

/// Where random bytes come from.
pub trait Entropy: Send + Sync + Debug {
    /// Fills the whole buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// The randomness of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealEntropy;

impl Entropy for RealEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Version 4 leaves 122 random bits; the fixed ones sit in bytes 6 and 8, which are not used.
        for chunk in bytes.chunks_mut(RANDOM_BYTES.len()) {
            let random = uuid::Uuid::new_v4().into_bytes();
            for (byte, index) in chunk.iter_mut().zip(RANDOM_BYTES) {
                *byte = random[index];
            }
        }
    }
}

const RANDOM_BYTES: [usize; 14] = [0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15];

/// A random UUID (version 4), hyphenated and in lower case.
#[must_use]
pub fn uuid_v4(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// A UUID that sorts by the time of its making (version 7), hyphenated and in lower case.
#[must_use]
pub fn uuid_v7(entropy: &dyn Entropy, wall_ms: i64) -> String {
    let mut bytes = [0; 10];
    entropy.fill(&mut bytes);
    let millis = u64::try_from(wall_ms).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes)
        .into_uuid()
        .to_string()
}

/// `bytes` random bytes as lower-case hexadecimal digits, two each.
#[must_use]
pub fn hex_id(entropy: &dyn Entropy, bytes: usize) -> String {
    let mut random = vec![0; bytes];
    entropy.fill(&mut random);
    random
        .iter()
        .fold(String::with_capacity(bytes * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_their_shape_and_do_not_repeat() {
        let (a, b) = (uuid_v4(&RealEntropy), uuid_v4(&RealEntropy));
        assert_ne!(a, b);
        assert_eq!((a.len(), &a[14..15]), (36, "4"));
        let (early, late) = (uuid_v7(&RealEntropy, 1_000), uuid_v7(&RealEntropy, 2_000));
        assert_eq!(&early[14..15], "7");
        assert!(early < late, "version 7 sorts by time");
        let id = hex_id(&RealEntropy, 4);
        assert!(id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    }

    #[test]
    fn every_byte_of_a_long_buffer_is_filled() {
        let mut seen = [0_u8; 64];
        for _ in 0..20 {
            let mut bytes = [0_u8; 64];
            RealEntropy.fill(&mut bytes);
            seen.iter_mut()
                .zip(bytes)
                .for_each(|(all, byte)| *all |= byte);
        }
        assert!(
            seen.iter().all(|byte| byte.count_ones() >= 6),
            "a byte stayed fixed: {seen:?}"
        );
    }
}
