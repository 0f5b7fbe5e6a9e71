//! What of an environment a command may see: a short list of names, so that keys and tokens stay behind.
//!
//! A list of what is allowed, never of what is forbidden: nobody knows all names of secrets.

use std::collections::BTreeMap;

/// Names that are passed on as they are; so is every name that begins with `LC_`.
const PASSED: [&str; 8] = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ",
];

/// What is set where nothing is passed on.
const FALLBACK: [(&str, &str); 2] = [
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("LANG", "C.UTF-8"),
];

/// What is set whatever was there: nobody sits at a terminal or turns pages.
const FIXED: [(&str, &str); 4] = [
    ("TERM", "dumb"),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
];

/// The part of `environment` that commands may see, for [`BashOptions::environment`](crate::BashOptions::environment):
/// where programs are, who and where the user is, language and time zone; and a dumb terminal without a pager.
///
/// ```
/// let environment = latchwork_tools::allowed_environment([
///     ("PATH".to_owned(), "/usr/bin".to_owned()),
///     ("OPENAI_API_KEY".to_owned(), "sk-secret".to_owned()),
/// ]);
/// assert_eq!(environment["PATH"], "/usr/bin");
/// assert!(!environment.contains_key("OPENAI_API_KEY"));
/// ```
pub fn allowed_environment(
    environment: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let own = |pair: (&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
    let mut allowed: BTreeMap<_, _> = FALLBACK.map(own).into_iter().collect();
    allowed.extend(environment.into_iter().filter(|(name, _)| is_passed(name)));
    allowed.extend(FIXED.map(own));
    allowed
}

fn is_passed(name: &str) -> bool {
    PASSED.contains(&name) || name.starts_with("LC_")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FALLBACK, FIXED, allowed_environment, is_passed};

    proptest! {
        #[test]
        fn nothing_passes_that_is_not_on_the_list(
            given in proptest::collection::btree_map("(PATH|LC_[A-Z]{0,3}|[A-Z_]{0,12})", ".{0,8}", 0..8)
        ) {
            let allowed = allowed_environment(given.clone());
            for (name, value) in &allowed {
                let set_by_us = FALLBACK.iter().chain(&FIXED).any(|pair| *pair == (name, value));
                prop_assert!(set_by_us || (is_passed(name) && given.get(name) == Some(value)));
            }
            prop_assert_eq!(&allowed["TERM"], "dumb");
        }
    }
}
