//! The sessions of a database that nobody uses at the moment.
//!
//! Nobody tells when a session has died: the server was started again, a firewall has forgotten it. So one
//! that has not been used for a moment is tested first. If it is dead, so are the others, most likely: all of
//! them are thrown away, and a new one is made at once. That costs one short time limit at most, however
//! many there are. How long to wait when no new one can be made is not known here, since it is asked once for
//! the whole database.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, debug, info};

use super::session::{Session, SqlError, in_words, refused_login};

/// How long a test may take.
const TEST_LIMIT: Duration = Duration::from_secs(1);
/// How long connecting may take.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Sessions with a server that nobody has used for so long are closed.
const IDLE_LIMIT: Duration = Duration::from_secs(5 * 60);
/// What closing in good order may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Sessions of one database.
pub struct Pool<S: Session> {
    options: S::Options,
    /// The one that was used last comes last, and is used next.
    idle: Mutex<Vec<Idle<S>>>,
    /// How often all sessions that were idle have been thrown away.
    purges: watch::Sender<u64>,
}

struct Idle<S> {
    session: S,
    since: Instant,
}

impl<S: Session> Pool<S> {
    /// A pool with its first session.
    pub fn new(options: S::Options, session: S) -> Arc<Self> {
        let idle = vec![Idle { session, since: Instant::now() }];
        let pool = Pool { options, idle: Mutex::new(idle), purges: watch::Sender::new(0) };
        let pool = Arc::new(pool);
        // A file that somebody deletes can be put back only as long as it is open.
        if S::IS_REMOTE {
            tokio::spawn(close_idle(Arc::downgrade(&pool)).in_current_span());
        }
        pool
    }

    /// Where and how to connect.
    pub const fn options(&self) -> &S::Options {
        &self.options
    }

    /// A session that works, as far as can be told: one that is there, or a new one.
    ///
    /// # Errors
    /// If none can be made.
    pub async fn take(&self) -> Result<S, SqlError> {
        loop {
            let purges = self.purges.subscribe();
            let idle = self.idle.lock().pop();
            let Some(Idle { session, since }) = idle else {
                return connect(&self.options).await;
            };
            if since.elapsed() < S::TRUSTED_FOR {
                return Ok(session);
            }
            if let Some(session) = self.tested(session, purges).await {
                return Ok(session);
            }
        }
    }

    /// Tests a session; makes an end of it if it is dead, or if others have turned out to be meanwhile.
    async fn tested(&self, mut session: S, mut purges: watch::Receiver<u64>) -> Option<S> {
        let tested = tokio::select! {
            tested = timeout(TEST_LIMIT, session.test()) => tested,
            _ = purges.changed() => {
                session.discard(&self.options).await;
                return None;
            }
        };
        let why = match tested {
            Ok(Ok(())) => return Some(session),
            Ok(Err(error)) => in_words(&error),
            Err(_) => "no answer".to_owned(),
        };
        // What has become of a file is said by whoever puts it right.
        if S::IS_REMOTE {
            info!(store = S::describe(&self.options), %why, "a session has died; making new ones");
        }
        self.discard(session).await;
        None
    }

    /// A session, if there is one, in whatever state it is.
    pub fn take_idle(&self) -> Option<S> {
        self.idle.lock().pop().map(|idle| idle.session)
    }

    /// Takes back a session that has just done its work.
    pub fn put(&self, session: S) {
        self.idle.lock().push(Idle { session, since: Instant::now() });
    }

    /// Makes an end of a session that is dead, and of all that were idle beside it.
    pub async fn discard(&self, session: S) {
        let idle = std::mem::take(&mut *self.idle.lock());
        self.purges.send_modify(|purges| *purges += 1);
        session.discard(&self.options).await;
        for idle in idle {
            idle.session.discard(&self.options).await;
        }
    }

    /// Closes all sessions that are idle.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        close_all(idle).await;
    }

    /// Takes out those that nobody has used for too long.
    fn take_unused(&self) -> Vec<Idle<S>> {
        let mut idle = self.idle.lock();
        let unused = idle.partition_point(|idle| idle.since.elapsed() >= IDLE_LIMIT);
        idle.drain(..unused).collect()
    }
}

/// Makes a session.
///
/// # Errors
/// What the database says, or that it has said nothing.
pub async fn connect<S: Session>(options: &S::Options) -> Result<S, SqlError> {
    match timeout(CONNECT_LIMIT, S::open(options)).await {
        // Whatever else a server says before there is a session, it does not let this user in, or nobody.
        Ok(opened) => opened.map_err(|error| match S::classify(&error) {
            SqlError::Rejected(why) if S::IS_REMOTE => refused_login(&why),
            error => error,
        }),
        Err(_) => {
            let limit = CONNECT_LIMIT.as_secs();
            Err(SqlError::Unavailable(format!("no connection was made within {limit} s").into()))
        }
    }
}

/// Closes what nobody uses, for as long as there is a pool.
async fn close_idle<S: Session>(pool: Weak<Pool<S>>) {
    loop {
        tokio::time::sleep(IDLE_LIMIT / 5).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        let unused = pool.take_unused();
        if !unused.is_empty() {
            debug!(sessions = unused.len(), "closing sessions that nobody has used");
            close_all(unused).await;
        }
    }
}

async fn close_all<S: Session>(idle: Vec<Idle<S>>) {
    for Idle { session, .. } in idle {
        // A dead one does not answer, and needs no order.
        let _ = timeout(CLOSE_LIMIT, session.close()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SqliteFile, SqliteSession};
    use super::*;

    #[tokio::test]
    async fn a_file_that_nobody_uses_stays_open_and_can_be_put_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("objects.sqlite");
        let file = SqliteFile::new(path.clone(), 0o600);
        let mut session = SqliteSession::open(&file).await.expect("opened");
        session.run("CREATE TABLE test (a); INSERT INTO test VALUES (7)").await.expect("written");
        let pool = Pool::new(file, session);
        tokio::time::pause();
        for _ in 0..10 {
            tokio::time::advance(IDLE_LIMIT / 5).await;
            tokio::task::yield_now().await;
        }
        tokio::time::resume();
        for suffix in ["", "-wal", "-shm"] {
            let path = format!("{}{suffix}", path.display());
            std::fs::remove_file(path).expect("it is there, so somebody has it open");
        }
        let mut session = pool.take().await.expect("it is put back");
        let value = session.number("SELECT a FROM test".to_owned()).await;
        assert_eq!(value.expect("it can be read"), Some(7));
    }
}
