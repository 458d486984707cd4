//! What is known of issuers by their names, where they are trusted without the preset that is made for them.

/// An issuer that signs for strangers with the keys that it signs for us with.
#[cfg_attr(
    not(feature = "config"),
    expect(dead_code, reason = "what makes a token ours is asked for by the configuration")
)]
pub(crate) struct SignsForStrangers {
    /// Its name, without the scheme.
    issuer: &'static str,
    /// For whom it signs, as the object of a sentence.
    pub(crate) whom: &'static str,
    /// The preset that asks what makes a token ours.
    pub(crate) preset: &'static str,
    /// Claims that make a token ours: all of one of these.
    pub(crate) ours: &'static [&'static [&'static str]],
    /// How to say so.
    pub(crate) example: &'static str,
}

/// The sources are those of the presets.
const SIGN_FOR_STRANGERS: [SignsForStrangers; 2] = [
    SignsForStrangers {
        issuer: "token.actions.githubusercontent.com",
        whom: "every repository on GitHub",
        preset: "github_actions",
        ours: &[&["repository_owner_id"], &["repository_id"]],
        example: "repository_owner_id=65 or repository_id=74",
    },
    SignsForStrangers {
        issuer: "accounts.google.com",
        whom: "everybody with a Google account and every service account",
        preset: "google_id_token",
        ours: &[&["hd"], &["sub"], &["email", "email_verified"]],
        example: "hd=example.com, sub=1234 or email=a@example.com,email_verified:=true",
    },
];

/// What is known of an issuer of this name that signs for strangers.
pub(crate) fn signs_for_strangers(issuer: &str) -> Option<&'static SignsForStrangers> {
    // Google writes its name without a scheme, too; the slash and the case lead to the same metadata
    let bare = issuer.strip_prefix("https://").unwrap_or(issuer);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    SIGN_FOR_STRANGERS.iter().find(|known| known.issuer.eq_ignore_ascii_case(bare))
}

/// Audiences that are the issuer's own, and why they are refused.
pub(crate) type ForeignAudiences = &'static [(&'static str, &'static str)];

/// Those of a realm of Keycloak.
pub(crate) const OF_A_REALM: ForeignAudiences = &[(
    "account",
    "it is in nearly every token of a realm and names Keycloak's own pages; add an audience mapper \
     for this service and name that",
)];

/// Audiences that an issuer of this name writes for itself.
pub(crate) fn foreign_audiences(issuer: &str) -> ForeignAudiences {
    if issuer.contains("/realms/") { OF_A_REALM } else { &[] }
}
