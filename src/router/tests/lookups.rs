//! Who listens is looked up once for datagrams in a row that have the same recipient, and again as soon as that has
//! changed.

use std::time::Instant;

use super::*;

/// Where datagrams go, all of them in a row.
const TARGET: Channel = Channel(7000);
const ASK: Channel = Channel(7001);

/// Routes four datagrams for the same channel when it is asked to, and listens there until it has got the second.
struct Fickle {
    sends: bool,
    got: Arc<Mutex<Vec<u16>>>,
}

impl Role for Fickle {
    fn handle(&mut self, _: Instant, origin: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        if envelope.recipients.iter().any(|channel| channel == ASK) {
            for number in (1..5).filter(|_| self.sends) {
                let frame = frame(&[TARGET.0], number);
                let frame = Frame::new(&frame).expect("one frame");
                out.route_datagram(Some(Origin::Member(1)), frame.datagram()).expect("small");
            }
            return;
        }
        assert_eq!(origin == Origin::Outside, !self.sends);
        self.got.lock().push(envelope.message_type);
        if envelope.message_type == 2 {
            out.unsubscribe(TARGET);
        }
    }
}

#[test]
fn who_stops_listening_because_of_a_datagram_does_not_get_the_next_one() {
    let router = Router::new();
    let join = |name: &str, sends| {
        let got = Arc::<Mutex<Vec<u16>>>::default();
        let role = router.join_role(name, Fickle { sends, got: got.clone() });
        let mut batch = role.participant().batch();
        batch.subscribe(ASK);
        batch.subscribe(TARGET);
        drop(batch);
        (role, got)
    };
    let (_sender, came_back) = join("sender", true);
    let (_other, came_to_other) = join("other", false);
    let stays = Arc::new(Recorder::default());
    let staying = router.join("staying", stays.clone());
    staying.batch().subscribe(TARGET);
    let speaker = router.join("speaker", Arc::new(Recorder::default()));
    route(&speaker, &[ASK.0], 9);
    assert_eq!(
        *came_back.lock(),
        [1, 2],
        "what a member sends comes back as long as the role listens"
    );
    assert_eq!(*came_to_other.lock(), [1, 2]);
    assert_eq!(*stays.got.lock(), [1, 2, 3, 4]);
}
