//! All links of this daemon, for whoever looks at them from outside, and for whoever wants one closed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::net::Connection;
use crate::recent::{Closed, Recent};
use crate::router::{Key, Traffic};

/// The longest name and address of a page that are kept of a peer, in bytes.
const TEXT_BYTES_MAX: usize = 256;

/// Who is told of links, for others to see.
#[derive(Clone)]
pub struct Witness {
    /// The links that there are.
    pub roll: Arc<Roll>,
    /// Those that have ended.
    pub closed: Arc<Recent<Closed>>,
}

/// The links that there are. Entries leave it by themselves.
#[derive(Default)]
pub struct Roll {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last: u64,
    links: BTreeMap<u64, Arc<Link>>,
}

/// Who has made a link.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Somebody else, to this daemon.
    In,
    /// This daemon, to the one above.
    Out,
}

struct Link {
    address: String,
    direction: Direction,
    is_encrypted: bool,
    since: SystemTime,
    /// Its place in the router; the one upstream has none.
    key: Option<Key>,
    connection: Arc<Connection>,
    said: Mutex<Said>,
    /// Somebody wants it closed.
    closing: CancellationToken,
}

#[derive(Clone, Default)]
struct Said {
    name: String,
    url: String,
    is_daemon: bool,
}

/// What there is to say about a link.
#[derive(Clone, Debug)]
pub struct LinkSeen {
    /// Its number, which no other has in this process.
    pub id: u64,
    /// What the peer calls itself; empty if it has not said so.
    pub name: String,
    /// The peer's page, if it has said so.
    pub url: String,
    /// Its address.
    pub address: String,
    /// Who has made the link.
    pub direction: Direction,
    /// Whether the peer has said hello: it is a daemon of this kind.
    pub is_daemon: bool,
    /// Whether it is encrypted.
    pub is_encrypted: bool,
    /// Since when there has been a connection.
    pub since: SystemTime,
    /// Its place in the router; the link upstream has none.
    pub key: Option<Key>,
    /// What it has carried.
    pub traffic: Traffic,
}

/// A link's place in the roll.
pub(super) struct Enrolled {
    roll: Arc<Roll>,
    id: u64,
    link: Arc<Link>,
}

impl Witness {
    /// Nobody looks.
    pub fn none() -> Self {
        Witness { roll: Arc::default(), closed: Arc::new(Recent::new(0)) }
    }
}

impl Roll {
    /// Enters a link that somebody has made to this daemon.
    pub(super) fn enter(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        address: SocketAddr,
        key: Key,
        is_encrypted: bool,
    ) -> Enrolled {
        self.add(connection, address.to_string(), is_encrypted, (Direction::In, Some(key)))
    }

    /// Enters the link upstream.
    pub(super) fn enter_upstream(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        address: String,
        is_encrypted: bool,
    ) -> Enrolled {
        self.add(connection, address, is_encrypted, (Direction::Out, None))
    }

    fn add(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        address: String,
        is_encrypted: bool,
        (direction, key): (Direction, Option<Key>),
    ) -> Enrolled {
        let link = Arc::new(Link {
            address,
            direction,
            is_encrypted,
            since: SystemTime::now(),
            key,
            connection: connection.clone(),
            said: Mutex::default(),
            closing: CancellationToken::new(),
        });
        let mut inner = self.inner.lock();
        inner.last += 1;
        let id = inner.last;
        inner.links.insert(id, link.clone());
        Enrolled { roll: self.clone(), id, link }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.inner.lock().links.len()
    }

    /// At most `most` of them, in the order of their numbers, behind `after`; and whether there are more.
    pub fn page(&self, after: u64, most: usize) -> (Vec<LinkSeen>, bool) {
        let inner = self.inner.lock();
        let mut links = inner.links.range(after.saturating_add(1)..);
        let links: Vec<(u64, Arc<Link>)> = links
            .by_ref()
            .take(most.saturating_add(1))
            .map(|(&id, link)| (id, link.clone()))
            .collect();
        drop(inner);
        let has_more = links.len() > most;
        (links.iter().take(most).map(|(id, link)| link.seen(*id)).collect(), has_more)
    }

    /// All of them, in the order of their numbers. There are as many as participants, and not as clients.
    pub fn all(&self) -> Vec<LinkSeen> {
        let links = self.inner.lock().links.clone();
        links.iter().map(|(id, link)| link.seen(*id)).collect()
    }

    /// Has a link closed; whether there is such a one.
    pub fn close(&self, id: u64) -> bool {
        let link = self.inner.lock().links.get(&id).cloned();
        link.inspect(|link| link.closing.cancel()).is_some()
    }
}

impl Link {
    fn seen(&self, id: u64) -> LinkSeen {
        let Said { name, url, is_daemon } = self.said.lock().clone();
        LinkSeen {
            id,
            name,
            url,
            is_daemon,
            address: self.address.clone(),
            direction: self.direction,
            is_encrypted: self.is_encrypted,
            since: self.since,
            key: self.key,
            traffic: self.connection.traffic(),
        }
    }
}

impl Enrolled {
    /// Waits until somebody wants the link closed.
    pub(super) async fn is_to_close(&self) {
        self.link.closing.cancelled().await;
    }

    /// What the peer calls itself.
    pub(super) fn is_named(&self, name: &str) {
        self.link.said.lock().name = cut(name);
    }

    /// What the peer is called, if it has said so.
    pub(super) fn name(&self) -> String {
        self.link.said.lock().name.clone()
    }

    /// The peer's page.
    pub(super) fn has_page(&self, url: &str) {
        self.link.said.lock().url = cut(url);
    }

    /// The peer is a daemon of this kind.
    pub(super) fn is_daemon(&self) {
        self.link.said.lock().is_daemon = true;
    }
}

impl Drop for Enrolled {
    fn drop(&mut self) {
        self.roll.inner.lock().links.remove(&self.id);
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}
