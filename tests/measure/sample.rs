//! Quantiles of one run; median and range of several runs.

/// The values of one run in ascending order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Sorts them; what is not a number is left out.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value below which the share `q` (0 to 1) of all values lies, between two of them in proportion; `None` when
    /// there are no values.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let at = last as f64 * q.clamp(0.0, 1.0);
        let below = at.floor() as usize;
        let (low, high) = (self.0.get(below)?, self.0.get(at.ceil() as usize)?);
        Some(low + (high - low) * (at - below as f64))
    }

    /// The quantile of one half.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    /// The greatest value.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.0.last().copied()
    }

    /// The sum of all values.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.0.iter().sum()
    }

    /// The values, ascending.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

/// One figure over several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median of the runs: the figure.
    pub median: f64,
    /// The lowest run.
    pub min: f64,
    /// The highest run.
    pub max: f64,
    /// How many runs.
    pub runs: usize,
}

impl Spread {
    /// `None` when there was no run.
    pub fn of(runs: impl IntoIterator<Item = f64>) -> Option<Self> {
        let sample = Sample::new(runs);
        Some(Self {
            median: sample.median()?,
            min: sample.values().first().copied()?,
            max: sample.max()?,
            runs: sample.values().len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quantile_lies_between_two_values_in_proportion() {
        let sample = Sample::new([30.0, 10.0, 20.0, f64::NAN, 40.0]);
        assert_eq!(sample.median(), Some(25.0));
        assert_eq!(sample.quantile(0.0), Some(10.0));
        assert_eq!(sample.quantile(1.0), Some(40.0));
        assert_eq!(sample.quantile(0.9), Some(37.0));
        assert_eq!((sample.max(), sample.sum()), (Some(40.0), 100.0));
        assert_eq!(Sample::new([]).median(), None);
        assert_eq!(Sample::new([7.0]).quantile(0.99), Some(7.0));
    }

    #[test]
    fn runs_become_their_median_with_the_lowest_and_the_highest() {
        let spread = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!(
            (spread.median, spread.min, spread.max, spread.runs),
            (2.0, 1.0, 3.0, 3)
        );
        assert_eq!(Spread::of([]), None);
    }

    proptest! {
        #[test]
        fn at_least_the_asked_share_lies_at_or_below_the_next_value(
            values in prop::collection::vec(-1e9..1e9_f64, 1..200),
            q in 0.0..=1.0_f64,
        ) {
            let sample = Sample::new(values.iter().copied());
            let found = sample.quantile(q).unwrap();
            let share = |keep: &dyn Fn(f64) -> bool| values.iter().filter(|v| keep(**v)).count() as f64;
            let last = values.len() as f64 - 1.0;
            // Of n values, at most q(n-1) + 1 lie below it and at least that many minus one at or below it.
            prop_assert!(share(&|v| v < found) <= q * last + 1.0);
            prop_assert!(share(&|v| v <= found) >= (q * last).floor());
            prop_assert!(sample.quantile(0.0).unwrap() <= found && found <= sample.max().unwrap());
        }

        #[test]
        fn a_higher_share_never_has_a_lower_quantile(
            values in prop::collection::vec(-1e9..1e9_f64, 1..50),
            (low, high) in (0.0..=1.0_f64, 0.0..=1.0_f64).prop_map(|(a, b)| (a.min(b), a.max(b))),
        ) {
            let sample = Sample::new(values);
            prop_assert!(sample.quantile(low).unwrap() <= sample.quantile(high).unwrap() + 1e-6);
        }
    }
}
