//! All figures of a measurement, in the order in which they were taken, to be looked up by name.

use super::Spread;

/// One figure: what, of whom, in which case; a value for each run.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The part of the measurement.
    pub section: &'static str,
    /// The circumstances, such as `8 processes`.
    pub case: String,
    /// What was counted, with its unit.
    pub metric: &'static str,
    /// Whose it is.
    pub of: &'static str,
    /// A value for each run.
    pub runs: Vec<f64>,
}

/// All figures.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<Figure>);

impl Figures {
    /// Adds the value of one more run.
    pub fn add(
        &mut self,
        section: &'static str,
        case: &str,
        of: &'static str,
        metric: &'static str,
        value: impl Into<Option<f64>>,
    ) {
        let Some(value) = value.into() else {
            return;
        };
        if let Some(known) = self.0.iter_mut().find(|figure| {
            (
                figure.section,
                figure.case.as_str(),
                figure.metric,
                figure.of,
            ) == (section, case, metric, of)
        }) {
            known.runs.push(value);
            return;
        }
        self.0.push(Figure {
            section,
            case: case.to_owned(),
            metric,
            of,
            runs: vec![value],
        });
    }

    /// The figure over its runs; `None` if it was not measured.
    #[must_use]
    pub fn get(&self, section: &str, case: &str, of: &str, metric: &str) -> Option<Spread> {
        let figure = self.0.iter().find(|figure| {
            (
                figure.section,
                figure.case.as_str(),
                figure.metric,
                figure.of,
            ) == (section, case, metric, of)
        })?;
        Spread::of(figure.runs.iter().copied())
    }

    /// Its median alone.
    #[must_use]
    pub fn median(&self, section: &str, case: &str, of: &str, metric: &str) -> Option<f64> {
        self.get(section, case, of, metric)
            .map(|spread| spread.median)
    }

    /// The worst of all its runs, where one bad run is one too many.
    #[must_use]
    pub fn worst(&self, section: &str, case: &str, of: &str, metric: &str) -> Option<f64> {
        self.get(section, case, of, metric).map(|spread| spread.max)
    }

    /// All of one part.
    pub fn of_section<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a Figure> {
        self.0
            .iter()
            .filter(move |figure| figure.section == section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_figure_come_together_and_others_stay_apart() {
        let mut figures = Figures::default();
        for value in [3.0, 1.0, 2.0] {
            figures.add("cycle", "alone", "ours", "p50 us", value);
        }
        figures.add("cycle", "alone", "theirs", "p50 us", 9.0);
        figures.add("cycle", "alone", "theirs", "p99 us", None);
        assert_eq!(
            figures.median("cycle", "alone", "ours", "p50 us"),
            Some(2.0)
        );
        assert_eq!(figures.worst("cycle", "alone", "ours", "p50 us"), Some(3.0));
        assert_eq!(
            figures.median("cycle", "alone", "theirs", "p50 us"),
            Some(9.0)
        );
        assert_eq!(figures.get("cycle", "alone", "theirs", "p99 us"), None);
        assert_eq!(figures.of_section("cycle").count(), 2);
        assert_eq!(figures.of_section("other").count(), 0);
    }
}
