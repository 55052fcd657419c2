//! A network in memory: bytes take their time, come in pieces, and connections can be cut.
//!
//! | | |
//! |---|---|
//! | [`Net`] | all of it: hosts, connections, what goes wrong with them, and a digest of what has been read |
//! | [`Host`] | one process's access to it, which a crash takes away |
//! | [`End`] | one end of a connection, for whoever looks at it now and then |
//! | `Wire` | the same for a daemon, which waits for it |
//!
//! A connection loses nothing while it lasts, as with TCP: what is in flight when it is cut may be lost, from some byte
//! on. Time is tokio's, chance comes from a seed: the same calls bring the same bytes at the same times.

mod host;
mod pipe;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

pub use host::Host;
use pipe::{Last, Pipe};
use wire::Wire;

use crate::chance::{Chance, Digest};

/// How many bytes are on their way, or lie unread, before a writer has to wait.
const CAPACITY: usize = 32 * 1024;
/// After this long out of reach a peer counts as gone.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A network.
#[derive(Clone)]
pub struct Net {
    shared: Arc<Mutex<Shared>>,
    start: Instant,
}

/// The name of a connection, for as long as the network exists.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LinkId(usize);

struct Shared {
    chance: Chance,
    listeners: BTreeMap<SocketAddr, Listening>,
    links: Vec<Link>,
    next_port: u16,
    /// Pairs of hosts that are out of each other's reach, and until when.
    apart: BTreeMap<(IpAddr, IpAddr), Instant>,
    /// Processes that have crashed.
    dead: BTreeSet<u64>,
    digest: Digest,
    /// When something was read the last time.
    active: Instant,
}

struct Listening {
    process: u64,
    waiting: VecDeque<(LinkId, SocketAddr)>,
    waker: Option<Waker>,
}

/// A connection: side 0 has made it, side 1 has taken it.
struct Link {
    addresses: [SocketAddr; 2],
    /// The processes at its ends.
    processes: [u64; 2],
    /// What each side sends.
    pipes: [Pipe; 2],
    /// When it was cut, or one of its ends was closed.
    broken: Option<Instant>,
    opened: Instant,
    /// Out of reach without an end: since when.
    silent: Option<Instant>,
}

/// One end of a connection.
#[derive(Clone)]
pub struct End {
    net: Net,
    link: LinkId,
    side: usize,
}

/// What reading has brought.
#[derive(Debug)]
pub enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing before then, if anything is on its way.
    Nothing(Option<Instant>),
    /// The peer has ended its side.
    End,
    /// The connection is lost.
    Lost(io::ErrorKind),
}

/// Who is to be woken when the network is free again.
type Woken = Vec<Waker>;

impl Net {
    /// A network without anybody.
    pub fn new(seed: u64) -> Self {
        let now = Instant::now();
        let shared = Shared {
            chance: Chance::new(seed),
            listeners: BTreeMap::new(),
            links: Vec::new(),
            next_port: 10_000,
            apart: BTreeMap::new(),
            dead: BTreeSet::new(),
            digest: Digest::default(),
            active: now,
        };
        Net { shared: Arc::new(Mutex::new(shared)), start: now }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Shared, &mut Woken) -> T) -> T {
        let mut woken = Woken::new();
        let done = act(&mut self.shared.lock(), &mut woken);
        // Whoever is woken for the last time may drop what calls the network.
        woken.into_iter().for_each(Waker::wake);
        done
    }

    /// A digest of all that has been read: by whom, when and what.
    pub fn digest(&self) -> u64 {
        self.with(|shared, _| shared.digest.value())
    }

    /// Since when nothing has been read.
    pub fn quiet_since(&self) -> Instant {
        self.with(|shared, _| shared.active)
    }

    /// Connects at once; `None` if nobody listens there, or it is out of reach.
    pub fn connect(&self, process: u64, from: IpAddr, to: SocketAddr) -> Option<End> {
        let link = self.with(|shared, woken| shared.connect(process, from, to, woken).ok())?;
        Some(End { net: self.clone(), link, side: 0 })
    }

    /// The connections between these hosts that are not broken.
    pub fn links_between(&self, one: IpAddr, other: IpAddr) -> Vec<LinkId> {
        self.with(|shared, _| {
            let is_between = |link: &Link| {
                let [a, b] = link.addresses.map(|address| address.ip());
                link.broken.is_none() && ((a, b) == (one, other) || (b, a) == (one, other))
            };
            let links = (0..shared.links.len()).filter(|place| is_between(&shared.links[*place]));
            links.map(LinkId).collect()
        })
    }

    /// When each connection between these hosts was opened, and broken if it was.
    pub fn history(&self, one: IpAddr, other: IpAddr) -> Vec<(Instant, Option<Instant>)> {
        self.with(|shared, _| {
            let between = shared.links.iter().filter(|link| {
                let [a, b] = link.addresses.map(|address| address.ip());
                (a, b) == (one, other) || (b, a) == (one, other)
            });
            between.map(|link| (link.opened, link.silent.or(link.broken))).collect()
        })
    }

    /// Whether something is on its way to whoever has taken the connection.
    pub fn carries(&self, link: LinkId) -> bool {
        let now = Instant::now();
        self.with(|shared, _| shared.links[link.0].pipes[0].is_carrying(now))
    }

    /// When nothing passed any more on a connection, whether or not anybody knew.
    pub fn lost_at(&self, link: LinkId) -> Option<Instant> {
        self.with(|shared, _| shared.links[link.0].silent.or(shared.links[link.0].broken))
    }

    /// When a connection was cut, or one of its ends was closed.
    pub fn broken_at(&self, link: LinkId) -> Option<Instant> {
        self.with(|shared, _| shared.links[link.0].broken)
    }

    /// Cuts a connection: both ends learn it, and of what is in flight only the beginning arrives.
    pub fn cut(&self, link: LinkId) {
        self.with(|shared, woken| shared.cut(link, woken));
    }

    /// Nothing passes between two hosts until then; connections last, unless it is for long.
    pub fn part(&self, one: IpAddr, other: IpAddr, until: Instant) {
        self.with(|shared, woken| {
            shared.apart.insert(pair(one, other), until);
            for link in &mut shared.links {
                let [a, b] = link.addresses.map(|address| address.ip());
                if link.broken.is_none() && pair(a, b) == pair(one, other) {
                    link.pipes.iter_mut().for_each(|pipe| pipe.stall(until, woken));
                }
            }
        });
    }

    /// Everybody is in reach again.
    pub fn heal(&self) {
        self.with(|shared, woken| {
            shared.apart.clear();
            let now = Instant::now();
            for link in &mut shared.links {
                link.pipes.iter_mut().for_each(|pipe| pipe.stall(now, woken));
            }
        });
    }

    /// A process is gone, and its system tells its peers: of what is in flight to them the beginning arrives. What it
    /// still does reaches nobody.
    pub fn crash(&self, process: u64) {
        self.with(|shared, woken| {
            shared.dead.insert(process);
            shared.listeners.retain(|_, listening| listening.process != process);
            for place in 0..shared.links.len() {
                if shared.links[place].processes.contains(&process) {
                    shared.cut(LinkId(place), woken);
                }
            }
        });
    }

    /// A host is gone without a word: its peers notice in time.
    pub fn vanish(&self, link: LinkId) {
        self.with(|shared, woken| {
            let now = Instant::now();
            let link = &mut shared.links[link.0];
            if link.broken.is_none() && link.silent.is_none() {
                link.silent = Some(now);
                link.pipes.iter_mut().for_each(|pipe| pipe.vanish(now + PATIENCE, woken));
            }
        });
    }

    fn millis(&self, at: Instant) -> u64 {
        at.duration_since(self.start).as_millis() as u64
    }
}

impl Shared {
    fn connect(
        &mut self,
        process: u64,
        from: IpAddr,
        to: SocketAddr,
        woken: &mut Woken,
    ) -> io::Result<LinkId> {
        let now = Instant::now();
        let to = own_address(to);
        if self.dead.contains(&process) || self.apart_until(from, to.ip()).is_some() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let Some(listening) = self.listeners.get_mut(&to) else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        self.next_port = self.next_port.checked_add(1).unwrap_or(10_000);
        let here = SocketAddr::new(from, self.next_port);
        let link = LinkId(self.links.len());
        listening.waiting.push_back((link, here));
        woken.extend(listening.waker.take());
        let processes = [process, listening.process];
        let pipes = [Pipe::new(now, CAPACITY), Pipe::new(now, CAPACITY)];
        let addresses = [here, to];
        self.links.push(Link {
            addresses,
            processes,
            pipes,
            broken: None,
            opened: now,
            silent: None,
        });
        Ok(link)
    }

    fn apart_until(&self, one: IpAddr, other: IpAddr) -> Option<Instant> {
        self.apart.get(&pair(one, other)).copied().filter(|until| *until > Instant::now())
    }

    fn cut(&mut self, link: LinkId, woken: &mut Woken) {
        let now = Instant::now();
        let Shared { links, chance, .. } = self;
        let link = &mut links[link.0];
        if link.broken.is_none() {
            link.broken = Some(now);
            for pipe in &mut link.pipes {
                pipe.tear(now, chance, woken);
            }
        }
    }
}

impl End {
    /// Which connection it is.
    pub const fn link(&self) -> LinkId {
        self.link
    }

    /// This end's address.
    pub fn address(&self) -> SocketAddr {
        self.net.with(|shared, _| shared.links[self.link.0].addresses[self.side])
    }

    /// The other end.
    pub fn peer(&self) -> SocketAddr {
        self.net.with(|shared, _| shared.links[self.link.0].addresses[1 - self.side])
    }

    /// Whether the connection has been cut or closed, whether or not its ends know it.
    pub fn is_broken(&self) -> bool {
        self.net.with(|shared, _| shared.links[self.link.0].broken.is_some())
    }

    /// Appends what has come, at most `limit` bytes.
    pub fn read(&self, buffer: &mut Vec<u8>, limit: usize) -> Read {
        self.net.with(|shared, woken| {
            let now = Instant::now();
            let Shared { links, digest, active, .. } = shared;
            let link = &mut links[self.link.0];
            let begin = buffer.len();
            let read = link.pipes[1 - self.side].read(now, buffer, limit, woken);
            if let Read::Bytes(_) = read {
                let who = (self.link.0 * 2 + self.side) as u64;
                digest.add(&[self.net.millis(now), who], &buffer[begin..]);
                *active = now;
            }
            read
        })
    }

    /// Takes some of `bytes`, and how many; none if there is no room.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.net.with(|shared, woken| {
            let now = Instant::now();
            let Shared { links, chance, .. } = shared;
            links[self.link.0].pipes[self.side].write(now, bytes, chance, woken)
        })
    }

    /// Ends this side: the peer reads what was sent, and then this.
    pub fn end(&self, last: Last) {
        self.net.with(|shared, woken| {
            shared.links[self.link.0].pipes[self.side].end(last, woken);
        });
    }

    /// Closes both sides. A peer that has sent something that was not read is told that it is lost.
    pub fn close(&self, is_aborted: bool) {
        self.net.with(|shared, woken| {
            let now = Instant::now();
            let link = &mut shared.links[self.link.0];
            if self.side == 0 && link.silent.is_some() {
                // It has vanished, and nobody is told.
                return;
            }
            link.broken.get_or_insert(now);
            let is_lost = link.pipes[1 - self.side].shut(now, woken) || is_aborted;
            let last = if is_lost { Last::Reset } else { Last::End };
            link.pipes[self.side].end(last, woken);
        });
    }
}

fn pair(one: IpAddr, other: IpAddr) -> (IpAddr, IpAddr) {
    (one.min(other), one.max(other))
}

/// A host 10.0.0.n is also 10.0.x.n, for any x.
fn own_address(address: SocketAddr) -> SocketAddr {
    let IpAddr::V4(ip) = address.ip() else { return address };
    let [a, b, _, d] = ip.octets();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, 0, d)), address.port())
}
