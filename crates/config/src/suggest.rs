//! "Did you mean": the known name nearest to one that is not known.

/// Names further apart than this are not the same name with a slip.
const NEAR_ENOUGH: f64 = 0.6;

/// The nearest of the known names, if it is near enough to be meant.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let near = known
        .into_iter()
        .map(|other| (strsim::normalized_damerau_levenshtein(name, other), other));
    let best = near
        .filter(|(near, _)| *near >= NEAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_and_a_stranger_finds_none() {
        let known = ["max_hold", "min_hold", "model"];
        assert_eq!(nearest("max_hlod", known), Some("max_hold"));
        assert_eq!(nearest("modle", known), Some("model"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }
}
