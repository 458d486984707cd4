//! Nothing of its own: the suites are in `tests/tests`. The code in the documents is run from here.

/// The code of a document, as documentation tests.
macro_rules! document {
    ($name:ident, $file:literal) => {
        #[doc = include_str!(concat!("../../", $file))]
        #[cfg(doctest)]
        #[derive(Debug)]
        pub struct $name;
    };
}

document!(Readme, "README.md");
document!(Guide, "docs/guide.md");
document!(WhereToStoreTokens, "docs/cookbook/where-to-store-tokens.md");
document!(LogOut, "docs/cookbook/log-out.md");
document!(ReadersAndAdmins, "docs/cookbook/readers-and-admins.md");
document!(ChoosingAnAlgorithm, "docs/cookbook/choosing-an-algorithm.md");
document!(TestingHandlers, "docs/cookbook/testing-handlers.md");
document!(RotatingSecrets, "docs/cookbook/rotating-secrets.md");
document!(FromJwtAuthorizer, "docs/cookbook/migrating-from-jwt-authorizer.md");
document!(FromAxumJwtAuth, "docs/cookbook/migrating-from-axum-jwt-auth.md");
document!(FromTowerOauth2, "docs/cookbook/migrating-from-tower-oauth2-resource-server.md");
document!(RevocationInAFleet, "docs/revocation.md");
document!(OwnStore, "docs/own-store.md");
document!(OwnFeed, "docs/own-feed.md");
