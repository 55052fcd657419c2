//! What connections have read and the core has not handled.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::connection::Connection;
use crate::role::client_agent::client_type::Foreign;
use crate::role::client_agent::{Peer, SessionKey};

/// Memory that an emptied queue keeps.
const KEPT_BYTES: usize = 1 << 20;

/// What a connection is told when it asks for a session: its key, or what to write before it is closed.
pub type Admission = Result<SessionKey, Vec<u8>>;

/// Something that happened to a connection.
pub enum Record {
    /// It has come.
    Opened {
        /// Who connects.
        peer: Peer,
        /// Where what is said to it goes.
        connection: Arc<Connection>,
        /// Takes the answer.
        admission: oneshot::Sender<Admission>,
    },
    /// It has sent whole frames: so many of the batch's bytes.
    Input(SessionKey, usize),
    /// It turned out to speak something else.
    Foreign(SessionKey, Foreign),
    /// It is no more; why.
    Closed(SessionKey, String),
}

/// Records and the bytes that belong to them, in the order in which they came.
#[derive(Default)]
pub struct InputBatch {
    /// What happened.
    pub records: Vec<Record>,
    /// The frames of all [`Record::Input`].
    pub bytes: Vec<u8>,
}

/// The queue between the connections' tasks, which fill it, and the core's task, which empties it
/// whole.
///
/// Above `mark` bytes the connections stop reading until it has been emptied, so that a client that
/// sends faster than the cluster takes it is held by TCP. Records without bytes are few.
pub struct InputQueue {
    batch: Mutex<InputBatch>,
    mark: usize,
    filled: Notify,
    emptied: Notify,
}

impl InputQueue {
    /// An empty queue.
    pub fn new(mark: usize) -> Self {
        InputQueue {
            batch: Mutex::default(),
            mark,
            filled: Notify::new(),
            emptied: Notify::new(),
        }
    }

    /// Appends frames of a connection.
    pub fn push_input(&self, key: SessionKey, frames: &[u8]) {
        let mut batch = self.batch.lock();
        batch.bytes.extend_from_slice(frames);
        match batch.records.last_mut() {
            Some(Record::Input(last, bytes)) if *last == key => *bytes += frames.len(),
            _ => batch.records.push(Record::Input(key, frames.len())),
        }
        drop(batch);
        self.filled.notify_one();
    }

    /// Appends a record without bytes.
    pub fn push(&self, record: Record) {
        self.batch.lock().records.push(record);
        self.filled.notify_one();
    }

    /// Waits while there is more than the mark.
    pub async fn room(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.batch.lock().bytes.len() <= self.mark {
                return;
            }
            emptied.await;
        }
    }

    /// Waits until there may be something.
    pub async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Swaps everything into `into`, whose old content is forgotten; whether there was anything.
    pub fn take(&self, into: &mut InputBatch) -> bool {
        into.records.clear();
        into.bytes.clear();
        if into.bytes.capacity() > KEPT_BYTES {
            into.bytes = Vec::new();
        }
        let mut batch = self.batch.lock();
        if batch.records.is_empty() {
            return false;
        }
        std::mem::swap(&mut *batch, into);
        drop(batch);
        self.emptied.notify_waiters();
        true
    }
}
