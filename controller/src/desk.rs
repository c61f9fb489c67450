//! Questions to a caller, and who waits for their answers.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

/// How many questions may wait for one caller.
pub(crate) const MAX_QUESTIONS: usize = 32;

/// Why a question cannot be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeskError {
    /// Too many wait already.
    Full,
    /// The caller goes.
    Closed,
}

/// Questions of one kind to one caller.
#[derive(Debug)]
pub(crate) struct Desk<Q, A> {
    questions: mpsc::Sender<Q>,
    answers: HashMap<u64, oneshot::Sender<A>>,
}

impl<Q, A> Desk<Q, A> {
    /// A desk, and where its questions come out.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Q>) {
        let (questions, receiver) = mpsc::channel(MAX_QUESTIONS);
        (Self { questions, answers: HashMap::new() }, receiver)
    }

    /// Puts the question of that id. The answer comes over the receiver, which fails if the caller leaves.
    pub(crate) fn ask(&mut self, id: u64, question: Q) -> Result<oneshot::Receiver<A>, DeskError> {
        self.questions.try_send(question).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DeskError::Full,
            mpsc::error::TrySendError::Closed(_) => DeskError::Closed,
        })?;
        let (answer, receiver) = oneshot::channel();
        self.answers.retain(|_, waiting| !waiting.is_closed());
        self.answers.insert(id, answer);
        Ok(receiver)
    }

    /// Hands an answer to whoever asked; nobody, if it comes too late.
    pub(crate) fn answered(&mut self, id: u64, answer: A) {
        if let Some(waiting) = self.answers.remove(&id) {
            // Whoever asked may have given up this very moment.
            let _ = waiting.send(answer);
        }
    }
}
