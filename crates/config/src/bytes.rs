//! Sizes in settings: `64kb`, `20mb`, `2gb`; a plain number counts bytes. A kilobyte has 1024 bytes, as with the peers.

use crate::quantity::{Kind, quantity};

pub(crate) const SIZE: Kind = Kind {
    units: &[
        ("b", 1),
        ("kb", 1 << 10),
        ("mb", 1 << 20),
        ("gb", 1 << 30),
        ("tb", 1 << 40),
    ],
    also: &[
        ("k", 1 << 10),
        ("m", 1 << 20),
        ("g", 1 << 30),
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
    ],
    example: "20mb",
};

quantity! {
    /// A size in bytes, from `MIN` to `MAX` bytes.
    ///
    /// Read from `64kb`, `20mb`, `2gb` (steps of 1024; `20MB` and `20MiB` mean the same), or a plain number of bytes; written by
    /// serde as that number and displayed with the largest unit that fits.
    ///
    /// ```
    /// use latchwork_config::Bytes;
    ///
    /// let limit = "64kb".parse::<Bytes>().unwrap();
    /// assert_eq!((limit.get(), limit.to_string().as_str()), (65_536, "64kb"));
    /// ```
    Bytes, SIZE, new, get, "a size such as `20mb` or a whole number of bytes"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_in_steps_of_1024_whatever_the_case() {
        for (text, bytes) in [
            ("64kb", 65_536),
            ("20MB", 20_971_520),
            ("1GiB", 1_073_741_824),
            ("12", 12),
            ("3 b", 3),
        ] {
            assert_eq!(text.parse::<Bytes>().map(Bytes::get), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn a_number_from_a_file_is_held_against_the_range_too() {
        let read = |json: &str| {
            serde_json::from_str::<Bytes<1024, 4096>>(json)
                .map(Bytes::get)
                .map_err(|e| e.to_string())
        };
        assert_eq!(read("2048").unwrap(), 2048);
        assert_eq!(read("\"2kb\"").unwrap(), 2048);
        for json in ["-1", "1", "\"1mb\""] {
            assert!(
                read(json)
                    .unwrap_err()
                    .starts_with("must be from 1kb to 4kb"),
                "{json}"
            );
        }
        assert!(
            read("2.5")
                .unwrap_err()
                .contains("expected a size such as `20mb` or a whole number of bytes")
        );
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(amount in 0..=i64::MAX as u64) {
            let bytes = Bytes::<0, { i64::MAX as u64 }>::new(amount).unwrap();
            prop_assert_eq!(bytes.to_string().parse(), Ok(bytes));
        }
    }
}
