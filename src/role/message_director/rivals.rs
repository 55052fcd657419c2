//! Links that come under a sender of which another link keeps post-removes.
//!
//! Usually it is the same AI or daemon again: its machine has died, or has been out of reach for long, and nobody has
//! told us that the old link is dead. When that is noticed at last, its post-removes run, and delete what the new one
//! has made since. So the newcomer is not read on before it is known whether the old link lives: if not, it is
//! ended, and what it wanted said is said first. If it does, both are there, and each keeps its own.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

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

/// All links that others made to this daemon, by their places in the router.
#[derive(Default)]
pub(super) struct Links {
    by_key: Mutex<HashMap<Key, Arc<Link>>>,
}

/// A link that may have to be examined.
pub(super) struct Link {
    line: Box<dyn Line>,
    liveness: Liveness,
    peer: SocketAddr,
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
            found: tokio::sync::Mutex::default(),
            given_up: CancellationToken::new(),
            gone: CancellationToken::new(),
        });
        self.by_key.lock().insert(key, link.clone());
        Entry { links: self.clone(), key, link }
    }
}

impl Entry {
    /// Waits until the link has to end, because it does not answer.
    pub(super) async fn given_up(&self) {
        self.link.given_up.cancelled().await;
    }

    /// What the link knows of those that it has met.
    pub(super) fn rivals(&self) -> Rivals {
        Rivals { links: self.links.clone(), met: Vec::new(), settled: SmallVec::new() }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut by_key = self.links.by_key.lock();
        // The place in the router may be another's by now.
        if by_key.get(&self.key).is_some_and(|link| Arc::ptr_eq(link, &self.link)) {
            by_key.remove(&self.key);
        }
        drop(by_key);
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

/// Others that keep post-removes under a sender under which a link wants to keep its first one.
pub(super) struct Contest {
    sender: Channel,
    links: SmallVec<[Arc<Link>; 1]>,
}

/// What a link knows of the others.
pub(super) struct Rivals {
    links: Arc<Links>,
    /// Those that have been found alive, and when.
    met: Vec<(Arc<Link>, Instant)>,
    /// Those with which it is settled for the message that comes next, however long ago.
    settled: SmallVec<[Arc<Link>; 1]>,
}

impl Rivals {
    /// Whether a control message would have something kept under a sender of others who may be dead.
    #[inline]
    pub(super) fn contest(&mut self, control: &[u8], batch: &Batch<'_>) -> Option<Contest> {
        let sender = sender_of_post_remove(control)?;
        let contest = self.contest_for(sender, batch);
        if contest.is_none() {
            // It is heard now.
            self.settled.clear();
        }
        contest
    }

    fn contest_for(&self, sender: Channel, batch: &Batch<'_>) -> Option<Contest> {
        let keys = batch.rivals(sender);
        if keys.is_empty() {
            return None;
        }
        let by_key = self.links.by_key.lock();
        // Roles live as long as this process.
        let links = keys.iter().filter_map(|key| by_key.get(key));
        let is_open = |link: &&Arc<Link>| !self.is_settled_with(link) && !self.is_sure_of(link);
        let links: SmallVec<_> = links.filter(is_open).cloned().collect();
        (!links.is_empty()).then_some(Contest { sender, links })
    }

    fn is_sure_of(&self, link: &Arc<Link>) -> bool {
        self.met.iter().any(|(met, at)| Arc::ptr_eq(met, link) && at.elapsed() < SURE)
    }

    fn is_settled_with(&self, link: &Arc<Link>) -> bool {
        self.settled.iter().any(|settled| Arc::ptr_eq(settled, link))
    }

    /// Waits until each of the others has been found alive, or has ended: all at the same time.
    pub(super) async fn settle(&mut self, contest: Contest) {
        let Contest { sender, links } = contest;
        self.met.retain(|(met, _)| !met.gone.is_cancelled());
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
        for link in alive {
            self.settled.push(link.clone());
            self.meet(sender, link);
        }
    }

    fn meet(&mut self, sender: Channel, link: Arc<Link>) {
        let now = Instant::now();
        if let Some((_, at)) = self.met.iter_mut().find(|(met, _)| Arc::ptr_eq(met, &link)) {
            *at = now;
            return;
        }
        let other = link.peer;
        tracing::warn!(%sender, %other, "two links that live keep post-removes under one sender; each has its own");
        self.met.push((link, now));
    }
}

/// The sender under which the first of `frames` would have a datagram kept, if it is about that.
#[inline]
fn sender_of_post_remove(control: &[u8]) -> Option<Channel> {
    let mut reader = Reader::new(control);
    if reader.u16().ok()? != Control::CONTROL_ADD_POST_REMOVE {
        return None;
    }
    match Control::decode(Control::CONTROL_ADD_POST_REMOVE, &mut reader) {
        Ok(Control::AddPostRemove { sender, .. }) => Some(sender),
        // What is malformed is dealt with where it is obeyed.
        _ => None,
    }
}
