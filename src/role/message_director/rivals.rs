//! Links that come under a sender of which another link keeps post-removes.
//!
//! Usually it is the same AI or daemon again: its machine has died, or has been out of reach for long, and nobody has
//! told us that the old link is dead. When that is noticed at last, its post-removes run, and delete what the new one
//! has made since. So the newcomer is not read on before it is known whether the old link lives: if not, it is
//! ended, and what it wanted said is said first. If it does, both are there, and each keeps its own.
//!
//! Several may wait for the same: the machine of one that waits may die, too. So those who came before are examined with the others.
//!
//! A daemon that says hello again on another link has lost the old one, whatever that looks like from here: that is ended without a question.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::namesakes::Who;
use crate::ids::Channel;
use crate::message::Control;
use crate::net::{Connection, Examination, Line, Liveness, Question, Signs, Verdict};
use crate::router::{Batch, Key};
use crate::wire::Reader;

/// How often signs of life are looked for, of so many links at once: of more, less often.
const APART: Duration = Duration::from_millis(20);
const OFTEN_AT_ONCE: u32 = 32;
/// For how long nobody is asked again who has just been found alive.
const SURE: Duration = Duration::from_secs(4);

/// All links that others made to this daemon.
#[derive(Default)]
pub(super) struct Links {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By their places in the router.
    by_key: HashMap<Key, Arc<Link>>,
    /// Those that wait, in the order in which they came to that.
    claims: BTreeMap<u64, Claim>,
    next_claim: u64,
}

/// A link waits to have something kept under a sender.
struct Claim {
    sender: Channel,
    link: Arc<Link>,
    /// Those with which it is settled, however long ago.
    settled: Vec<Arc<Link>>,
}

/// A link that may have to be examined.
pub(super) struct Link {
    line: Box<dyn Line>,
    liveness: Liveness,
    peer: SocketAddr,
    who: Who,
    /// What has been found the last time, and when. One at a time has it asked, for all who want to know.
    found: tokio::sync::Mutex<Option<(Verdict, Instant)>>,
    /// It is to end: it does not answer.
    given_up: CancellationToken,
    /// It has left, and what it wanted said has been said.
    gone: CancellationToken,
}

/// A link's place among the others. It is to be dropped when its participant has left the router.
pub(super) struct Entry {
    links: Arc<Links>,
    key: Key,
    link: Arc<Link>,
}

impl Links {
    /// Takes in a link.
    pub(super) fn enter(
        self: &Arc<Self>,
        key: Key,
        line: Box<dyn Line>,
        liveness: Liveness,
        peer: SocketAddr,
    ) -> Entry {
        let link = Arc::new(Link {
            line,
            liveness,
            peer,
            who: Who::default(),
            found: tokio::sync::Mutex::default(),
            given_up: CancellationToken::new(),
            gone: CancellationToken::new(),
        });
        self.inner.lock().by_key.insert(key, link.clone());
        Entry { links: self.clone(), key, link }
    }
}

impl Entry {
    /// Waits until the link has to end, because it does not answer.
    pub(super) async fn given_up(&self) {
        self.link.given_up.cancelled().await;
    }

    /// What the peer has said of itself.
    pub(super) fn who(&self) -> &Who {
        &self.link.who
    }

    /// Says, for as long as this runs, when another daemon that lives has the same name.
    pub(super) async fn meet_namesakes(&self) -> Infallible {
        let Entry { links, link, .. } = self;
        loop {
            let Some((name, epoch)) = link.who.news().await else { continue };
            let is_namesake = |other: &&Arc<Link>| other.who.is_namesake(&name, epoch);
            let others: Vec<_> =
                links.inner.lock().by_key.values().filter(is_namesake).cloned().collect();
            for other in others {
                // Boxed, since all links would carry it.
                let examined = Box::pin(other.examine(APART)).await;
                let is_said = || link.who.has_met(other.peer) || other.who.has_met(link.peer);
                if examined == Some(Verdict::Alive) && !is_said() {
                    link.who.meet(other.peer);
                    let other = other.peer;
                    tracing::warn!(%other, "another daemon has the same name; give each its own `daemon.name`");
                }
            }
        }
    }

    /// What the link knows of those that it has met.
    pub(super) fn rivals(&self) -> Rivals {
        Rivals { links: self.links.clone(), link: self.link.clone(), met: Vec::new(), claim: None }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut inner = self.links.inner.lock();
        // The place in the router may be another's by now.
        if inner.by_key.get(&self.key).is_some_and(|link| Arc::ptr_eq(link, &self.link)) {
            inner.by_key.remove(&self.key);
        }
        drop(inner);
        self.link.gone.cancel();
    }
}

impl Line for Arc<Connection> {
    fn is_here(&self) -> bool {
        self.stream().is_here()
    }

    fn signs(&self) -> Signs {
        self.stream().signs()
    }

    fn ask(&self, liveness: Liveness) -> Question<'_> {
        self.stream().ask(liveness)
    }
}

impl Link {
    /// Waits until the link has been found alive, or has ended: whether it lives.
    async fn is_alive(&self, sender: Channel, apart: Duration) -> bool {
        match self.examine(apart).await {
            None => return false,
            Some(Verdict::Alive) => return true,
            Some(Verdict::Dead) => {}
        }
        if !self.given_up.is_cancelled() {
            let other = self.peer;
            tracing::warn!(%sender, %other, "a link came back; its old one does not answer, and is ended first");
            self.given_up.cancel();
        }
        self.gone.cancelled().await;
        false
    }

    /// Ends it, since its daemon is here on another one, and waits for that.
    async fn is_replaced(&self) {
        if !self.given_up.is_cancelled() {
            let other = self.peer;
            tracing::info!(%other, "a daemon came back; its old link is ended first");
            self.given_up.cancel();
        }
        self.gone.cancelled().await;
    }

    /// Finds out whether the link lives; `None` if it has left meanwhile. Whoever else wants to know gets the same
    /// answer.
    async fn examine(&self, apart: Duration) -> Option<Verdict> {
        let wanted = Instant::now();
        let mut found = self.found.lock().await;
        if let Some((verdict, at)) = *found
            && at >= wanted
        {
            return Some(verdict);
        }
        let now = || Instant::now().into_std();
        let is_here = self.line.is_here();
        let examination = Examination::begin(now(), is_here);
        let _question = if is_here { Question::NONE } else { self.line.ask(self.liveness) };
        loop {
            if self.gone.is_cancelled() {
                return None;
            }
            if let Some(verdict) = examination.judge(now(), self.line.signs()) {
                *found = Some((verdict, Instant::now()));
                return Some(verdict);
            }
            tokio::select! {
                biased;
                () = self.gone.cancelled() => {}
                () = tokio::time::sleep(apart) => {}
            }
        }
    }
}

/// Others for whom a link has to wait.
pub(super) enum Contest {
    /// They keep post-removes under a sender under which it wants to keep its first one, or want to since longer.
    Sender(Channel, SmallVec<[Arc<Link>; 1]>),
    /// They are older ones of the same daemon.
    Daemon(SmallVec<[Arc<Link>; 1]>),
}

/// What a link knows of the others.
pub(super) struct Rivals {
    links: Arc<Links>,
    link: Arc<Link>,
    /// Those that have been found alive, and when. To know one does not keep its connection open.
    met: Vec<(Weak<Link>, Instant)>,
    /// It waits: the message that it wants to be heard next is this one of the claims.
    claim: Option<u64>,
}

impl Rivals {
    /// Whether a control message would have something kept under a sender of others who may be dead, or is of a daemon that
    /// has an older link.
    #[inline]
    pub(super) fn contest(&mut self, control: &[u8], batch: &Batch<'_>) -> Option<Contest> {
        let sender = match topic_of(control)? {
            Topic::PostRemove(sender) => sender,
            Topic::Hello(epoch) => return self.older_links(epoch, batch),
        };
        let contest = self.contest_for(sender, batch);
        if contest.is_none() {
            self.is_heard();
        }
        contest
    }

    fn older_links(&self, epoch: u64, batch: &Batch<'_>) -> Option<Contest> {
        let keys = batch.other_links_of(epoch);
        let inner = self.links.inner.lock();
        let links: SmallVec<_> =
            keys.iter().filter_map(|key| inner.by_key.get(key)).cloned().collect();
        (!links.is_empty()).then_some(Contest::Daemon(links))
    }

    fn contest_for(&mut self, sender: Channel, batch: &Batch<'_>) -> Option<Contest> {
        let keys = batch.rivals(sender);
        if keys.is_empty() {
            return None;
        }
        let mut inner = self.links.inner.lock();
        let own = self.claim.and_then(|number| inner.claims.get(&number));
        let is_settled = |link: &Arc<Link>| own.is_some_and(|own| own.is_settled_with(link));
        // Roles live as long as this process.
        let keepers = keys.iter().filter_map(|key| inner.by_key.get(key));
        let earlier = inner.claims.range(..self.claim.unwrap_or(u64::MAX));
        let earlier = earlier.filter(|(_, claim)| claim.sender == sender);
        let links = keepers.chain(earlier.map(|(_, claim)| &claim.link));
        let is_open = |link: &&Arc<Link>| !is_settled(link) && !self.is_sure_of(link);
        let links: SmallVec<_> = links.filter(is_open).cloned().collect();
        if links.is_empty() {
            return None;
        }
        if self.claim.is_none() {
            let number = inner.next_claim;
            inner.next_claim += 1;
            let claim = Claim { sender, link: self.link.clone(), settled: Vec::new() };
            inner.claims.insert(number, claim);
            self.claim = Some(number);
        }
        Some(Contest::Sender(sender, links))
    }

    /// The message for which it has waited, if it has, is heard now. Who has waited for longer need not wait for it, too:
    /// it is none of their predecessors.
    fn is_heard(&mut self) {
        let Some(number) = self.claim.take() else { return };
        let mut inner = self.links.inner.lock();
        let Some(own) = inner.claims.remove(&number) else { return };
        let earlier = inner.claims.range_mut(..number);
        for (_, claim) in earlier.filter(|(_, claim)| claim.sender == own.sender) {
            claim.settled.push(own.link.clone());
        }
    }

    fn is_sure_of(&self, link: &Arc<Link>) -> bool {
        self.met.iter().any(|(met, at)| is_same(met, link) && at.elapsed() < SURE)
    }

    /// Waits until each of the others has been found alive, or has ended: all at the same time.
    pub(super) async fn settle(&mut self, contest: Contest) {
        match contest {
            Contest::Sender(sender, links) => self.settle_for(sender, links).await,
            Contest::Daemon(links) => {
                for link in links {
                    link.is_replaced().await;
                }
            }
        }
    }

    async fn settle_for(&mut self, sender: Channel, links: SmallVec<[Arc<Link>; 1]>) {
        self.met.retain(|(met, _)| met.strong_count() > 0);
        let apart = APART * (1 + links.len() as u32 / OFTEN_AT_ONCE);
        let examined = links.iter().map(|link| (link, Box::pin(link.is_alive(sender, apart))));
        let mut examined: Vec<_> = examined.collect();
        let mut alive = Vec::new();
        poll_fn(|context| {
            examined.retain_mut(|(link, is_alive)| match is_alive.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(is_alive) => {
                    alive.extend(is_alive.then(|| Arc::clone(link)));
                    false
                }
            });
            if examined.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let mut inner = self.links.inner.lock();
        let own = self.claim.and_then(|number| inner.claims.get_mut(&number));
        own.into_iter().for_each(|own| own.settled.extend(alive.iter().cloned()));
        drop(inner);
        alive.into_iter().for_each(|link| self.meet(sender, &link));
    }

    fn meet(&mut self, sender: Channel, link: &Arc<Link>) {
        let now = Instant::now();
        if let Some((_, at)) = self.met.iter_mut().find(|(met, _)| is_same(met, link)) {
            *at = now;
            return;
        }
        let other = link.peer;
        tracing::warn!(%sender, %other, "two links that live keep post-removes under one sender; each has its own");
        self.met.push((Arc::downgrade(link), now));
    }
}

fn is_same(met: &Weak<Link>, link: &Arc<Link>) -> bool {
    std::ptr::eq(met.as_ptr(), Arc::as_ptr(link))
}

impl Drop for Rivals {
    fn drop(&mut self) {
        if let Some(number) = self.claim {
            self.links.inner.lock().claims.remove(&number);
        }
    }
}

impl Claim {
    fn is_settled_with(&self, link: &Arc<Link>) -> bool {
        self.settled.iter().any(|settled| Arc::ptr_eq(settled, link))
    }
}

/// What a control message is about that may have to wait for others.
enum Topic {
    /// A datagram is to be kept under this sender.
    PostRemove(Channel),
    /// A daemon of this epoch is there.
    Hello(u64),
}

#[inline]
fn topic_of(control: &[u8]) -> Option<Topic> {
    let mut reader = Reader::new(control);
    let number = reader.u16().ok()?;
    if !matches!(number, Control::CONTROL_ADD_POST_REMOVE | Control::CONTROL_HELLO) {
        return None;
    }
    match Control::decode(number, &mut reader) {
        Ok(Control::AddPostRemove { sender, .. }) => Some(Topic::PostRemove(sender)),
        Ok(Control::Hello { epoch, .. }) => Some(Topic::Hello(epoch)),
        // What is malformed is dealt with where it is obeyed.
        _ => None,
    }
}
