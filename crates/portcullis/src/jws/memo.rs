//! What a thread of a verifier keeps between tokens: headers that it has read before, and a buffer.
//!
//! An issuer writes the same header into every token. Reading it is a pure function of its bytes, so a
//! header that is remembered by all its bytes is as good as one that is read again. Only headers of
//! tokens that were verified are remembered, so that strangers drive none out.

use std::cell::RefCell;

use thread_local::ThreadLocal;

use super::{Compact, Decoder, Header};

/// How many headers a thread remembers: an issuer has one for each of its keys.
const HEADERS: usize = 8;

pub(crate) struct Scratch {
    pub(crate) decoder: Decoder,
    threads: ThreadLocal<RefCell<OfThread>>,
}

/// What one thread keeps.
#[derive(Default)]
pub(crate) struct OfThread {
    pub(crate) headers: Headers,
    pub(crate) buffer: Vec<u8>,
}

/// The headers that it remembers.
#[derive(Default)]
pub(crate) struct Headers {
    known: Vec<(Box<[u8]>, Header)>,
    next: usize,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { decoder: Decoder::new(), threads: ThreadLocal::new() }
    }

    /// Lends what the thread keeps. It is taken out meanwhile, since what is run with it may verify a token
    /// itself.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&mut OfThread) -> T) -> T {
        let place = self.threads.get_or_default();
        let mut thread = place.take();
        let result = run(&mut thread);
        place.replace(thread);
        result
    }
}

impl Headers {
    /// The header of a token, if it is remembered.
    pub(crate) fn get(&self, compact: &Compact<'_>) -> Option<&Header> {
        self.known.iter().find(|(text, _)| **text == *compact.header).map(|(_, header)| header)
    }

    /// Remembers the header of a token that was verified.
    pub(crate) fn insert(&mut self, compact: &Compact<'_>, header: Header) {
        let entry = (compact.header.into(), header);
        if self.known.len() < HEADERS {
            self.known.push(entry);
        } else {
            self.known[self.next] = entry;
            self.next = (self.next + 1) % HEADERS;
        }
    }
}
