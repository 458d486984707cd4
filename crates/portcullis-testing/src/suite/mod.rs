//! The suite that every store of revocations must pass.
