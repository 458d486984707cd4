//! Tokens that are mistaken for those of an issuer, and what to tell about them.

use super::Issuer;

/// A token that is not accepted and often sent by mistake: what it looks like, and what it is. It
/// makes no token pass and none fail; it explains, in the log, why one failed.
///
/// # Example
///
/// ```
/// use portcullis::{Issuer, LookAlike};
///
/// let issuer = Issuer::new("https://login.microsoftonline.com/8f0d1b6a/v2.0")
///     .look_alike(LookAlike::issuer(
///         "https://sts.windows.net/*",
///         "this is a v1.0 token; set requestedAccessTokenVersion to 2 in the manifest of the app",
///     ));
/// # let _ = issuer;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookAlike {
    pub(super) what: What,
    pattern: Box<str>,
    pub(super) hint: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Issuer,
    Audience,
    Type,
}

impl LookAlike {
    fn new(what: What, pattern: &str, hint: &str) -> Self {
        Self { what, pattern: pattern.into(), hint: hint.into() }
    }

    /// A token whose `iss` is this. One `*` in it stands for any text.
    #[must_use]
    pub fn issuer(pattern: &str, hint: &str) -> Self {
        Self::new(What::Issuer, pattern, hint)
    }

    /// A token for this audience. One `*` in it stands for any text.
    #[must_use]
    pub fn audience(pattern: &str, hint: &str) -> Self {
        Self::new(What::Audience, pattern, hint)
    }

    /// A token of this `typ`. One `*` in it stands for any text.
    #[must_use]
    pub fn typ(pattern: &str, hint: &str) -> Self {
        Self::new(What::Type, pattern, hint)
    }

    pub(super) fn fits(&self, found: &str) -> bool {
        match self.pattern.split_once('*') {
            None => *self.pattern == *found,
            Some((before, after)) => {
                found.strip_prefix(before).is_some_and(|rest| rest.ends_with(after))
            }
        }
    }
}

impl Issuer {
    /// Explains tokens that are mistaken for those of this issuer, in the log.
    pub fn look_alike(mut self, look_alike: LookAlike) -> Self {
        self.look_alikes.push(look_alike);
        self
    }

    /// What a token is that has this where something else was expected.
    pub(super) fn recognise(&self, what: What, found: &str) -> Option<&str> {
        let mut known = self.look_alikes.iter();
        known.find(|known| known.what == what && known.fits(found)).map(|known| &*known.hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, found, fits) in [
            ("https://a/*", "https://a/b", true),
            ("https://a/*", "https://a/", true),
            ("https://a/*", "https://b/", false),
            ("https://*.example/x", "https://t.example/x", true),
            ("https://*.example/x", "https://t.example/y", false),
            ("ab*ba", "aba", false),
            ("account", "account", true),
            ("account", "accounts", false),
        ] {
            assert_eq!(LookAlike::issuer(pattern, "").fits(found), fits, "{pattern} {found}");
        }
    }
}
