//! GitHub Actions.

use portcullis::{Algorithm, ClaimRule, Issuer, LookAlike};

use super::Preset;
use super::check::{self, owned};
use super::keys::KeyPlace;

/// ID tokens of GitHub Actions, once it is said of [whose](GitHubActions) workflows. The audience is what the workflow
/// asks for; ask for your own, since the default is the URL of the owner.
///
/// Sets: RS256; keys at `https://token.actions.githubusercontent.com/.well-known/jwks`; `run_id` as the session, so that a
/// run can be revoked.
///
/// Every workflow of every repository on GitHub can ask for a token with your audience. Owners and repositories are
/// named by their numbers, which are never given to anybody else; a name is, once it is free.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let actions = presets::github_actions()
///     .owner_id("65")
///     .audience("https://deploy.example.com")
///     .spawn()?;
/// # Ok(())
/// # }
/// ```
// source: GitHub docs, "OpenID Connect reference" (claims, `repository_owner_id`, `repository_id`, the default audience;
// the form of `sub` may change, so nothing here goes by it)
pub const fn github_actions() -> GitHubActions {
    GitHubActions { _private: () }
}

/// GitHub Actions, whose is not said yet.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct GitHubActions {
    _private: (),
}

impl GitHubActions {
    /// Of every repository of this owner, an organisation or a user, by its number (`repository_owner_id`): see
    /// `https://api.github.com/users/NAME`.
    pub fn owner_id(self, owner: &str) -> Preset {
        self.owner_ids([owner])
    }

    /// Of every repository of these owners, by their numbers.
    pub fn owner_ids<S: AsRef<str>>(self, owners: impl IntoIterator<Item = S>) -> Preset {
        Self::by_number("repository_owner_id", "the owner", &owned(owners))
    }

    /// Of this repository, by its number (`repository_id`): see `https://api.github.com/repos/OWNER/NAME`.
    pub fn repository_id(self, repository: &str) -> Preset {
        self.repository_ids([repository])
    }

    /// Of these repositories, by their numbers.
    pub fn repository_ids<S: AsRef<str>>(
        self,
        repositories: impl IntoIterator<Item = S>,
    ) -> Preset {
        Self::by_number("repository_id", "the repository", &owned(repositories))
    }

    /// Of every repository on GitHub: something else has to say whose. Any person with an account can then get in.
    pub fn any_repository(self) -> Preset {
        Self::preset(|issuer| issuer)
    }

    fn by_number(claim: &str, what: &str, numbers: &[String]) -> Preset {
        let all = numbers.iter().try_for_each(|number| check::number(what, number));
        let checked = check::list(what, numbers).and(all);
        let rule = ClaimRule::one_of(claim, numbers.iter().map(String::as_str))
            .shown()
            .hint_if_missing("this token is of no workflow");
        Self::preset(|issuer| issuer.check_claim(rule)).check(checked)
    }

    fn preset(whose: impl FnOnce(Issuer) -> Issuer) -> Preset {
        let settings = whose(Issuer::new("https://token.actions.githubusercontent.com"))
            .algorithms([Algorithm::RS256])
            .session_claim("run_id")
            .look_alike(LookAlike::audience(
                "https://github.com/*",
                "this is the default audience; the workflow must ask for that of this service",
            ))
            .look_alike(LookAlike::audience("sts.amazonaws.com", "this token is for Amazon"));
        let keys = "https://token.actions.githubusercontent.com/.well-known/jwks".to_owned();
        Preset::new("github_actions", settings, KeyPlace::JwkSet(keys))
    }
}
