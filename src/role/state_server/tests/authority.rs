//! AI and owner.

use super::kit::*;
use crate::ids::{Channel, Context, DoId, Location};
use crate::message::StateServer as M;
use crate::object::testing::*;

fn changes_ai(do_id: u32, old: u64, new: u64) -> M<'static> {
    M::ObjectChangingAi { do_id: DoId(do_id), new: Channel(new), old: Channel(old) }
}

fn enters_ai(do_id: u32, location: Location) -> M<'static> {
    M::ObjectEnterAiWithRequired { object: state(do_id, location, "Empty", &[]) }
}

#[test]
fn an_ai_is_told_when_it_comes_and_when_it_goes() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    let enter = enters_ai(7, at(9, 4));
    assert_eq!(server.set_ai(7, AI), [sent(&[AI], 7, &enter)]);
    assert_eq!(server.set_ai(7, AI), [], "it is already");
    let change = changes_ai(7, AI, AI + 1);
    let expected = [sent(&[AI], ANYONE, &change), sent(&[AI + 1], 7, &enter)];
    assert_eq!(server.set_ai(7, AI + 1), expected);
    assert_eq!(server.set_ai(7, 0), [sent(&[AI + 1], ANYONE, &changes_ai(7, AI + 1, 0))]);
}

#[test]
fn an_ai_is_told_to_who_asks() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    for ai in [0, AI] {
        server.set_ai(7, ai);
        let (context, do_id) = (Context(3), DoId(7));
        let answer = M::ObjectGetAiResp { context, do_id, ai: Channel(ai) };
        let question = M::ObjectGetAi { context };
        assert_eq!(server.tell(&[7], ANYONE, &question), [sent(&[ANYONE], 7, &answer)]);
    }
}

#[test]
fn a_new_child_takes_over_its_parents_ai() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    server.set_ai(1, AI);
    let sent_all = server.create(2, at(1, 4));
    let answer = M::ObjectGetAiResp { context: Context(0), do_id: DoId(1), ai: Channel(AI) };
    assert!(sent_all.contains(&sent(&[2], 1, &answer)), "{sent_all:#?}");
    assert!(sent_all.contains(&sent(&[AI], 2, &enters_ai(2, at(1, 4)))), "{sent_all:#?}");
    assert_eq!((server.get(2).ai(), server.get(2).ai_is_explicit()), (Channel(AI), false));
}

#[test]
fn a_change_goes_down_the_tree_in_the_name_of_who_made_it() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    server.create(2, at(1, 4));
    server.create(3, at(2, 5));
    let message = M::ObjectSetAi { ai: Channel(AI) };
    assert_eq!(
        server.tell(&[1], 77, &message),
        [
            sent(&[children(1)], 77, &changes_ai(1, 0, AI)),
            sent(&[AI], 1, &enters_ai(1, Location::NONE)),
            sent(&[children(2)], 77, &changes_ai(2, 0, AI)),
            sent(&[AI], 2, &enters_ai(2, at(1, 4))),
            sent(&[AI], 3, &enters_ai(3, at(2, 5))),
        ]
    );
}

/// A message of an avatar's client, or of an AI in its name, has the avatar's channel as sender.
#[test]
fn a_change_that_a_child_makes_reaches_the_child() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    server.create(2, at(1, 4));
    let message = M::ObjectSetAi { ai: Channel(AI) };
    assert_eq!(
        server.tell(&[1], 2, &message),
        [
            sent(&[children(1)], 2, &changes_ai(1, 0, AI)),
            sent(&[AI], 1, &enters_ai(1, Location::NONE)),
            sent(&[AI], 2, &enters_ai(2, at(1, 4))),
        ]
    );
}

#[test]
fn an_ai_of_its_own_is_kept() {
    let cases = [(AI + 1, true), (0, true)];
    for (own, explicit) in cases {
        let mut server = Server::new();
        server.create(1, Location::NONE);
        server.create(2, at(1, 4));
        server.set_ai(2, AI + 9);
        server.set_ai(2, own);
        server.set_ai(1, AI);
        let object = server.get(2);
        assert_eq!((object.ai(), object.ai_is_explicit()), (Channel(own), explicit));
    }
}

#[test]
fn an_ai_set_to_what_was_taken_over_stays_taken_over() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    server.set_ai(1, AI);
    server.create(2, at(1, 4));
    assert_eq!(server.set_ai(2, AI), []);
    server.set_ai(1, AI + 1);
    assert_eq!(server.get(2).ai(), Channel(AI + 1));
}

#[test]
fn only_the_parent_is_believed() {
    let answer =
        |parent| M::ObjectGetAiResp { context: Context(99), do_id: DoId(parent), ai: Channel(AI) };
    let cases = [
        ("the parent's answer, whatever its context", answer(9), AI),
        ("another's answer", answer(8), 0),
        ("the parent's change", changes_ai(9, 3, AI), AI),
        ("another's change", changes_ai(8, 3, AI), 0),
    ];
    for (name, message, ai) in cases {
        let mut server = Server::new();
        server.create(7, at(9, 4));
        server.tell(&[7], 9, &message);
        assert_eq!(server.get(7).ai(), Channel(ai), "{name}");
    }
}

#[test]
fn without_a_parent_an_ai_that_was_taken_over_is_gone() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    server.set_ai(1, AI);
    server.create(2, at(1, 4));
    let sent_all = server.move_to(2, Location::NONE);
    let old = at(1, 4);
    let moved = M::ObjectChangingLocation { do_id: DoId(2), new: Location::NONE, old };
    assert_eq!(sent_all, [sent(&[AI, 1, 1 << 32 | 4], ANYONE, &moved)], "the AI hears of it");
    assert_eq!(server.get(2).ai(), Channel::NONE);
}

/// Two servers, each with an object that is the other's parent, and with different AIs: each takes
/// over the other's, and tells so. Without a stop they would do so for ever.
#[test]
fn a_circle_over_several_servers_comes_to_rest() {
    let (mut a, mut b) = (Server::new(), Server::new());
    let answer = |from: u32, ai| M::ObjectGetAiResp {
        context: Context(0),
        do_id: DoId(from),
        ai: Channel(ai),
    };
    a.create(1, at(2, 0));
    b.create(2, at(1, 0));
    let arrives = |child, parent| M::ObjectChangingLocation {
        do_id: DoId(child),
        new: at(parent, 0),
        old: Location::NONE,
    };
    a.tell(&[1], ANYONE, &arrives(2, 1));
    b.tell(&[2], ANYONE, &arrives(1, 2));
    let mut to_b = a.tell(&[1], 2, &answer(2, AI));
    let mut to_a = b.tell(&[2], 1, &answer(1, AI + 1));
    let mut rounds = 0;
    while !to_a.is_empty() || !to_b.is_empty() {
        rounds += 1;
        assert!(rounds < 10, "they go on for ever");
        let forward = |server: &mut Server, all: Vec<Sent>| -> Vec<Sent> {
            let all = all.into_iter().flat_map(|sent| {
                let recipients: Vec<u64> = sent.recipients.iter().copied().collect();
                let mut datagram = vec![u8::try_from(recipients.len()).expect("few")];
                recipients.iter().for_each(|c| datagram.extend(c.to_le_bytes()));
                datagram.extend(sent.sender.to_le_bytes());
                datagram.extend(&sent.message);
                server.tell_bytes(&datagram)
            });
            all.collect()
        };
        (to_a, to_b) = (forward(&mut b, to_b), forward(&mut a, to_a));
    }
}

#[test]
fn an_owner_is_told_when_it_comes_and_when_it_goes() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    let object = state(7, at(9, 4), "Empty", &[]);
    let enter = M::ObjectEnterOwnerWithRequired { object };
    let change =
        |old, new| M::ObjectChangingOwner { do_id: DoId(7), new: Channel(new), old: Channel(old) };
    assert_eq!(server.set_owner(7, OWNER), [sent(&[OWNER], 7, &enter)]);
    assert_eq!(server.set_owner(7, OWNER), []);
    assert_eq!(
        server.set_owner(7, OWNER + 1),
        [sent(&[OWNER], ANYONE, &change(OWNER, OWNER + 1)), sent(&[OWNER + 1], 7, &enter)]
    );
    assert_eq!(server.set_owner(7, 0), [sent(&[OWNER + 1], ANYONE, &change(OWNER + 1, 0))]);
}

#[test]
fn an_owner_is_told_to_who_asks() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    server.set_owner(7, OWNER);
    let (context, do_id, owner) = (Context(3), DoId(7), Channel(OWNER));
    let answer = M::ObjectGetOwnerResp { context, do_id, owner };
    let question = M::ObjectGetOwner { context };
    assert_eq!(server.tell(&[7], ANYONE, &question), [sent(&[ANYONE], 7, &answer)]);
}
