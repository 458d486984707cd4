//! Argon2id passwords, hashed off the async threads and only so many at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use tokio::sync::Semaphore;

use crate::slowdown::network;

/// How many sign-ins may wait for their turn; more are told to come back.
const QUEUE: usize = 512;
/// How many of them may be from one address: whoever guesses passwords must not fill the queue that
/// everybody else waits in.
const PER_ADDRESS: usize = 32;
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
    /// How many wait, by address. Whoever waits has a place in the queue, which bounds it.
    waiting: Mutex<HashMap<IpAddr, usize>>,
}

/// Why somebody can't wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Overloaded {
    /// So many are signing in that no more can wait.
    Queue,
    /// So many are from this address.
    Address,
}

impl Passwords {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let unguessable = SaltString::generate(&mut OsRng);
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(MAX_THREADS));
        Ok(Self {
            nobody: hash(unguessable.as_str())?.into(),
            threads: Arc::new(Semaphore::new(threads)),
            queue: Semaphore::new(QUEUE),
            waiting: Mutex::default(),
        })
    }

    /// A place in the queue, to be held until the answer is there.
    pub(crate) fn queue(&self, client: IpAddr) -> Result<Place<'_>, Overloaded> {
        let place = self.queue.try_acquire().map_err(|_| Overloaded::Queue)?;
        let address = network(client);
        let mut waiting = self.waiting();
        let count = waiting.entry(address).or_default();
        if *count >= PER_ADDRESS {
            return Err(Overloaded::Address);
        }
        *count += 1;
        Ok(Place { passwords: self, address, _place: place })
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // the counts are right between any two statements
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue.
pub(crate) struct Place<'a> {
    passwords: &'a Passwords,
    address: IpAddr,
    _place: tokio::sync::SemaphorePermit<'a>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.passwords.waiting();
        if let Some(count) = waiting.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.address);
            }
        }
    }
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

    /// The nth address.
    fn address(n: usize) -> IpAddr {
        std::net::Ipv4Addr::from_bits(n as u32).into()
    }

    #[tokio::test]
    async fn verifies_and_never_accepts_nobody() {
        let passwords = Passwords::new().unwrap();
        let place = passwords.queue(address(1)).unwrap();
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(place.verify("correct horse".into(), Some(stored.clone())).await.unwrap());
        assert!(!place.verify("wrong horse".into(), Some(stored)).await.unwrap());
        assert!(!place.verify("correct horse".into(), None).await.unwrap());
        assert!(place.verify("x".into(), Some("junk".into())).await.is_err());
    }

    #[test]
    fn the_queue_is_bounded() {
        let passwords = Passwords::new().unwrap();
        let places: Vec<_> =
            (0..QUEUE).map(|n| passwords.queue(address(n / PER_ADDRESS)).unwrap()).collect();
        assert_eq!(passwords.queue(address(QUEUE)).err(), Some(Overloaded::Queue));
        drop(places);
        assert!(passwords.queue(address(QUEUE)).is_ok());
        assert!(passwords.waiting().is_empty());
    }

    #[test]
    fn one_address_cannot_fill_the_queue() {
        let passwords = Passwords::new().unwrap();
        let mut places: Vec<_> =
            (0..PER_ADDRESS).map(|_| passwords.queue(address(1)).unwrap()).collect();
        assert_eq!(passwords.queue(address(1)).err(), Some(Overloaded::Address));
        // an IPv6 customer has many addresses, and this one is the same
        let mapped = std::net::Ipv4Addr::from_bits(1).to_ipv6_mapped();
        assert_eq!(passwords.queue(mapped.into()).err(), Some(Overloaded::Address));
        // whoever was told no holds no place, and takes none from others
        assert!(passwords.queue(address(2)).is_ok());
        assert_eq!(passwords.queue.available_permits(), QUEUE - PER_ADDRESS);
        places.pop();
        let again = passwords.queue(address(1));
        assert!(again.is_ok());
        assert!(passwords.queue(address(1)).is_err());
        drop((again, places));
        assert!(passwords.waiting().is_empty());
    }
}
