//! Models of what threads share, for [shuttle]: it runs a model again and again, each time with the threads
//! switched at other places, and shows the schedule that breaks it.
//!
//! `portcullis-core` is the real one: its source files are compiled here a second time, with shuttle's locks
//! and atomics in place of the standard library's. `arc_swap` can't be replaced so; what is done with it is
//! written down once more in [`bound_keys`] and in `replica`, and run for real, by many threads, in a test.
//!
//! What this does not show: shuttle is sequentially consistent, so it can't find a memory ordering that is
//! too weak. See docs/concurrency.md.
//!
//! [shuttle]: https://docs.rs/shuttle

// What the core's sources call `std` is this crate, which is the standard library but for its locks.
extern crate self as std;
extern crate std as real_std;

#[doc(hidden)]
pub use real_std::{
    any, array, collections, convert, error, fmt, future, hash, io, iter, marker, mem, ops, time,
};

/// The standard library's `sync`, by shuttle.
#[doc(hidden)]
pub mod sync {
    // a value that is set once and never changes needs no schedule
    pub use real_std::sync::{OnceLock, PoisonError};
    pub use shuttle::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

    /// The standard library's `atomic`, by shuttle.
    pub mod atomic {
        pub use shuttle::sync::atomic::*;
    }
}

pub mod bound_keys;
#[cfg(not(doctest))]
pub mod replica;

// The examples in these sources are run where they belong, and `cargo test --doc` would run them here too.
#[cfg(not(doctest))]
#[doc(hidden)]
#[path = "../../../crates/portcullis-core/src/lib.rs"]
#[allow(dead_code, rustdoc::broken_intra_doc_links, reason = "only a part of it is modelled")]
pub mod core_again;

// what the core's sources call `crate`
#[cfg(not(doctest))]
pub use core_again::*;
