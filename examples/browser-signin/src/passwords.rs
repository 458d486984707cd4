//! The users, and their passwords: argon2id, off the async threads.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use tokio::sync::Semaphore;

/// Who may sign in: name, password, role. The page has a button for each.
const USERS: [(&str, &str, &str); 2] =
    [("bob", "bob-may-look", "reader"), ("alice", "alice-may-pay", "admin")];

/// How many passwords are looked at at once. Each takes 19 MiB.
const AT_ONCE: usize = 2;

/// The users.
#[derive(Clone)]
pub(crate) struct Users {
    /// Name, hash, role; the last one is nobody, whose password nobody knows.
    hashes: Arc<[(String, String, &'static str)]>,
    turns: Arc<Semaphore>,
}

impl Users {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let unguessable = SaltString::generate(&mut OsRng);
        let nobody = ("", unguessable.as_str(), "");
        let hashes = USERS.into_iter().chain([nobody]);
        let hashes =
            hashes.map(|(name, password, role)| Ok((name.to_owned(), hash(password)?, role)));
        Ok(Self {
            hashes: hashes.collect::<anyhow::Result<_>>()?,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// The role of the user, if the password is theirs. An unknown user takes as long as a known one.
    pub(crate) async fn role(
        &self,
        name: &str,
        password: String,
    ) -> anyhow::Result<Option<&'static str>> {
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        let known = self.hashes.iter().position(|(known, ..)| known == name && !name.is_empty());
        let users = self.clone();
        tokio::task::spawn_blocking(move || {
            // held by the work and not by the request, which may be broken off
            let _turn = turn;
            let index = known.unwrap_or(users.hashes.len() - 1);
            let (_, hash, role) = &users.hashes[index];
            let hash = PasswordHash::new(hash)
                .map_err(|error| anyhow::anyhow!("a password hash: {error}"))?;
            let right = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
            Ok((right && known.is_some()).then_some(*role))
        })
        .await?
    }
}

fn hash(password: &str) -> anyhow::Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes(), &SaltString::generate(&mut OsRng))
        .map(|hash| hash.to_string())
        .map_err(|error| anyhow::anyhow!("hashing a password: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_user_has_one_password_and_nobody_has_none() {
        let users = Users::new().unwrap();
        let role =
            async |name: &str, password: &str| users.role(name, password.into()).await.unwrap();
        assert_eq!(role("bob", "bob-may-look").await, Some("reader"));
        assert_eq!(role("alice", "alice-may-pay").await, Some("admin"));
        assert_eq!(role("bob", "alice-may-pay").await, None);
        assert_eq!(role("carol", "bob-may-look").await, None);
        assert_eq!(role("", "").await, None);
    }
}
