//! A link comes under a sender of which another keeps post-removes. Whether that lives is written in a script.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::downstream::Link;
use super::super::rivals::{Entry, Links};
use super::*;
use crate::ids::DoId;
use crate::net::{Line, Liveness, Policy, Question, Signs};
use crate::router::Inbox;
use crate::wire::{Envelope, Frames};

const SENDER: Channel = Channel(9);
const HEARER: Channel = Channel(5000);
/// What is kept for the end of the holder, and of the newcomer; and what the newcomer says.
const OLD: DoId = DoId(1);
const NEW: DoId = DoId(2);
const SAID: DoId = DoId(3);

/// A peer that acknowledges something at some time, or never.
struct Script {
    since: Instant,
    answers: Option<Duration>,
    asked: Arc<AtomicUsize>,
}

impl Line for Script {
    fn is_here(&self) -> bool {
        false
    }

    fn signs(&self) -> Signs {
        let lasted = self.since.elapsed();
        let answered = self.answers.filter(|at| *at <= lasted);
        // The last that was heard before was long ago.
        Signs::Open { heard: lasted.saturating_sub(answered.unwrap_or_default()) }
    }

    fn ask(&self, _: Liveness) -> Question<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Question::NONE
    }
}

/// A holder by the script, and a newcomer over a socket.
struct Stage {
    router: Router,
    _hearer: Participant,
    inbox: Arc<Inbox>,
    holder: Option<(Participant, Entry)>,
    asked: Arc<AtomicUsize>,
    newcomer: TcpStream,
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
    async fn new(answers: Option<Duration>) -> Self {
        let router = Router::new();
        let inbox = Inbox::new("hearer", 1 << 20, usize::MAX);
        let hearer = router.join("hearer", inbox.clone());
        hearer.batch().subscribe(HEARER);
        let all = Arc::new(Links::default());
        let holder = router.join("holder", Arc::new(Recorder::default()));
        let kept = framed(&deletion(OLD));
        holder.batch().add_post_remove(SENDER, Frame::new(&kept).expect("one frame"));
        let asked = Arc::<AtomicUsize>::default();
        let script = Script { since: Instant::now(), answers, asked: asked.clone() };
        let entry = all.enter(holder.key(), Box::new(script), Liveness::default(), address());

        let listener = TcpListener::bind(address()).await.expect("a free port");
        let newcomer = TcpStream::connect(listener.local_addr().expect("bound")).await;
        let newcomer = newcomer.expect("it listens");
        let (stream, peer) = listener.accept().await.expect("it connects");
        let link = Link {
            router: router.clone(),
            events: EventSender::disabled(),
            peers: Peers::new(&config(), 1),
            all,
            liveness: Liveness::default(),
            peer,
        };
        tokio::spawn(link.run(stream, Policy::link(1 << 20, None), CancellationToken::new()));
        let holder = Some((holder, entry));
        Stage { router, _hearer: hearer, inbox, holder, asked, newcomer }
    }

    /// The newcomer keeps something under the sender, and then says something.
    async fn come(&mut self) {
        let kept = deletion(NEW);
        let add = Control::AddPostRemove { sender: SENDER, datagram: Blob(&kept) };
        let bytes = [framed(&control(&add)), framed(&deletion(SAID))].concat();
        self.newcomer.write_all(&bytes).await.expect("open");
    }

    /// The next that was heard.
    async fn heard(&self, count: usize) -> Vec<DoId> {
        let mut frames = Vec::new();
        let mut more = Vec::new();
        while Frames::new(&frames).count() < count {
            self.inbox.recv(&mut more).await;
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

    fn end_of_holder(&mut self) {
        let (participant, entry) = self.holder.take().expect("it has not ended");
        drop(participant);
        drop(entry);
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_dead_is_ended_and_has_its_last_words_first() {
    let mut stage = Stage::new(None).await;
    let began = Instant::now();
    stage.come().await;
    let (_, entry) = stage.holder.as_ref().expect("it is there");
    entry.given_up().await;
    assert!(began.elapsed() >= Duration::from_secs(4), "it had time to answer");
    assert!(stage.has_heard_nothing(), "the newcomer waits");
    stage.end_of_holder();
    assert_eq!(stage.heard(2).await, [OLD, SAID]);
    drop(stage.newcomer.shutdown().await);
    assert_eq!(stage.heard(1).await, [NEW]);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_goes_meanwhile_has_its_last_words_first() {
    let mut stage = Stage::new(None).await;
    stage.come().await;
    while stage.asked.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(stage.has_heard_nothing());
    stage.end_of_holder();
    assert_eq!(stage.heard(2).await, [OLD, SAID]);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_lives_keeps_its_own_and_so_does_the_newcomer() {
    let mut stage = Stage::new(Some(Duration::from_millis(1100))).await;
    stage.come().await;
    assert_eq!(stage.heard(1).await, [SAID]);
    assert_eq!(stage.router.participants().len(), 3);
    // It is not asked again at once, nor by who has some already.
    stage.come().await;
    assert_eq!(stage.heard(1).await, [SAID]);
    assert_eq!(stage.asked.load(Ordering::Relaxed), 1);
    stage.end_of_holder();
    assert_eq!(stage.heard(1).await, [OLD]);
    drop(stage.newcomer.shutdown().await);
    assert_eq!(stage.heard(2).await, [NEW, NEW]);
}
