//! The page's content policy: nothing is loaded, nothing runs and nothing is styled but what we wrote ourselves.
//!
//! Invariant: the hashes are those of the very bytes between the tags. `trusted-types 'none'` takes from our own code, too, every
//! way to make a script or an element of a string.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The policy for a page with this script and this style.
pub(crate) fn policy(script: &str, style: &str) -> String {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        hash(script),
        hash(style)
    )
}

fn hash(text: &str) -> String {
    format!(
        "sha256-{}",
        STANDARD.encode(Sha256::digest(text.as_bytes()))
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_hash_is_written_as_browsers_write_it() {
        // What `printf '' | openssl dgst -sha256 -binary | base64` says.
        assert_eq!(
            super::hash(""),
            "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
    }
}
