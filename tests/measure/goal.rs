//! A figure against its limit. A goal that could not be measured is not met, and says that it was not measured.

use std::fmt;

/// Which side of the limit is good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// The value or less.
    AtMost(f64),
    /// The value or more.
    AtLeast(f64),
}

/// What was wanted and what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// In words, with the unit.
    pub what: String,
    /// What was found; `None` if it was not measured.
    pub value: Option<f64>,
    /// What was wanted.
    pub limit: Limit,
    /// What stands in its way where it is not met; for people.
    pub why: &'static str,
}

/// Whether a goal is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Met,
    /// No.
    NotMet,
    /// Nobody knows.
    NotMeasured,
}

impl Goal {
    /// Judges it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.value, self.limit) {
            (None, _) => Verdict::NotMeasured,
            (Some(value), Limit::AtMost(limit)) if value <= limit => Verdict::Met,
            (Some(value), Limit::AtLeast(limit)) if value >= limit => Verdict::Met,
            _ => Verdict::NotMet,
        }
    }
}

/// One number for another; `None` where either is missing or the second is nothing.
#[must_use]
pub fn ratio(of: Option<f64>, to: Option<f64>) -> Option<f64> {
    let (of, to) = (of?, to?);
    (to > 0.0).then(|| of / to)
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "at most {limit}"),
            Self::AtLeast(limit) => write!(f, "at least {limit}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::NotMet => "NOT MET",
            Self::NotMeasured => "not measured",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(value: Option<f64>, limit: Limit) -> Verdict {
        let goal = Goal {
            what: "x".to_owned(),
            value,
            limit,
            why: "",
        };
        goal.verdict()
    }

    #[test]
    fn the_limit_itself_is_good_on_both_sides_and_nothing_measured_is_not_met() {
        assert_eq!(verdict(Some(3.0), Limit::AtMost(3.0)), Verdict::Met);
        assert_eq!(verdict(Some(3.1), Limit::AtMost(3.0)), Verdict::NotMet);
        assert_eq!(verdict(Some(3.0), Limit::AtLeast(3.0)), Verdict::Met);
        assert_eq!(verdict(Some(2.9), Limit::AtLeast(3.0)), Verdict::NotMet);
        assert_eq!(verdict(Some(f64::NAN), Limit::AtMost(3.0)), Verdict::NotMet);
        assert_eq!(verdict(None, Limit::AtMost(3.0)), Verdict::NotMeasured);
    }

    #[test]
    fn a_ratio_to_nothing_is_not_a_number_but_missing() {
        assert_eq!(ratio(Some(3.0), Some(2.0)), Some(1.5));
        assert_eq!(ratio(Some(3.0), Some(0.0)), None);
        assert_eq!(ratio(None, Some(2.0)), None);
    }
}
