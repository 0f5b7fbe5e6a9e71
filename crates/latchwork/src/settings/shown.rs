//! A value as it may be shown: with nothing in it that is a secret, or could be one.
//!
//! References are shown as they are displayed elsewhere (of a command its first word), addresses without user, password and
//! query, and of variables only what the defaults chose.

use latchwork_config::{Key, Layer, Saying, SecretRef};
use serde_json::Value;

use super::names::{Kind, name_of};

/// What stands for what is not shown.
const VEIL: &str = "•••";

/// What a layer says of a setting, as it may be shown.
#[must_use]
pub fn shown(key: &Key, saying: &Saying) -> Value {
    let Value::String(text) = &saying.value else {
        return saying.value.clone();
    };
    let kind = name_of(key).map(|name| name.kind);
    let text = match kind {
        Some(Kind::Reference | Kind::References) => text
            .parse::<SecretRef>()
            .map_or_else(|_| VEIL.to_owned(), |reference| reference.to_string()),
        Some(Kind::Address) => address(text),
        Some(Kind::Variables) if saying.origin.layer > Layer::Defaults => VEIL.to_owned(),
        Some(_) => text.clone(),
        None => VEIL.to_owned(),
    };
    Value::String(text)
}

/// An address without what may be a secret in it: all before its last `@` but the scheme, and all behind a `?` or `#`.
fn address(text: &str) -> String {
    let (scheme, rest) = text
        .find("://")
        .map_or(("", text), |at| text.split_at(at + "://".len()));
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => (format!("{VEIL}@"), rest),
        None => (String::new(), rest),
    };
    match rest.find(['?', '#']) {
        Some(at) => format!("{scheme}{user}{}{VEIL}", &rest[..=at]),
        None => format!("{scheme}{user}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use latchwork_config::{Origin, Place};
    use proptest::prelude::*;

    use super::*;

    fn show(key: &str, layer: Layer, value: &str) -> String {
        let saying = Saying {
            origin: Origin {
                layer,
                place: Place::Program,
            },
            value: value.into(),
        };
        shown(&Key::from(key), &saying).as_str().unwrap().to_owned()
    }

    #[test]
    fn what_is_or_may_be_a_secret_is_not_shown_and_the_rest_is() {
        let user = Layer::UserFile;
        for (key, value, shown) in [
            ("models.x.key", "cmd:pass show canary", "cmd:pass .."),
            ("models.x.key", "canary", "•••"),
            ("models.x.headers.a", "env:A", "env:A"),
            (
                "models.x.base_url",
                "https://u:canary@h/v1?k=canary",
                "https://•••@h/v1?•••",
            ),
            ("models.x.base_url", "https://h/v1", "https://h/v1"),
            ("tools.bash.environment.A", "canary", "•••"),
            ("no.such", "canary", "•••"),
            ("session", "diary", "diary"),
        ] {
            assert_eq!(show(key, user, value), shown, "{key}");
        }
        assert_eq!(
            show("tools.bash.environment.PATH", Layer::Defaults, "/bin"),
            "/bin"
        );
    }

    proptest! {
        #[test]
        fn what_stands_before_the_host_or_behind_the_path_is_never_shown(before in "[ -~]{0,8}", after in "[ -~]{0,8}") {
            for text in [format!("https://{before}:canary{after}@host/v1"), format!("https://host/{before}?canary{after}")] {
                prop_assert!(!address(&text).contains("canary"), "{}", text);
            }
        }
    }
}
