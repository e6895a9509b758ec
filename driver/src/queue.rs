//! Completions on their way to the caller, and the promise that each operation gives exactly one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::execute::Rows;
use crate::failure::{Failure, Status};

/// What an operation gave.
pub enum Outcome {
    Session(Box<crate::connect::Session>),
    Statement(Box<crate::execute::Statement>),
    Done { rows: Option<Box<Rows>>, host: [u8; 16] },
}

pub struct Completion {
    pub tag: u64,
    pub result: Result<Outcome, Failure>,
}

#[derive(Default)]
struct State {
    completions: VecDeque<Completion>,
    closed: bool,
}

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, completion: Completion) {
        self.lock().completions.push_back(completion);
        self.changed.notify_one();
    }

    pub fn next(&self, timeout: Duration) -> Option<Completion> {
        let end = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            if let Some(completion) = state.completions.pop_front() {
                return Some(completion);
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                return None;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// One completion to come. Dropped without `fulfil` (its task ended with the session, or panicked) it is one too.
pub struct Promise {
    queue: Arc<Queue>,
    tag: u64,
    open: bool,
}

impl Promise {
    pub fn new(queue: &Arc<Queue>, tag: u64) -> Self {
        Self { queue: queue.clone(), tag, open: true }
    }

    pub fn fulfil(mut self, result: Result<Outcome, Failure>) {
        self.open = false;
        self.queue.push(Completion { tag: self.tag, result });
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if self.open {
            let failure = if std::thread::panicking() {
                Failure::new(Status::Internal, "the Cassandra driver met a bug and gave up this operation".into())
            } else {
                Failure::new(Status::Closed, "the session was closed before the end".into())
            };
            self.queue.push(Completion { tag: self.tag, result: Err(failure.in_doubt()) });
        }
    }
}
