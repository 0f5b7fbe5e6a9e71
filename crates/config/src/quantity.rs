//! Amounts with a unit, as people write them: `60s`, `20mb`. A whole number and a unit; without a unit the number counts
//! the smallest one. No fractions, no sums (`1h30min`): one amount has one obvious spelling.
//!
//! What the units are is the business of `millis` and `bytes`.

use std::fmt;

/// A unit and how many of the smallest it is.
pub(crate) type Units = &'static [(&'static str, u64)];

/// The longest text that may be meant for a unit, in bytes.
const UNIT_MAX: usize = 8;

/// Why a text is not an amount. The range is part of the words, in the units of the amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// There is no number at the beginning, or it is not whole.
    #[error("an amount is a whole number and a unit ({units}), such as `{example}`")]
    NotANumber {
        /// The units that there are.
        units: String,
        /// An amount as it should be.
        example: &'static str,
    },
    /// The unit is not known.
    #[error("unknown unit `{}`; there are: {units}", unit.escape_debug())]
    UnknownUnit {
        /// The unit as written.
        unit: String,
        /// The units that there are.
        units: String,
    },
    /// The amount is negative, too small or too large.
    #[error("must be from {min} to {max}")]
    OutOfRange {
        /// The least allowed.
        min: String,
        /// The most allowed.
        max: String,
    },
}

/// What an amount looks like.
pub(crate) struct Kind {
    /// From the smallest to the largest.
    pub(crate) units: Units,
    /// Other spellings.
    pub(crate) also: Units,
    pub(crate) example: &'static str,
}

impl Kind {
    /// The amount in the smallest unit; None if it is a number that is out of every range.
    pub(crate) fn parse(&self, text: &str) -> Result<Option<u64>, QuantityError> {
        let text = text.trim();
        let (negative, unsigned) = text
            .strip_prefix('-')
            .map_or((false, text), |rest| (true, rest));
        let end = unsigned
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(unsigned.len());
        let (digits, unit) = (&unsigned[..end], unsigned[end..].trim_start());
        if digits.is_empty() || unit.starts_with(['.', ',']) {
            return Err(QuantityError::NotANumber {
                units: self.unit_names(),
                example: self.example,
            });
        }
        let size = if unit.is_empty() { 1 } else { self.size(unit)? };
        let amount = digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(size));
        Ok(amount.filter(|&amount| !negative || amount == 0))
    }

    fn size(&self, unit: &str) -> Result<u64, QuantityError> {
        let known = self
            .units
            .iter()
            .chain(self.also)
            .find(|(name, _)| name.eq_ignore_ascii_case(unit));
        // What is too long for a unit is no slip in one: it may be a secret at the wrong place, and is not repeated.
        let slip = unit.len() <= UNIT_MAX && unit.chars().all(char::is_alphabetic);
        let unknown = || QuantityError::UnknownUnit {
            unit: if slip { unit } else { "…" }.to_owned(),
            units: self.unit_names(),
        };
        known.map(|(_, size)| *size).ok_or_else(unknown)
    }

    fn unit_names(&self) -> String {
        self.units
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// In the largest unit that divides it.
    pub(crate) fn write(&self, amount: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = self
            .units
            .iter()
            .rev()
            .find(|(_, size)| amount != 0 && amount.is_multiple_of(*size));
        match fitting.or(self.units.first()) {
            Some((unit, size)) => write!(f, "{}{unit}", amount / size),
            None => write!(f, "{amount}"),
        }
    }
}

/// Defines an amount with its range in the type, so that serde can say the range.
macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $kind:expr, $new:ident, $get:ident, $expecting:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name<const MIN: u64 = 0, const MAX: u64 = { i64::MAX as u64 }>(u64);

        impl<const MIN: u64, const MAX: u64> $name<MIN, MAX> {
            /// The amount, if it is within the range of this type.
            ///
            /// # Errors
            /// `OutOfRange`, which says the range.
            pub fn $new(amount: u64) -> Result<Self, $crate::QuantityError> {
                if (MIN..=MAX).contains(&amount) { Ok(Self(amount)) } else { Err(Self::out_of_range()) }
            }

            /// The amount.
            pub const fn $get(self) -> u64 {
                self.0
            }

            fn out_of_range() -> $crate::QuantityError {
                let [min, max] = [MIN, MAX].map(|bound| Self(bound).to_string());
                $crate::QuantityError::OutOfRange { min, max }
            }
        }

        impl<const MIN: u64, const MAX: u64> std::str::FromStr for $name<MIN, MAX> {
            type Err = $crate::QuantityError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $kind.parse(text)?.ok_or_else(Self::out_of_range).and_then(Self::$new)
            }
        }

        impl<const MIN: u64, const MAX: u64> std::fmt::Display for $name<MIN, MAX> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $kind.write(self.0, f)
            }
        }

        impl<const MIN: u64, const MAX: u64> serde::Serialize for $name<MIN, MAX> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(self.0)
            }
        }

        impl<'de, const MIN: u64, const MAX: u64> serde::Deserialize<'de> for $name<MIN, MAX> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor<const MIN: u64, const MAX: u64>;

                impl<const MIN: u64, const MAX: u64> serde::de::Visitor<'_> for Visitor<MIN, MAX> {
                    type Value = $name<MIN, MAX>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_u64<E: serde::de::Error>(self, amount: u64) -> Result<Self::Value, E> {
                        $name::$new(amount).map_err(E::custom)
                    }

                    fn visit_i64<E: serde::de::Error>(self, amount: i64) -> Result<Self::Value, E> {
                        let amount = u64::try_from(amount).map_err(|_| E::custom($name::<MIN, MAX>::out_of_range()))?;
                        self.visit_u64(amount)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_any(Visitor)
            }
        }
    };
}

pub(crate) use quantity;
