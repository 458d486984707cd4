//! The store on real files: the suite, durability, and everything that can happen to a file.

mod common;
mod contents;
mod durable;
mod harm;
mod opening;
mod shared;
mod suite;
mod threads;
