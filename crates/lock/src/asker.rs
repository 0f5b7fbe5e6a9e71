//! Who asks for a turn, in words that a person can act upon.
//!
//! Like a [`Holder`] it is a diagnosis and decides nothing: the request itself, and whether its asker lives, is the backend's.
//! What is in it may come from a file of somebody else's, so displaying it escapes whatever could steer a terminal.

use std::fmt;
use std::time::Duration;

use crate::Holder;

/// Somebody who asks the holder of a claim to give the turn up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asker {
    /// Who asks, and since when, as far as it is known.
    pub by: Holder,
    /// What was asked; `None` where somebody asks and what was written down of it is damaged.
    pub wish: Option<Wish>,
}

/// What an asker wrote down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wish {
    /// The turn that is to come next.
    pub turn: String,
    /// Why.
    pub reason: String,
    /// How long the holder has, from the moment of asking.
    pub grace: Duration,
    /// When that is over and the turn is taken over, ISO 8601; `None` beyond every calendar.
    pub grace_ends: Option<String>,
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.by)?;
        let Some(wish) = &self.wish else {
            return f.write_str("; its request is damaged and cannot be read");
        };
        write!(f, ", for turn {:?}, reason {:?}; ", wish.turn, wish.reason)?;
        match &wish.grace_ends {
            Some(end) => write!(f, "its grace ends {}", end.escape_debug()),
            None => f.write_str("its grace does not end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asker, Wish};
    use crate::Holder;
    use proptest::prelude::*;

    fn asker(turn: &str, reason: &str, ends: Option<&str>) -> Asker {
        Asker {
            by: Holder::process(7),
            wish: Some(Wish {
                turn: turn.to_owned(),
                reason: reason.to_owned(),
                grace_ends: ends.map(str::to_owned),
                ..Wish::default()
            }),
        }
    }

    #[test]
    fn who_asks_is_told_with_turn_reason_and_end_and_a_damaged_request_is_told_to_be_that() {
        let ends = "2026-05-19T08:12:44.102Z";
        assert_eq!(
            asker("t", "I moved", Some(ends)).to_string(),
            format!(r#"process 7, for turn "t", reason "I moved"; its grace ends {ends}"#)
        );
        assert!(
            asker("t", "r", None)
                .to_string()
                .ends_with("its grace does not end")
        );
        let damaged = Asker {
            by: Holder::process(7),
            wish: None,
        };
        let told = damaged.to_string();
        assert!(
            told.starts_with("process 7; its request is damaged"),
            "{told}"
        );
    }

    proptest! {
        #[test]
        fn an_asker_is_one_line_and_cannot_steer_a_terminal(
            turn in any::<String>(), reason in any::<String>(), ends in any::<String>(),
            odd in "[\n\u{1b}\u{9b}\u{202e}\u{2028}]{1,4}",
        ) {
            let shown = asker(&format!("{turn}{odd}"), &format!("{odd}{reason}"), Some(&format!("{ends}{odd}"))).to_string();
            let steers = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{2028}');
            prop_assert!(!shown.chars().any(steers), "{shown:?}");
        }
    }
}
