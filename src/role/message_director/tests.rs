mod ends;
mod rivals;

use std::sync::Arc;

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::core::{LinkChange, Malformed, control_of, obey, route};
use super::downstream;
use super::{Peers, Witness};
use crate::config::{MessageDirectorConfig, Networks, UpstreamLoss};
use crate::event::EventSender;
use crate::ids::{Channel, DoId};
use crate::message::{Blob, Control, Message, StateServer};
use crate::net::Tcp;
use crate::router::{Effects, Load, Origin, Participant, Role, Router, Sink};
use crate::wire::{Envelope, Error, Frame, write_frame};

#[derive(Default)]
struct Recorder {
    datagrams: Mutex<Vec<Vec<u8>>>,
}

impl Sink for Recorder {
    fn push(&self, frame: Frame<'_>) -> Load {
        self.datagrams.lock().push(frame.datagram().to_vec());
        Load::Fine
    }

    fn announce(&self) {}
}

/// A router with a link, and somebody who listens to channel 5000.
struct Bench {
    _listener: Participant,
    link: Participant,
    heard: Arc<Recorder>,
    answered: Arc<Recorder>,
}

impl Bench {
    fn new() -> Self {
        let router = Router::new();
        let (heard, answered) = (Arc::<Recorder>::default(), Arc::<Recorder>::default());
        let listener = router.join("listener", heard.clone());
        listener.batch().subscribe(Channel(5000));
        let link = router.join("link", answered.clone());
        Bench { _listener: listener, link, heard, answered }
    }

    fn receive(&self, datagram: &[u8]) -> Result<Option<LinkChange>, Malformed> {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, |writer| writer.raw(datagram)).expect("fits");
        let frame = Frame::new(&bytes).expect("one frame");
        let (run, mut batch) = (frame.into(), self.link.batch());
        match control_of(run) {
            Some(control) => obey(control, &mut batch, &EventSender::disabled()),
            None => route(run, &mut batch).map(|_| None),
        }
    }

    fn heard(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.heard.datagrams.lock())
    }
}

fn datagram(recipients: &[Channel]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let message = StateServer::ObjectDeleteRam { do_id: DoId(7) };
    message.write_datagram(&mut crate::wire::Writer::new(&mut bytes), recipients, Channel(1));
    bytes
}

fn control(message: &Control<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write_control(&mut crate::wire::Writer::new(&mut bytes));
    bytes
}

#[test]
fn malformed_input_closes_the_link_where_the_next_frame_could_not_be_trusted() {
    let bench = Bench::new();
    let add = control(&Control::AddChannel { channel: Channel(6000) });
    assert_eq!(bench.receive(&[]), Err(Malformed::Empty));
    for cut in 1..9 {
        assert_eq!(bench.receive(&add[..cut]), Err(Malformed::Recipient), "{cut} bytes");
    }
    for cut in 9..add.len() {
        let outcome = bench.receive(&add[..cut]);
        assert!(
            matches!(outcome, Err(Malformed::Control(Error::Truncated { .. }))),
            "{cut} bytes: {outcome:?}"
        );
    }
    assert_eq!(bench.receive(&add), Ok(None));
}

#[test]
fn other_mistakes_cost_only_the_datagram() {
    let bench = Bench::new();
    // A control message with a sender: its number reads as the sender's first bytes.
    assert_eq!(bench.receive(&datagram(&[Channel::CONTROL])), Ok(None));
    // Two recipients, of which the second is cut short.
    let two = datagram(&[Channel(5000), Channel(5001)]);
    assert_eq!(bench.receive(&two[..12]), Ok(None));
    // A range that ends before it begins.
    let range = Control::AddRange { low: Channel(9), high: Channel(8) };
    assert_eq!(bench.receive(&control(&range)), Ok(None));
    assert!(bench.heard().is_empty());
}

#[test]
fn complete_recipients_are_routed_whatever_follows() {
    let bench = Bench::new();
    let whole = datagram(&[Channel(5000)]);
    for cut in [9, 12, 17, 19, whole.len()] {
        assert_eq!(bench.receive(&whole[..cut]), Ok(None));
        assert_eq!(bench.heard(), [&whole[..cut]]);
    }
}

#[test]
fn the_control_channel_among_others_is_an_ordinary_recipient() {
    let bench = Bench::new();
    let both = datagram(&[Channel::CONTROL, Channel(5000)]);
    assert_eq!(bench.receive(&both), Ok(None));
    assert_eq!(bench.heard(), [both]);
    assert!(bench.answered.datagrams.lock().is_empty());
}

#[test]
fn a_link_can_name_itself() {
    let bench = Bench::new();
    let name = control(&Control::SetConName { name: Blob(b"AI") });
    assert_eq!(bench.receive(&name), Ok(Some(LinkChange::Name("AI".to_owned()))));
    let url = control(&Control::SetConUrl { url: Blob(b"http://localhost/") });
    assert_eq!(bench.receive(&url), Ok(Some(LinkChange::Url("http://localhost/".to_owned()))));
}

#[test]
fn a_post_remove_longer_than_its_message_closes_the_link() {
    let bench = Bench::new();
    let kept = datagram(&[Channel(5000)]);
    let add = Control::AddPostRemove { sender: Channel(9), datagram: Blob(&kept) };
    let bytes = control(&add);
    assert!(matches!(bench.receive(&bytes[..bytes.len() - 1]), Err(Malformed::Control(_))));
    assert_eq!(bench.receive(&bytes), Ok(None));
    assert!(bench.heard().is_empty());
    drop(bench.link);
    assert_eq!(*bench.heard.datagrams.lock(), [kept]);
}

/// Answers each datagram, so that it is work.
struct Busy;

impl Role for Busy {
    fn handle(&mut self, _: Instant, _: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        let number = DoId(envelope.message_type.into());
        let answer = StateServer::ObjectDeleteRam { do_id: number };
        out.route(&[Channel(7000)], Channel(1), &answer).expect("small");
    }
}

fn push(bytes: &mut Vec<u8>, datagram: &[u8]) {
    write_frame(bytes, |writer| writer.raw(datagram)).expect("fits");
}

/// Nothing is bounded.
fn config() -> MessageDirectorConfig {
    MessageDirectorConfig {
        bind: None,
        connect: None,
        upstream_loss: UpstreamLoss::Reconnect,
        upstream_buffer_bytes_max: 0,
        link_buffer_bytes_max: usize::MAX,
        link_write_timeout: None,
        keepalive: None,
        settle: Duration::ZERO,
        connect_timeout: None,
        allow: Networks::default(),
        tls: None,
        are_lengths_wide: false,
        are_upstream_lengths_wide: false,
    }
}

/// Reads of a link take several turns of it, and all that it says is done in its order.
#[tokio::test]
async fn what_one_read_brings_is_done_in_turns() {
    const MANY: u16 = 4000;
    let router = Router::new();
    router.take_short_turns();
    let heard = Arc::<Recorder>::default();
    let listener = router.join("listener", heard.clone());
    [7000, 7001].into_iter().for_each(|channel| listener.batch().subscribe(Channel(channel)));
    let role = router.join_role("busy", Busy);
    role.participant().batch().subscribe(Channel(6000));

    let config = config();
    let any = "127.0.0.1:0".parse().expect("an address");
    let mut served = downstream::Listener::new(&config, Peers::new(&config, 1), Witness::none());
    served.listen(&Tcp, &[any], None).expect("a free port");
    let (address, _) = served.addresses().next().expect("bound");
    let end = CancellationToken::new();
    let serving = served.serve(router.clone(), EventSender::disabled(), end.clone());
    let script = async {
        let mut link = TcpStream::connect(address).await.expect("it listens");
        let mut bytes = Vec::new();
        // Very many channels, which it gives up and asks for again in the same breath.
        for _ in 0..2 {
            for channel in 0..u64::from(MANY) * 5 {
                push(
                    &mut bytes,
                    &control(&Control::AddChannel { channel: Channel(channel + 10_000) }),
                );
            }
            let (low, high) = (Channel(10_000), Channel(40_000));
            push(&mut bytes, &control(&Control::RemoveRange { low, high }));
        }
        let mut expected = Vec::new();
        for number in 0..MANY {
            let mut datagram = Vec::new();
            // Some in a row for the same recipients, and some not.
            let to = [Channel(6000), Channel(if number % 300 < 3 { 7001 } else { 8000 })];
            Envelope::write_head(&mut crate::wire::Writer::new(&mut datagram), &to, Channel(1));
            datagram.extend(number.to_le_bytes());
            push(&mut bytes, &datagram);
            if to[1] == Channel(7001) {
                expected.push(number);
            }
            expected.push(number);
        }
        link.write_all(&bytes).await.expect("it reads");
        while heard.datagrams.lock().len() < expected.len() {
            tokio::task::yield_now().await;
        }
        let number = |datagram: &Vec<u8>| {
            let envelope = Envelope::read(datagram).expect("complete");
            match envelope.body.first_chunk() {
                Some(number) => u32::from_le_bytes(*number) as u16,
                None => envelope.message_type,
            }
        };
        let got: Vec<u16> = heard.datagrams.lock().iter().map(number).collect();
        assert_eq!(got, expected);
        end.cancel();
    };
    let _ = tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(serving, script) })
        .await
        .expect("nothing hangs");
    let most = router.holds().most();
    assert!(most.datagrams <= 1024, "{} datagrams in a hold", most.datagrams);
    assert!(most.cleaned <= 10_000, "{} channels in a hold", most.cleaned);
}
