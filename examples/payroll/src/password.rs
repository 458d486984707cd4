//! Argon2id passwords, hashed off the async threads and only so many at once.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use tokio::sync::Semaphore;

/// How many sign-ins may wait for their turn; more are told to come back.
const QUEUE: usize = 512;
/// More threads than this would slow everything else down.
const MAX_THREADS: usize = 4;

/// The hash of a new password, as a PHC string with the parameters that OWASP recommends.
pub(crate) fn hash(password: &str) -> anyhow::Result<String> {
    let salt = SaltString::generate(&mut OsRng);
    Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| anyhow::anyhow!("hashing a password: {error}"))
}

/// Verifies passwords.
pub(crate) struct Passwords {
    /// Of a password that nobody knows: what the password of an unknown user is compared with, so
    /// that it takes as long as that of a known one.
    nobody: Arc<str>,
    threads: Arc<Semaphore>,
    queue: Semaphore,
}

/// So many are signing in that no more can wait.
#[derive(Debug)]
pub(crate) struct Overloaded;

impl Passwords {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let unguessable = SaltString::generate(&mut OsRng);
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(MAX_THREADS));
        Ok(Self {
            nobody: hash(unguessable.as_str())?.into(),
            threads: Arc::new(Semaphore::new(threads)),
            queue: Semaphore::new(QUEUE),
        })
    }

    /// A place in the queue, to be held until the answer is there.
    pub(crate) fn queue(&self) -> Result<Place<'_>, Overloaded> {
        let place = self.queue.try_acquire().map_err(|_| Overloaded)?;
        Ok(Place { passwords: self, _place: place })
    }
}

/// A place in the queue.
pub(crate) struct Place<'a> {
    passwords: &'a Passwords,
    _place: tokio::sync::SemaphorePermit<'a>,
}

impl Place<'_> {
    /// True if the password is the one that was hashed; with no hash it takes as long and is false.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> anyhow::Result<bool> {
        let thread = Arc::clone(&self.passwords.threads).acquire_owned().await?;
        let nobody = Arc::clone(&self.passwords.nobody);
        let right = tokio::task::spawn_blocking(move || {
            // held by the work and not by the request, which may be broken off
            let _thread = thread;
            let parsed = PasswordHash::new(hash.as_deref().unwrap_or(&nobody))
                .map_err(|error| anyhow::anyhow!("a password hash in the database: {error}"))?;
            let right = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
            anyhow::Ok(right && hash.is_some())
        });
        right.await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn verifies_and_never_accepts_nobody() {
        let passwords = Passwords::new().unwrap();
        let place = passwords.queue().unwrap();
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(place.verify("correct horse".into(), Some(stored.clone())).await.unwrap());
        assert!(!place.verify("wrong horse".into(), Some(stored)).await.unwrap());
        assert!(!place.verify("correct horse".into(), None).await.unwrap());
        assert!(place.verify("x".into(), Some("junk".into())).await.is_err());
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let passwords = Passwords::new().unwrap();
        let places: Vec<_> = (0..QUEUE).map(|_| passwords.queue().unwrap()).collect();
        assert!(passwords.queue().is_err());
        drop(places);
        assert!(passwords.queue().is_ok());
    }
}
