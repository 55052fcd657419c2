//! Many threads at once: what the contract promises about order, whoever routes and subscribes
//! meanwhile.
//!
//! Every datagram says who sent it and which one of its sender's it is. Those to [`EVERYONE`] also say
//! which of the others' their sender had seen by then. A receiver that has listened from the
//! beginning must have seen those too.

use std::thread;
use std::time::Instant;

use super::*;
use crate::ids::RECIPIENTS_MAX;
use crate::wire::Writer;

const THREADS: usize = 6;
const ROLES: usize = 2;
/// Participants that stay.
const STAYING: usize = THREADS + ROLES;
/// Participants that come and go.
const PASSING: usize = 2;
const STEPS: u32 = 2000;
const EVERYONE: Channel = Channel(5000);
/// Where listeners come and go.
const FICKLE: std::ops::Range<u64> = 5001..5009;

/// How many datagrams to everyone each of those who stay has sent, as far as someone has seen.
type Seen = [u32; STAYING];

struct Datagram {
    origin: usize,
    /// Counts all datagrams of `origin`.
    number: u32,
    /// Counts those to everyone, if it is one.
    common: Option<u32>,
    /// What `origin` had seen before.
    seen: Seen,
}

impl Datagram {
    fn frame(&self, recipients: &[Channel]) -> Vec<u8> {
        assert!(recipients.len() <= RECIPIENTS_MAX);
        let mut bytes = Vec::new();
        write_frame(&mut bytes, |writer| {
            Envelope::write_head(writer, recipients, Channel(0));
            writer.u16(self.origin as u16);
            writer.u32(self.number);
            writer.u32(self.common.unwrap_or(0));
            self.seen.iter().for_each(|&count| writer.u32(count));
        })
        .expect("small");
        bytes
    }

    fn read(datagram: &[u8]) -> Self {
        let envelope = Envelope::read(datagram).expect("complete");
        let mut reader = crate::wire::Reader::new(envelope.body);
        let mut next = || reader.u32().expect("complete");
        let (number, common) = (next(), next());
        Datagram {
            origin: envelope.message_type.into(),
            number,
            common: (common > 0).then_some(common),
            seen: std::array::from_fn(|_| next()),
        }
    }
}

/// What one receiver has got, and what it sends.
struct View {
    own: usize,
    /// Whether it has listened to everything from the beginning.
    is_whole: bool,
    /// The last datagram of each origin.
    numbers: [u32; STAYING + PASSING],
    seen: Seen,
    sent: u32,
    faults: Vec<String>,
}

impl View {
    fn new(own: usize, is_whole: bool) -> Self {
        let numbers = [0; STAYING + PASSING];
        View { own, is_whole, numbers, seen: [0; STAYING], sent: 0, faults: Vec::new() }
    }

    fn receive(&mut self, datagram: &[u8]) {
        let Datagram { origin, number, common, seen } = Datagram::read(datagram);
        let own = self.own;
        let mut fault = |what: &str| {
            self.faults.push(format!("{own} got {number} of {origin}: {what}"));
        };
        if origin == own {
            fault("its own");
        }
        if self.numbers[origin] >= number {
            fault("twice, or after a later one");
        }
        self.numbers[origin] = number;
        let Some(common) = common.filter(|_| self.is_whole) else { return };
        if self.seen[origin] + 1 != common {
            fault("one before it is missing");
        }
        let others = (0..STAYING).filter(|&other| other != own && other != origin);
        if others.into_iter().any(|other| self.seen[other] < seen[other]) {
            fault("before one that its sender had seen");
        }
        self.seen[origin] = common;
    }

    /// Makes a datagram that comes from here.
    fn datagram(&mut self, to_everyone: bool) -> Datagram {
        self.sent += 1;
        let common = (to_everyone && self.own < STAYING).then(|| {
            self.seen[self.own] += 1;
            self.seen[self.own]
        });
        Datagram { origin: self.own, number: self.sent, common, seen: self.seen }
    }
}

struct Listener(Mutex<View>);

impl Sink for Listener {
    fn push(&self, frame: Frame<'_>) -> Load {
        self.0.lock().receive(frame.datagram());
        Load::Fine
    }

    fn announce(&self) {}
}

/// Small numbers, the same in each run. How the threads interleave is not.
struct Dice(u32);

impl Dice {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) % end
    }

    fn channel(&mut self) -> Channel {
        let width = (FICKLE.end - FICKLE.start) as u32;
        Channel(FICKLE.start + u64::from(self.below(width)))
    }

    /// Everyone or not, and up to three others, perhaps one of them twice.
    fn recipients(&mut self) -> Vec<Channel> {
        let mut channels: Vec<Channel> = (0..self.below(4)).map(|_| self.channel()).collect();
        if self.below(2) == 0 {
            channels.push(EVERYONE);
        }
        channels
    }

    fn change(&mut self, batch: &mut Batch<'_>) {
        let (one, other) = (self.channel(), self.channel());
        let range = ChannelRange::new(one.min(other), one.max(other)).expect("not empty");
        match self.below(4) {
            0 => batch.subscribe(one),
            1 => batch.unsubscribe(one),
            2 => batch.subscribe_range(range),
            _ => batch.unsubscribe_range(range),
        }
    }
}

/// Answers to everyone where it is routed, and changes its mind about what it listens to.
struct Answering {
    view: Arc<Listener>,
    dice: Dice,
}

impl Role for Answering {
    fn handle(&mut self, _: Instant, _: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        let mut datagram = Vec::new();
        envelope.write(&mut Writer::new(&mut datagram));
        let mut view = self.view.0.lock();
        view.receive(&datagram);
        let channel = self.dice.channel();
        match self.dice.below(8) {
            0 => out.subscribe(channel),
            1 => out.unsubscribe(channel),
            // Less than one answer for each datagram, or there would be no end of them.
            2 => {
                let answer = view.datagram(true).frame(&[EVERYONE, channel]);
                let answer = Frame::new(&answer).expect("one frame");
                out.route_datagram(None, answer.datagram()).expect("small");
            }
            _ => {}
        }
    }
}

/// Routes and changes subscriptions as the dice say, in batches of different lengths.
fn act(participant: &Participant, listener: &Listener, mut dice: Dice) {
    let mut left = STEPS;
    while left > 0 {
        let steps = (1 + dice.below(5)).min(left);
        left -= steps;
        // What is known before the router is locked, as with a task that has read its queue.
        let planned: Vec<Vec<u8>> = (0..steps)
            .map(|_| {
                let recipients = dice.recipients();
                let to_everyone = recipients.contains(&EVERYONE);
                listener.0.lock().datagram(to_everyone).frame(&recipients)
            })
            .collect();
        let mut batch = participant.batch();
        for frame in planned {
            dice.change(&mut batch);
            batch.route(Frame::new(&frame).expect("one frame"));
        }
        drop(batch);
        thread::yield_now();
    }
}

/// Joins, listens a little, and leaves with something to say.
fn come_and_go(router: &Router, own: usize, mut dice: Dice) -> Vec<String> {
    let listener = Arc::new(Listener(Mutex::new(View::new(own, false))));
    for _ in 0..STEPS / 10 {
        let participant = router.join("passing", listener.clone());
        let farewell = listener.0.lock().datagram(true).frame(&[EVERYONE, dice.channel()]);
        let mut batch = participant.batch();
        batch.subscribe(EVERYONE);
        dice.change(&mut batch);
        batch.add_post_remove(Channel(9), Frame::new(&farewell).expect("one frame"));
        drop(batch);
        thread::yield_now();
    }
    std::mem::take(&mut listener.0.lock().faults)
}

#[test]
fn order_and_causality_hold_among_many_threads() {
    let router = Router::new();
    let listeners: Vec<_> =
        (0..STAYING).map(|own| Arc::new(Listener(Mutex::new(View::new(own, true))))).collect();
    let participants: Vec<Participant> =
        listeners[..THREADS].iter().map(|listener| router.join("p", listener.clone())).collect();
    participants.iter().for_each(|participant| participant.batch().subscribe(EVERYONE));
    let roles: Vec<RoleParticipant<Answering>> = (THREADS..STAYING)
        .map(|own| {
            let (view, dice) = (listeners[own].clone(), Dice(own as u32));
            let role = router.join_role("role", Answering { view, dice });
            role.participant().batch().subscribe(EVERYONE);
            role
        })
        .collect();

    let mut faults: Vec<String> = thread::scope(|scope| {
        let passing: Vec<_> = (STAYING..STAYING + PASSING)
            .map(|own| {
                scope.spawn({
                    let router = &router;
                    move || come_and_go(router, own, Dice(own as u32))
                })
            })
            .collect();
        for (own, participant) in participants.iter().enumerate() {
            let listener = &listeners[own];
            scope.spawn(move || act(participant, listener, Dice(own as u32)));
        }
        passing.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    drop(roles);

    let views: Vec<_> = listeners.iter().map(|listener| listener.0.lock()).collect();
    faults.extend(views.iter().flat_map(|view| view.faults.iter().cloned()));
    assert!(faults.is_empty(), "{} faults: {:#?}", faults.len(), &faults[..faults.len().min(10)]);
    let sent: Seen = std::array::from_fn(|own| views[own].seen[own]);
    assert!(sent.iter().all(|&count| count > STEPS / 4), "too few to show anything: {sent:?}");
    for view in &views {
        assert_eq!(view.seen, sent, "{} has seen everything to everyone", view.own);
    }
}
