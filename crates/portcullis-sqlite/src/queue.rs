//! A bounded queue from async callers, who never wait for it, to threads, which do.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Requests that wait for a thread. When the store hangs, more than this are refused rather than
/// piled up.
const CAPACITY: usize = 4_096;

pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let state = State { waiting: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), filled: Condvar::new() }
    }

    /// Queues a request; gives it back if the queue is full or closed.
    pub(crate) fn push(&self, request: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.closed || state.waiting.len() >= CAPACITY {
            return Err(request);
        }
        state.waiting.push_back(request);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for requests and takes at most so many. `None` when the queue is closed and empty.
    pub(crate) fn pop(&self, at_most: usize) -> Option<Vec<T>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.waiting.len().min(at_most);
        Some(state.waiting.drain(..count).collect())
    }

    /// As [`pop`](Self::pop), but waits no longer than this, and then takes nothing.
    pub(crate) fn pop_within(&self, at_most: usize, patience: Duration) -> Option<Vec<T>> {
        let state = self.lock();
        if state.waiting.is_empty() && !state.closed {
            let waited = self.filled.wait_timeout(state, patience);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        } else {
            drop(state);
        }
        let mut state = self.lock();
        if state.waiting.is_empty() && state.closed {
            return None;
        }
        let count = state.waiting.len().min(at_most);
        Some(state.waiting.drain(..count).collect())
    }

    /// Refuses further requests. What was queued is still taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// Refuses further requests and drops those that wait, whose callers are told by that.
    pub(crate) fn abandon(&self) {
        self.close();
        // dropped outside of the lock: a dropped request wakes its caller
        let abandoned = std::mem::take(&mut self.lock().waiting);
        drop(abandoned);
    }

    /// Nothing that could panic runs under this lock.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_bounded_and_hands_out_in_order() {
        let queue = Queue::new();
        for n in 0..CAPACITY {
            assert_eq!(queue.push(n), Ok(()));
        }
        assert_eq!(queue.push(CAPACITY), Err(CAPACITY));
        assert_eq!(queue.pop(3), Some(vec![0, 1, 2]));
        assert_eq!(queue.push(CAPACITY), Ok(()));
    }

    #[test]
    fn closing_lets_the_rest_be_taken_and_abandoning_does_not() {
        let queue = Queue::new();
        assert_eq!(queue.push(1), Ok(()));
        queue.close();
        assert_eq!(queue.push(2), Err(2));
        assert_eq!((queue.pop(9), queue.pop(9)), (Some(vec![1]), None));

        let queue = Queue::new();
        assert_eq!(queue.push(1), Ok(()));
        queue.abandon();
        assert_eq!((queue.push(2), queue.pop(9)), (Err(2), None));
    }
}
