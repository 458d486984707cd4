//! How a verifier finds the keys that are in force: `Keys::replace` on one side, `IssuerKeys::load` of
//! `portcullis/src/verifier` on the other, step by step as they are there. Each step on an `ArcSwap` is one
//! lock here, taken and given back.

use crate::sync::{Arc, Mutex};

/// A stand-in for `arc_swap::ArcSwap`: a value that is taken and replaced as a whole.
#[derive(Debug)]
pub struct Swap<T>(Mutex<Arc<T>>);

impl<T> Swap<T> {
    /// With this value.
    pub fn new(value: T) -> Self {
        Self(Mutex::new(Arc::new(value)))
    }

    /// The value.
    pub fn load(&self) -> Arc<T> {
        Arc::clone(&self.lock())
    }

    /// Another value.
    pub fn store(&self, value: Arc<T>) {
        *self.lock() = value;
    }

    fn lock(&self) -> crate::sync::MutexGuard<'_, Arc<T>> {
        self.0.lock().unwrap_or_else(crate::sync::PoisonError::into_inner)
    }
}

/// A set of keys, of which only the number matters.
pub type KeySet = u32;

/// The keys of an issuer, bound to its algorithms.
#[derive(Debug)]
pub struct IssuerKeys {
    keys: Arc<Swap<KeySet>>,
    bound: Swap<(Arc<KeySet>, KeySet)>,
}

impl IssuerKeys {
    /// Over this handle.
    pub fn new(keys: Arc<Swap<KeySet>>) -> Self {
        let bound = Swap::new(Self::bind(keys.load()));
        Self { keys, bound }
    }

    fn bind(set: Arc<KeySet>) -> (Arc<KeySet>, KeySet) {
        let bound = *set;
        (set, bound)
    }

    /// The present set. It is bound anew when it was replaced.
    pub fn load(&self) -> KeySet {
        let present = self.keys.load();
        let known = self.bound.load();
        if Arc::ptr_eq(&known.0, &present) {
            return known.1;
        }
        let fresh = Arc::new(Self::bind(present));
        self.bound.store(Arc::clone(&fresh));
        fresh.1
    }
}
