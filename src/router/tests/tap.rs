//! What those see who look at what is routed.

use std::time::Instant;

use super::*;
use crate::trace::record::{self, Path, Record};
use crate::trace::{Filter, Names, Speech, Wanted};

fn filter(wanted: Wanted) -> Filter {
    let source = dclass::Source::new("test.dc", "dclass Avatar { setX(int8); };");
    let dc = dclass::parse(&[source]).expect("a right file");
    Filter::new(wanted, Arc::new(Names::new(Arc::new(dc))))
}

fn tap(router: &Router) -> Tap {
    router.tap(filter(Wanted::default()), 1 << 16)
}

/// Who has routed what, by the number of the message, and how many are missing.
fn taken(tap: &Tap) -> Vec<String> {
    let mut bytes = Vec::new();
    tap.try_recv(&mut bytes);
    let (mut rest, mut seen) = (&bytes[..], Vec::new());
    while let Some(record) = record::next(&mut rest) {
        seen.push(match record {
            Record::Datagram { origin, bytes, path: Path::Routed, .. } => {
                let envelope = Envelope::read(bytes).expect("complete");
                format!("{origin} {}", envelope.message_type)
            }
            Record::Datagram { path, bytes, .. } => format!("{path:?} {}", bytes[0]),
            Record::Lost { count, .. } => format!("{count} lost"),
        });
    }
    assert!(rest.is_empty());
    seen
}

/// Routes an answer to whatever it gets.
struct Echo;

impl Role for Echo {
    fn handle(&mut self, _: Instant, origin: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        if origin == Origin::Outside {
            let answer = frame(&[6000], envelope.message_type + 100);
            let answer = Frame::new(&answer).expect("one frame");
            out.route_datagram(Some(Origin::Role), answer.datagram()).expect("small");
        }
    }
}

#[test]
fn everything_that_is_routed_is_seen_once_in_its_order() {
    for has_uplink in [false, true] {
        let router = Router::new();
        if has_uplink {
            router.set_uplink(Arc::new(UplinkRecorder::default()));
        }
        let ai = router.join("ai", Arc::new(Recorder::default()));
        let listener = router.join("listener", Arc::new(Recorder::default()));
        listener.batch().subscribe(Channel(5001));
        let role = router.join_role("echo", Echo);
        role.participant().batch().subscribe(Channel(5000));
        route(&ai, &[5000], 1);
        let tap = tap(&router);
        route(&ai, &[5000], 2);
        // Nobody listens there.
        route(&ai, &[7777], 3);
        let run = [frame(&[5001], 4), frame(&[5001], 5)].concat();
        let runs = crate::wire::Runs::new(Frames::new(&run));
        for run in runs {
            ai.batch().route_run(run).expect("recipients").for_each(drop);
        }
        router
            .uplink_batch(&mut Fed::default())
            .route(Frame::new(&frame(&[5000], 6)).expect("one frame"));
        let last_words = frame(&[5001], 7);
        let last_words = Frame::new(&last_words).expect("one frame");
        ai.batch().add_post_remove(Channel(9), last_words);
        drop(ai);
        let expected = [
            "ai 2",
            "echo 102",
            "ai 3",
            "ai 4",
            "ai 5",
            "upstream 6",
            "echo 106",
            "somebody who has left 7",
        ];
        assert_eq!(taken(&tap), expected, "{has_uplink}");
        drop(tap);
        assert_eq!(router.shared.world.lock().is_overheard, has_uplink);
    }
}

#[test]
fn only_what_passes_the_filter_is_kept() {
    let router = Router::new();
    let ai = router.join("ai", Arc::new(Recorder::default()));
    let wanted = Wanted { channels: vec![(10, 19)], ..Wanted::default() };
    let some = router.tap(filter(wanted), 1 << 16);
    let all = tap(&router);
    route(&ai, &[15], 1);
    route(&ai, &[25], 2);
    assert_eq!(taken(&some), ["ai 1"]);
    assert_eq!(taken(&all), ["ai 1", "ai 2"]);
    drop(some);
    route(&ai, &[25], 3);
    assert_eq!(taken(&all), ["ai 3"]);
}

#[test]
fn what_has_no_room_is_counted_where_it_is_missing() {
    let router = Router::new();
    let ai = router.join("ai", Arc::new(Recorder::default()));
    let record = Record::Datagram {
        micros: 0,
        path: Path::Routed,
        origin: "ai",
        bytes: &frame(&[5000], 1)[2..],
    };
    let room = 2 * record.len() + Record::Lost { micros: 0, count: 0 }.len();
    let tap = router.tap(filter(Wanted::default()), room);
    for number in 1..=4 {
        route(&ai, &[5000], number);
    }
    assert_eq!(taken(&tap), ["ai 1", "ai 2", "2 lost"]);
    route(&ai, &[5000], 5);
    assert_eq!(taken(&tap), ["ai 5"]);
    assert_eq!(taken(&tap), [""; 0]);
}

/// Shows what it is told to show of a client.
#[derive(Default)]
struct Agent {
    watch: Option<Arc<Watch>>,
}

impl Role for Agent {
    fn handle(&mut self, _: Instant, _: Origin, envelope: &Envelope<'_>, _: &mut Effects) {
        let channels = [Channel(70), envelope.sender];
        if let Some(watch) = self.watch.as_ref().filter(|watch| watch.wants(channels)) {
            let path = Path::ToClient(Speech::Client, channels[1]);
            watch.show(channels, path, &envelope.message_type.to_le_bytes());
        }
    }

    fn watch(&mut self, watch: Option<Arc<Watch>>) {
        self.watch = watch;
    }
}

#[test]
fn roles_with_clients_hear_whose_talk_is_wanted() {
    let router = Router::new();
    let of_client = |client| Wanted { clients: vec![client], ..Wanted::default() };
    let before = router.tap(filter(of_client(70)), 1 << 16);
    let role = router.join_role("agent", Agent::default());
    role.participant().batch().subscribe(Channel(5000));
    let ai = router.join("ai", Arc::new(Recorder::default()));
    let other = router.tap(filter(of_client(71)), 1 << 16);
    route(&ai, &[5000], 5);
    assert_eq!(taken(&before), ["ToClient(Client, Channel(0)) 5"]);
    assert_eq!(taken(&other), [""; 0]);
    drop(before);
    route(&ai, &[5000], 5);
    drop(other);
    role.turn(|role, _, _| assert!(role.watch.is_none())).expect("it lives");
}

/// Whoever waits is woken once there is something.
#[tokio::test]
async fn who_waits_for_datagrams_is_woken() {
    let router = Router::new();
    let ai = router.join("ai", Arc::new(Recorder::default()));
    let tap = tap(&router);
    let mut bytes = vec![1];
    let taken = async {
        tap.recv(&mut bytes).await;
    };
    tokio::join!(taken, async { route(&ai, &[5000], 1) });
    assert!(!bytes.is_empty());
}
