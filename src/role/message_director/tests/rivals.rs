//! A link comes under a sender of which another keeps post-removes. Whether that lives is written in a script.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::super::downstream::Link;
use super::super::rivals::{Entry, Links};
use super::*;
use crate::ids::DoId;
use crate::net::torn::Torn;
use crate::net::{Line, Liveness, Policy, Question, Signs, Socket};
use crate::router::Inbox;
use crate::telemetry::Level;
use crate::telemetry::testing::Caught;
use crate::wire::{Envelope, Frames};

const SENDER: Channel = Channel(9);
const HEARER: Channel = Channel(5000);
/// What is kept for the end of the holder, and of the newcomer; and what the newcomer says.
const OLD: DoId = DoId(1);
const NEW: DoId = DoId(2);
const SAID: DoId = DoId(3);

/// Only a failing test waits for it, and its clock is fast.
const PATIENCE: Duration = Duration::from_secs(600);

/// A peer that acknowledges something at some time after it is asked, or never.
#[derive(Default)]
struct Script {
    answers: Option<Duration>,
    asked: Mutex<Vec<Instant>>,
}

impl Line for Arc<Script> {
    fn is_here(&self) -> bool {
        false
    }

    fn signs(&self) -> Signs {
        let asked = self.asked.lock().last().map(|at| at.elapsed());
        let heard = asked.zip(self.answers).and_then(|(asked, at)| asked.checked_sub(at));
        // The last that was heard before was long ago.
        Signs::Open { heard: heard.unwrap_or(Duration::from_secs(3600)) }
    }

    fn ask(&self, _: Liveness) -> Question<'_> {
        self.asked.lock().push(Instant::now());
        Question::NONE
    }
}

/// A link by a script, which keeps something.
struct Holder {
    script: Arc<Script>,
    there: Option<(Participant, Entry)>,
}

impl Holder {
    fn is_asked(&self) -> usize {
        self.script.asked.lock().len()
    }

    /// Waits until it has to end.
    async fn given_up(&self) {
        let (_, entry) = self.there.as_ref().expect("it has not ended");
        tokio::time::timeout(PATIENCE, entry.given_up()).await.expect("it is found dead");
    }

    fn end(&mut self) {
        let (participant, entry) = self.there.take().expect("it has not ended");
        drop(participant);
        drop(entry);
    }
}

/// Holders by scripts, and newcomers over sockets.
struct Stage {
    router: Router,
    all: Arc<Links>,
    _hearer: Participant,
    inbox: Arc<Inbox>,
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn deletion(do_id: DoId) -> Vec<u8> {
    let mut bytes = Vec::new();
    let message = StateServer::ObjectDeleteRam { do_id };
    message.write_datagram(&mut crate::wire::Writer::new(&mut bytes), &[HEARER], Channel(1));
    bytes
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, |writer| writer.raw(datagram)).expect("fits");
    bytes
}

impl Stage {
    fn new() -> Self {
        let router = Router::new();
        let inbox = Inbox::new("hearer", 1 << 20, usize::MAX);
        let hearer = router.join("hearer", inbox.clone());
        hearer.batch().subscribe(HEARER);
        Stage { router, all: Arc::default(), _hearer: hearer, inbox }
    }

    /// A link that answers after a while, or never, and keeps something under these senders.
    fn holder(&self, answers: Option<Duration>, senders: impl Iterator<Item = Channel>) -> Holder {
        let script = Arc::new(Script { answers, ..Script::default() });
        let holder = self.router.join("holder", Arc::new(Recorder::default()));
        let kept = framed(&deletion(OLD));
        for sender in senders {
            holder.batch().add_post_remove(sender, Frame::new(&kept).expect("one frame"));
        }
        let line = Box::new(script.clone());
        let entry = self.all.enter(holder.key(), line, Liveness::default(), address());
        Holder { script, there: Some((holder, entry)) }
    }

    /// A link comes, keeps something under a sender, and then says something.
    async fn newcomer(&self, sender: Channel) -> TcpStream {
        let listener = TcpListener::bind(address()).await.expect("a free port");
        let newcomer = TcpStream::connect(listener.local_addr().expect("bound")).await;
        let mut newcomer = newcomer.expect("it listens");
        let (stream, peer) = listener.accept().await.expect("it connects");
        let policy = Policy::link(1 << 20, None);
        tokio::spawn(self.link(peer).run(stream, policy, CancellationToken::new()));
        come(&mut newcomer, sender).await;
        newcomer
    }

    fn link(&self, peer: SocketAddr) -> Link {
        Link {
            router: self.router.clone(),
            events: EventSender::disabled(),
            peers: Peers::new(&config(), 1),
            all: self.all.clone(),
            liveness: Liveness::default(),
            peer,
            witness: Witness::none(),
            is_encrypted: false,
        }
    }

    /// The next that was heard.
    async fn heard(&self, count: usize) -> Vec<DoId> {
        let mut frames = Vec::new();
        let mut more = Vec::new();
        while Frames::new(&frames).count() < count {
            let recv = self.inbox.recv(&mut more);
            tokio::time::timeout(PATIENCE, recv).await.expect("more is heard");
            frames.append(&mut more);
        }
        let do_id = |frame: Frame<'_>| {
            let envelope = Envelope::read(frame.datagram()).expect("complete");
            DoId(u32::from_le_bytes(envelope.body.try_into().expect("a doId")))
        };
        Frames::new(&frames).map(do_id).collect()
    }

    fn has_heard_nothing(&self) -> bool {
        !self.inbox.try_recv(&mut Vec::new())
    }
}

/// A link keeps something under a sender, and then says something.
async fn come(newcomer: &mut TcpStream, sender: Channel) {
    newcomer.write_all(&coming(sender)).await.expect("open");
}

fn coming(sender: Channel) -> Vec<u8> {
    let kept = deletion(NEW);
    let add = Control::AddPostRemove { sender, datagram: Blob(&kept) };
    [framed(&control(&add)), framed(&deletion(SAID))].concat()
}

/// Waits until somebody asks.
async fn asked(holder: &Holder) {
    while holder.is_asked() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

const SECOND: Option<Duration> = Some(Duration::from_millis(1100));
const SENDERS: [Channel; 1] = [SENDER];

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_dead_is_ended_and_has_its_last_words_first() {
    let stage = Stage::new();
    let mut holder = stage.holder(None, SENDERS.into_iter());
    let began = Instant::now();
    let mut newcomer = stage.newcomer(SENDER).await;
    holder.given_up().await;
    assert!(began.elapsed() >= Duration::from_secs(4), "it had time to answer");
    assert!(stage.has_heard_nothing(), "the newcomer waits");
    holder.end();
    assert_eq!(stage.heard(2).await, [OLD, SAID]);
    drop(newcomer.shutdown().await);
    assert_eq!(stage.heard(1).await, [NEW]);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_goes_meanwhile_has_its_last_words_first() {
    let stage = Stage::new();
    let mut holder = stage.holder(None, SENDERS.into_iter());
    let _newcomer = stage.newcomer(SENDER).await;
    asked(&holder).await;
    assert!(stage.has_heard_nothing());
    holder.end();
    assert_eq!(stage.heard(2).await, [OLD, SAID]);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_lives_keeps_its_own_and_so_does_the_newcomer() {
    let stage = Stage::new();
    let mut holder = stage.holder(SECOND, SENDERS.into_iter());
    let mut newcomer = stage.newcomer(SENDER).await;
    assert_eq!(stage.heard(1).await, [SAID]);
    assert_eq!(stage.router.participants().len(), 3);
    // It is not asked again at once, nor by who has some already.
    come(&mut newcomer, SENDER).await;
    assert_eq!(stage.heard(1).await, [SAID]);
    assert_eq!(holder.is_asked(), 1);
    holder.end();
    assert_eq!(stage.heard(1).await, [OLD]);
    drop(newcomer.shutdown().await);
    assert_eq!(stage.heard(2).await, [NEW, NEW]);
}

#[tokio::test(start_paused = true)]
async fn many_holders_are_asked_at_the_same_time() {
    let stage = Stage::new();
    let began = Instant::now();
    let holder = |answers| stage.holder(answers, SENDERS.into_iter());
    let living: Vec<_> = (0..7).map(|_| holder(SECOND)).collect();
    let mut dead: Vec<_> = (0..5).map(|_| holder(None)).collect();
    let _newcomer = stage.newcomer(SENDER).await;
    for holder in &mut dead {
        holder.given_up().await;
        holder.end();
    }
    assert_eq!(stage.heard(6).await, [OLD, OLD, OLD, OLD, OLD, SAID]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(living.iter().all(|holder| holder.is_asked() == 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_settled_is_settled_however_long_it_took() {
    let stage = Stage::new();
    let living = stage.holder(SECOND, SENDERS.into_iter());
    let mut dead = stage.holder(None, SENDERS.into_iter());
    let mut newcomer = stage.newcomer(SENDER).await;
    dead.given_up().await;
    // It has very many last words.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(stage.has_heard_nothing());
    dead.end();
    assert_eq!(stage.heard(2).await, [OLD, SAID]);
    assert_eq!(living.is_asked(), 1);
    // For another message nobody can be sure any more.
    drop(newcomer.shutdown().await);
    assert_eq!(stage.heard(1).await, [NEW]);
    let _another = stage.newcomer(SENDER).await;
    assert_eq!(stage.heard(1).await, [SAID]);
    assert_eq!(living.is_asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_for_a_verdict_get_the_same() {
    const MANY: u64 = 30;
    let stage = Stage::new();
    let senders = || (0..MANY).map(Channel);
    let living = stage.holder(SECOND, senders());
    let began = Instant::now();
    let mut newcomers = Vec::new();
    for sender in senders() {
        newcomers.push(stage.newcomer(sender).await);
    }
    assert_eq!(stage.heard(newcomers.len()).await, [SAID; MANY as usize]);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(living.is_asked() <= 2, "asked {} times", living.is_asked());
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_and_die_are_examined_with_those_who_keep() {
    let stage = Stage::new();
    let began = Instant::now();
    let mut holder = stage.holder(None, SENDERS.into_iter());
    let peers = [(); 5].map(|()| Torn::default());
    for peer in &peers {
        peer.fall_silent();
        peer.come(&coming(SENDER));
        let (socket, policy) = (Socket::Other(Box::new(peer.clone())), Policy::link(1 << 20, None));
        tokio::spawn(stage.link(address()).run(socket, policy, CancellationToken::new()));
        // They wait in this order.
        while peer.unread() > 0 {
            tokio::task::yield_now().await;
        }
    }
    let _newcomer = stage.newcomer(SENDER).await;
    holder.given_up().await;
    holder.end();
    // Each has said something, and had something kept for its end.
    assert_eq!(stage.heard(1 + 2 * peers.len() + 1).await.last(), Some(&SAID));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_is_lost_while_it_waits_is_heard_all_the_same() {
    const SPOKEN_TO: Channel = Channel(6000);
    let stage = Stage::new();
    let mut holder = stage.holder(None, SENDERS.into_iter());
    let speaker = stage.router.join("speaker", Arc::new(Recorder::default()));
    let peer = Torn::default();
    let socket = Socket::Other(Box::new(peer.clone()));
    let policy = Policy::link(1 << 20, None);
    tokio::spawn(stage.link(address()).run(socket, policy, CancellationToken::new()));
    peer.come(&framed(&control(&Control::AddChannel { channel: SPOKEN_TO })));
    peer.come(&coming(SENDER));
    asked(&holder).await;
    // It lies in the socket.
    peer.come(&coming(SENDER));
    peer.tear();
    let spoken = framed(&datagram(&[SPOKEN_TO]));
    speaker.batch().route(Frame::new(&spoken).expect("one frame"));
    holder.given_up().await;
    assert!(stage.has_heard_nothing());
    holder.end();
    assert_eq!(stage.heard(5).await, [OLD, SAID, SAID, NEW, NEW]);
}

/// A daemon connects, and says its name and who it is.
async fn daemon(stage: &Stage, port: u16, name: &[u8], epoch: u64) -> Torn {
    let peer = Torn::default();
    let (socket, policy) = (Socket::Other(Box::new(peer.clone())), Policy::link(1 << 20, None));
    let address = SocketAddr::from(([10, 0, 0, 1], port));
    let link = stage.link(address).run(socket, policy, CancellationToken::new());
    let span = tracing::error_span!("link", name = tracing::field::Empty, peer = %address);
    tokio::spawn(link.instrument(span));
    let (version, capabilities) = (Control::VERSION, Control::CAPABILITIES);
    let hello = Control::Hello { version, epoch, capabilities };
    for message in [Control::SetConName { name: Blob(name) }, hello] {
        peer.come(&framed(&control(&message)));
    }
    // So long that somebody who is asked has answered, or is dead.
    tokio::time::sleep(Duration::from_secs(10)).await;
    peer
}

#[tokio::test(start_paused = true)]
async fn two_daemons_of_one_name_are_said_to_be_two() {
    let caught = Caught::from(Level::Warning);
    let stage = Stage::new();
    let _first = daemon(&stage, 1, b"edge", 7).await;
    let second = daemon(&stage, 2, b"edge", 8).await;
    let expected = "WARNING: message_director: another daemon has the same name; give each its own `daemon.name` \
                    other=10.0.0.1:1 name=edge peer=10.0.0.1:2";
    assert_eq!(caught.lines(), [expected]);
    // Once is enough.
    second.come(&framed(&control(&Control::SetConName { name: Blob(b"edge") })));
    let _other = daemon(&stage, 3, b"hub", 9).await;
    assert_eq!(caught.lines().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_comes_back_is_no_second_one() {
    let caught = Caught::from(Level::Warning);
    let stage = Stage::new();
    // Its machine went without a word; it has been started again there.
    daemon(&stage, 1, b"edge", 7).await.fall_silent();
    let second = daemon(&stage, 2, b"edge", 8).await;
    // Its cable was cut, and it is the same process on another link.
    let _third = daemon(&stage, 3, b"edge", 8).await;
    drop(second);
    let said = caught.lines();
    assert!(said.iter().all(|line| !line.contains("another daemon")), "{said:#?}");
}
