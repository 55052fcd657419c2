//! After a gap: what was derived from what objects elsewhere say is asked again.

use std::time::{Duration, Instant};

use super::kit::*;
use crate::ids::{Channel, Context, DoId, Location};
use crate::message::{List, StateServer as M};
use crate::object::testing::{Sent, at, datagram, sent, state, text};
use crate::router::Gap;

const SILENCE: Duration = Duration::from_secs(2);
const COMPARE: Context = Context(u32::MAX);
const OBSERVERS: u64 = 40;
const ELSEWHERE: u64 = 100_200;

impl Server {
    /// There was a gap; what comes of it at once.
    fn gap(&mut self, now: Instant) -> Vec<Sent> {
        self.core.gap(now, Gap { same_epoch: true }, &mut self.outside.effects);
        self.compare_all(now)
    }

    fn compare_all(&mut self, now: Instant) -> Vec<Sent> {
        while self.core.resume(now, 256, &mut self.outside.effects) {}
        self.outside.give_back(&mut self.core, now)
    }

    /// Somebody says something to all who observe objects; what comes of it at once.
    fn tell_all(&mut self, now: Instant, sender: u64, message: &M<'_>) -> Vec<Sent> {
        let datagram = datagram(&[OBSERVERS], sender, message);
        let mut all = self.outside.deliver(&mut self.core, now, &datagram);
        all.extend(self.compare_all(now));
        all
    }

    fn is_due(&mut self, now: Instant) -> Vec<Sent> {
        assert!(self.core.next_deadline().is_some_and(|due| due <= now));
        self.core.on_deadline(now, &mut self.outside.effects);
        self.compare_all(now)
    }

    /// What it says of itself when it is back.
    fn back(&mut self) -> Sent {
        let Some((_, last_words)) = self.outside.post_removes.first() else { panic!("none") };
        let epoch = u64::from_le_bytes(last_words[last_words.len() - 8..].try_into().expect("8"));
        sent(&[OBSERVERS], CONTROL, &M::Back { server: Channel(CONTROL), epoch })
    }

    /// How many children an object counts in a zone.
    fn count(&mut self, do_id: u32, zone: u32) -> u32 {
        let zone = crate::ids::ZoneId(zone);
        let question = M::ObjectGetZoneCount { context: Context(1), zone };
        let answer = self.tell(&[do_id.into()], ANYONE, &question);
        let [answer] = &answer[..] else { panic!("{answer:?}") };
        answer.decode(|message| match message {
            crate::message::Cluster::StateServer(M::ObjectGetZoneCountResp { count, .. }) => {
                count.0
            }
            other => panic!("{other:?}"),
        })
    }

    /// An object elsewhere comes to a parent here.
    fn comes(&mut self, child: u32, to: Location) {
        let (do_id, new, old) = (DoId(child), to, Location::NONE);
        let message = M::ObjectChangingLocation { do_id, new, old };
        self.tell(&[to.parent.0.into()], child.into(), &message);
    }

    fn answers(&mut self, child: u32, location: Location) {
        let do_id = DoId(child);
        let message = M::ObjectGetLocationResp { context: COMPARE, do_id, location };
        self.tell(&[location.parent.0.into()], child.into(), &message);
    }
}

#[test]
fn a_state_server_keeps_one_post_remove_for_all_of_its_objects() {
    let mut server = Server::new();
    server.create(7, Location::NONE);
    let [(sender, last_words)] = &server.outside.post_removes[..] else { panic!("one") };
    assert_eq!(*sender, CONTROL);
    let envelope = crate::wire::Envelope::read(last_words).expect("whole");
    assert_eq!(envelope.recipients.iter().collect::<Vec<_>>(), [Channel(OBSERVERS)]);
    assert_eq!(envelope.sender, Channel(CONTROL));
    let lost = M::decode(envelope.message_type, &mut crate::wire::Reader::new(envelope.body));
    assert!(matches!(lost, Ok(M::Lost { server: Channel(CONTROL), .. })), "{lost:?}");
}

#[test]
fn an_object_tells_its_parent_elsewhere_where_it_is_and_asks_for_its_ai() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    server.create(8, at(9, 5));
    server.set_ai(8, AI);
    // Its parent is here.
    server.create(10, at(7, 1));
    let told = |id: u32, location| {
        let do_id = DoId(id);
        sent(&[9], id.into(), &M::ObjectGetLocationResp { context: WAKE, do_id, location })
    };
    let mut all = server.gap(Instant::now());
    assert_eq!(all.remove(0), server.back());
    assert_eq!(
        all,
        [told(7, at(9, 4)), sent(&[9], 7, &M::ObjectGetAi { context: COMPARE }), told(8, at(9, 5)),]
    );
}

#[test]
fn children_elsewhere_are_asked_for_and_count_no_more_if_they_do_not_answer() {
    let mut server = Server::new();
    server.create(7, Location::NONE);
    server.create(10, at(7, 1));
    (20..24).for_each(|child| server.comes(child, at(7, 1)));
    assert_eq!(server.count(7, 1), 5);
    let mut now = Instant::now();
    let asked = server.gap(now);
    let question = M::ObjectGetLocation { context: COMPARE };
    assert_eq!(asked, [server.back(), sent(&[children(7)], 7, &question)]);
    server.answers(20, at(7, 1));
    server.answers(21, at(7, 2));
    now += SILENCE;
    assert_eq!(server.is_due(now), []);
    // Others may be answering yet, and two say so by themselves.
    server.comes(24, at(7, 1));
    server.comes(22, at(7, 1));
    assert_eq!(server.count(7, 1), 5, "all but the one that has moved");
    now += SILENCE;
    server.is_due(now);
    assert_eq!((server.count(7, 1), server.count(7, 2)), (4, 1));
    assert_eq!(server.core.next_deadline(), None);
}

#[test]
fn a_parent_whose_children_are_all_here_asks_nobody() {
    let mut server = Server::new();
    server.create(7, Location::NONE);
    server.create(10, at(7, 1));
    let asked = server.gap(Instant::now());
    assert_eq!(asked, [server.back()]);
    assert_eq!((server.core.next_deadline(), server.count(7, 1)), (None, 1));
}

#[test]
fn when_another_is_lost_his_children_are_asked_for_and_when_he_is_back_he_is_told_of_those_here() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    server.comes(20, at(7, 1));
    let now = Instant::now();
    let asked = sent(&[children(7)], 7, &M::ObjectGetLocation { context: COMPARE });
    let (other, epoch) = (Channel(ELSEWHERE), 1);
    let lost = server.tell_all(now, ELSEWHERE, &M::Lost { server: other, epoch });
    assert_eq!(lost, std::slice::from_ref(&asked));
    // What comes meanwhile has to wait.
    assert_eq!(server.tell_all(now, ELSEWHERE, &M::Back { server: other, epoch }), []);
    let all = server.is_due(now + SILENCE);
    assert!(all.len() == 2 && all.iter().all(|sent| sent.recipients.contains(&9)), "{all:?}");
    assert_eq!(server.count(7, 1), 0);
    // What is said of itself, is not about others.
    let server_itself = Channel(CONTROL);
    let said = server.tell_all(now, CONTROL, &M::Lost { server: server_itself, epoch });
    assert_eq!((said, server.core.next_deadline()), (vec![], None));
}

#[test]
fn children_of_one_who_is_lost_count_no_more_while_another_comes_and_goes() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    (20..23).for_each(|child| server.comes(child, at(7, 1)));
    let (gone, other, epoch) = (Channel(ELSEWHERE), Channel(ELSEWHERE + 1), 1);
    let mut now = Instant::now();
    server.tell_all(now, ELSEWHERE, &M::Lost { server: gone, epoch });
    let mut told = 0;
    for tenth in 1..=600 {
        now += Duration::from_millis(100);
        if tenth % 10 == 0 {
            // One of the children is its: it says where it is each time, but does not answer.
            let all = server.tell_all(now, ELSEWHERE, &M::Back { server: other, epoch });
            told += all.iter().filter(|sent| sent.recipients.contains(&9)).count();
            let (context, do_id, location) = (Context(1001), DoId(22), at(7, 1));
            let here = M::ObjectGetLocationResp { context, do_id, location };
            server.tell(&[7], 22, &here);
        }
        if server.core.next_deadline().is_some_and(|due| due <= now) {
            server.core.on_deadline(now, &mut server.outside.effects);
        }
        let all = server.compare_all(now);
        told += all.iter().filter(|sent| sent.recipients.contains(&9)).count();
        if tenth == 100 {
            assert_eq!(server.count(7, 1), 1);
        }
    }
    // Its objects tell of themselves some times a minute at most.
    assert!((2 * 10..=2 * 17).contains(&told), "{told}");
}

#[test]
fn a_child_that_has_moved_to_another_parent_here_is_counted_there_only() {
    let mut server = Server::new();
    server.create(7, Location::NONE);
    server.create(8, Location::NONE);
    [20, 21, 22].into_iter().for_each(|child| server.comes(child, at(7, 1)));
    let mut now = Instant::now();
    server.gap(now);
    // Whoever asked, it says where it is; one says so by itself.
    server.answers(20, at(7, 1));
    server.answers(21, at(8, 3));
    server.comes(22, at(8, 3));
    for _ in 0..3 {
        now += SILENCE;
        if server.core.next_deadline().is_some() {
            server.is_due(now);
        }
    }
    assert_eq!((server.count(7, 1), server.count(8, 3)), (1, 2));
}

#[test]
fn many_objects_ask_some_at_a_time() {
    let mut server = Server::new();
    (1000..4000).for_each(|id| drop(server.create(id, at(9, 4))));
    let now = Instant::now();
    server.core.gap(now, Gap { same_epoch: true }, &mut server.outside.effects);
    let mut slices = 0;
    let mut all = server.outside.give_back(&mut server.core, now).len();
    loop {
        server.outside.effects.grant(100);
        let more = server.core.resume(now, 100, &mut server.outside.effects);
        let slice = server.outside.give_back(&mut server.core, now).len();
        assert!(slice <= 200, "{slice} in one slice");
        all += slice;
        slices += 1;
        if !more {
            break;
        }
    }
    assert!(slices >= 30, "{slices}");
    assert_eq!(all, 1 + 2 * 3000);
}

#[test]
fn whoever_asks_is_shown_the_objects_of_owners() {
    const ASKER: u64 = 1 << 63;
    let mut server = Server::new();
    let thing = [&text("desk")[..], &[1, 0, 9]].concat();
    server.create_of(7, at(9, 4), "Thing", &thing);
    server.create(8, at(9, 4));
    server.create(10, Location::NONE);
    server.set_owner(7, OWNER);
    server.set_owner(8, OWNER + 1);
    server.set_owner(10, OWNER + 2);
    let now = Instant::now();
    let owners = [Channel(OWNER), Channel(OWNER + 2), Channel::NONE].map(|owner| (owner, u32::MAX));
    let context = Context(3);
    let question = M::GetOwned { context, owners: List::new(&owners) };
    assert_eq!(server.tell(&[OBSERVERS], ASKER, &question), []);
    let owned = |id: u32, owner, class, location, values: &[u8]| {
        let (owner, object) = (Channel(owner), state(id, location, class, values));
        sent(&[ASKER], id.into(), &M::Owned { context, owner, has_other: false, object })
    };
    let seen = [&text("desk")[..], &[9]].concat();
    assert_eq!(
        server.compare_all(now),
        [
            owned(7, OWNER, "Thing", at(9, 4), &seen),
            owned(10, OWNER + 2, "Empty", Location::NONE, &[]),
        ]
    );
    assert_eq!(server.compare_all(now), []);
}

#[test]
fn whoever_has_got_a_channel_later_is_not_shown_what_its_predecessor_owned() {
    const ASKER: u64 = 1 << 63;
    let mut server = Server::new();
    server.create(7, at(9, 4));
    server.create(8, at(9, 4));
    let begin = Instant::now();
    let give = |server: &mut Server, id: u32, ms| {
        let message = M::ObjectSetOwner { owner: Channel(OWNER) };
        let datagram = datagram(&[id.into()], ANYONE, &message);
        server.outside.deliver(&mut server.core, begin + Duration::from_millis(ms), &datagram);
    };
    give(&mut server, 7, 0);
    give(&mut server, 8, 6_000);
    for (ms, shown) in [(3_999, &[][..]), (4_000, &[8]), (9_999, &[8]), (10_000, &[7, 8])] {
        let owners = [(Channel(OWNER), ms)];
        let question = M::GetOwned { context: Context(3), owners: List::new(&owners) };
        let all = server.tell_all(begin + Duration::from_secs(10), ASKER, &question);
        let senders: Vec<u64> = all.iter().map(|sent| sent.sender).collect();
        assert_eq!(senders, shown, "for {ms} ms");
    }
}

#[test]
fn very_many_objects_are_looked_at_some_at_a_time() {
    let mut server = Server::new();
    (1000..4000).for_each(|id| drop(server.create(id, Location::NONE)));
    (1000..2000).for_each(|id| drop(server.set_owner(id, OWNER)));
    let owners = [(Channel(OWNER), u32::MAX)];
    let question = M::GetOwned { context: Context(3), owners: List::new(&owners) };
    server.tell(&[OBSERVERS], ANYONE, &question);
    let now = Instant::now();
    let (mut all, mut slices) = (0, 0);
    loop {
        server.outside.effects.grant(100);
        let more = server.core.resume(now, 100, &mut server.outside.effects);
        let slice = server.outside.give_back(&mut server.core, now).len();
        assert!(slice <= 120, "{slice} in one slice");
        all += slice;
        slices += 1;
        if !more {
            break;
        }
    }
    assert!(slices >= 10, "{slices}");
    assert_eq!(all, 1000);
}
