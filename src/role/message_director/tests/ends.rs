//! A peer that writes and goes, while somebody speaks to it: what it has sent is routed before its end.

use tokio::time::timeout;

use super::super::downstream::Link;
use super::super::rivals::Links;
use super::super::upstream;
use super::*;
use crate::config::DaemonConfig;
use crate::net::torn::Torn;
use crate::net::{Accept, Connecting, Dialler, Liveness, Network, Policy, Socket};

/// Several reads of several turns each.
const MANY: u16 = 12_000;
const SPOKEN_TO: Channel = Channel(6001);
/// Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A router with somebody who hears everything, and takes long.
struct Stage {
    router: Router,
    _hearer: Participant,
    heard: Arc<Recorder>,
    speaker: Participant,
}

fn stage() -> Stage {
    let router = Router::new();
    router.take_short_turns();
    let heard = Arc::<Recorder>::default();
    let hearer = router.join("hearer", heard.clone());
    hearer.batch().subscribe(Channel(7000));
    let speaker = router.join("speaker", Arc::new(Recorder::default()));
    Stage { router, _hearer: hearer, heard, speaker }
}

impl Stage {
    fn speak(&self) {
        let mut bytes = Vec::new();
        push(&mut bytes, &datagram(&[SPOKEN_TO]));
        self.speaker.batch().route(Frame::new(&bytes).expect("one frame"));
    }

    fn heard(&self) -> Vec<u16> {
        let number = |datagram: &Vec<u8>| Envelope::read(datagram).expect("complete").message_type;
        self.heard.datagrams.lock().iter().map(number).collect()
    }

    /// The peer goes in the midst of what it has said, and somebody speaks to it.
    async fn go(&self, peer: &Torn) {
        while self.heard().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(self.heard().len() < usize::from(MANY) / 2);
        assert!(peer.unread() > 0, "something lies in the socket");
        peer.tear();
        self.speak();
    }
}

fn numbered(numbers: impl Iterator<Item = u16>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in numbers {
        let mut datagram = Vec::new();
        // What is for the same recipients is routed at once.
        let to = &[Channel(7000), Channel(7001)][..1 + usize::from(number % 2)];
        Envelope::write_head(&mut crate::wire::Writer::new(&mut datagram), to, Channel(1));
        datagram.extend(number.to_le_bytes());
        push(&mut bytes, &datagram);
    }
    bytes
}

#[tokio::test]
async fn what_a_link_has_sent_before_its_end_is_routed_and_then_its_last_words() {
    let stage = stage();
    let peer = Torn::default();
    let link = Link {
        router: stage.router.clone(),
        events: EventSender::disabled(),
        peers: Peers::new(&config(), 1),
        all: Arc::<Links>::default(),
        liveness: Liveness::default(),
        peer: "127.0.0.1:1".parse().expect("an address"),
        witness: Witness::none(),
        is_encrypted: false,
    };
    let socket = Socket::Other(Box::new(peer.clone()));
    let running = link.run(socket, Policy::link(1 << 20, None), CancellationToken::new());
    let script = async {
        let mut bytes = Vec::new();
        push(&mut bytes, &control(&Control::AddChannel { channel: SPOKEN_TO }));
        peer.come(&bytes);
        while peer.written() == 0 {
            stage.speak();
            tokio::task::yield_now().await;
        }
        peer.come(&numbered(0..MANY));
        // The very last of it is something to be kept.
        let last = numbered(MANY..MANY + 1);
        let add = Control::AddPostRemove { sender: Channel(9), datagram: Blob(&last[2..]) };
        let mut bytes = Vec::new();
        push(&mut bytes, &control(&add));
        peer.come(&bytes);
        stage.go(&peer).await;
    };
    let both = async { tokio::join!(running, script) };
    let (left, ()) = timeout(PATIENCE, both).await.expect("nothing hangs");
    assert!(left.is_none());
    assert_eq!(stage.heard(), Vec::from_iter(0..=MANY));
}

/// One connection, and no other one.
struct Once(Mutex<Option<Torn>>);

impl Network for Once {
    fn bind(&self, _: std::net::SocketAddr, _: Liveness) -> std::io::Result<Box<dyn Accept>> {
        unreachable!("nobody listens")
    }

    fn connect(&self, _: std::net::SocketAddr) -> Connecting<'_> {
        let torn = self.0.lock().take();
        Box::pin(async move {
            match torn {
                Some(torn) => Ok(Socket::Other(Box::new(torn))),
                None => std::future::pending().await,
            }
        })
    }
}

#[tokio::test]
async fn what_the_upstream_has_sent_before_its_end_is_routed() {
    let stage = stage();
    let peer = Torn::default();
    let network = Arc::new(Once(Mutex::new(Some(peer.clone()))));
    let address: std::net::SocketAddr = "127.0.0.1:7199".parse().expect("an address");
    let dialler = Dialler::new(network, address.into(), None, Liveness::default());
    let (name, url) = (DaemonConfig::UNNAMED.to_owned(), String::new());
    let daemon = DaemonConfig {
        name,
        url,
        threads: 1,
        reserved_files: 0,
        control: None,
        log_level: None,
        drain: None,
        drain_wave: 1,
        recorder: None,
    };
    let config = config();
    let (peers, end) = (Peers::new(&config, 1), CancellationToken::new());
    let router = stage.router.clone();
    let connected = upstream::connect(
        dialler,
        &daemon,
        false,
        config,
        router,
        (peers, Witness::none()),
        end.clone(),
    );
    let script = async {
        peer.come(&numbered(0..MANY));
        stage.go(&peer).await;
        while stage.heard().len() < usize::from(MANY) {
            tokio::task::yield_now().await;
        }
        end.cancel();
    };
    let both = async { tokio::join!(connected, script) };
    let (ended, ()) = timeout(PATIENCE, both).await.expect("all is routed");
    ended.expect("it goes on without");
    assert_eq!(stage.heard(), Vec::from_iter(0..MANY));
}
