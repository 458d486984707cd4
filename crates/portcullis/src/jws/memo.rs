//! What a thread of a verifier keeps between tokens: headers that it has read before, and a buffer.
//!
//! An issuer writes the same header into every token. Reading it is a pure function of its bytes, so a
//! header that is remembered by all its bytes is as good as one that is read again. Only headers of
//! tokens whose signature was good are remembered, so that strangers drive none out.

use std::cell::RefCell;
use std::sync::Arc;

use thread_local::ThreadLocal;

use super::{Compact, Decoder, Header};
use crate::error::Rejection;

/// How many headers a thread remembers: an issuer has one for each of its keys.
const HEADERS: usize = 8;

pub(crate) struct Scratch {
    pub(crate) decoder: Decoder,
    threads: ThreadLocal<RefCell<OfThread>>,
}

#[derive(Default)]
struct OfThread {
    headers: Vec<(Box<[u8]>, Arc<Header>)>,
    next: usize,
    buffer: Vec<u8>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { decoder: Decoder::new(), threads: ThreadLocal::new() }
    }

    /// The header of a token, remembered or read.
    pub(crate) fn header(&self, compact: &Compact<'_>) -> Result<Arc<Header>, Rejection> {
        let thread = self.threads.get_or_default().borrow();
        let known = thread.headers.iter().find(|(text, _)| **text == *compact.header);
        match known {
            Some((_, header)) => Ok(Arc::clone(header)),
            None => Header::read(compact).map(Arc::new),
        }
    }

    /// Remembers the header of a token whose signature is good.
    pub(crate) fn remember(&self, compact: &Compact<'_>, header: &Arc<Header>) {
        // one that is remembered is held by the memory as well
        if Arc::strong_count(header) > 1 {
            return;
        }
        let mut thread = self.threads.get_or_default().borrow_mut();
        let entry = (compact.header.into(), Arc::clone(header));
        if thread.headers.len() < HEADERS {
            thread.headers.push(entry);
        } else {
            let at = thread.next;
            thread.headers[at] = entry;
            thread.next = (at + 1) % HEADERS;
        }
    }

    /// Lends the buffer. It is taken out meanwhile, since what is run with it may verify a token itself.
    pub(crate) fn with_buffer<T>(&self, run: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let thread = self.threads.get_or_default();
        let mut buffer = std::mem::take(&mut thread.borrow_mut().buffer);
        let result = run(&mut buffer);
        thread.borrow_mut().buffer = buffer;
        result
    }
}
