//! Who gets in: what comes is told, and what the Gate wants done is looked at.

use super::accounts::Entries;
use super::gate::{Admission, Gate, Order};
use super::passwords::{Outcome, Work};
use super::requests::{Ask, Record};
use crate::ids::{Channel, Context, DoId};

const ANN: Channel = Channel(2_000_000_001);
const BOB: Channel = Channel(2_000_000_002);

fn gate() -> Gate {
    let mut count = 0;
    let mut gate = Gate::new(Box::new(move || {
        count += 1;
        format!("ticket {count}")
    }));
    gate.registered(Some(Some(Entries::new())));
    gate
}

fn guest(name: &str) -> Ask {
    Ask::Guest { name: name.to_owned(), colour: 3 }
}

fn register(name: &str, password: &str) -> Ask {
    Ask::Register { name: name.to_owned(), password: password.to_owned(), colour: 15 }
}

fn log_in(name: &str) -> Ask {
    Ask::LogIn { name: name.to_owned(), password: "secret".to_owned() }
}

#[track_caller]
fn refused(gate: &mut Gate) -> String {
    match &gate.orders()[..] {
        [Order::Refuse { why, .. }] => why.clone(),
        orders => panic!("{orders:?}"),
    }
}

/// Answers for a client that it is there, and returns how it is let in, and who is put out for it.
#[track_caller]
fn admitted(gate: &mut Gate) -> (Admission, Option<Channel>) {
    let orders = gate.orders();
    let knock = orders.iter().find_map(|order| match order {
        Order::Knock { context, .. } => Some(*context),
        _ => None,
    });
    gate.is_there(knock.unwrap_or_else(|| panic!("{orders:?}")));
    match &gate.orders()[..] {
        [Order::Admit(admission)] => (admission.clone(), None),
        [Order::Eject { client }, Order::Admit(admission)] => (admission.clone(), Some(*client)),
        orders => panic!("{orders:?}"),
    }
}

/// Has an account made, and returns its ticket.
fn with_account(gate: &mut Gate) -> Admission {
    gate.asked(ANN, register(" Ann ", "secret"));
    let orders = gate.orders();
    let [Order::Hash { context, work: Work::Make(password) }] = &orders[..] else {
        panic!("{orders:?}")
    };
    assert_eq!(password, "secret");
    gate.hashed(*context, Outcome::Made("hash".to_owned()));
    let orders = gate.orders();
    let [Order::MakeAccount { context, name, hash, .. }] = &orders[..] else {
        panic!("{orders:?}")
    };
    assert_eq!((&**name, &**hash), ("Ann", "hash"));
    gate.created(*context, DoId(900_000_001));
    admitted(gate).0
}

#[test]
fn a_guest_is_let_in_as_soon_as_his_client_says_that_it_is_there() {
    let mut gate = gate();
    gate.asked(ANN, guest(" Ann\u{202e} "));
    let (admission, _) = admitted(&mut gate);
    assert_eq!((&*admission.name, admission.colour), ("Ann", 3));
    assert_eq!((admission.client, admission.account), (ANN, DoId::NONE));
    gate.asked(ANN, guest("Ann"));
    assert_eq!(refused(&mut gate), "You are in already.");
    gate.asked(BOB, guest(""));
    assert_eq!(admitted(&mut gate).0.name, "Guest 2");
}

#[test]
fn who_waits_asks_for_nothing_else() {
    let mut gate = gate();
    gate.asked(ANN, guest("Ann"));
    drop(gate.orders());
    gate.asked(ANN, guest("Ann"));
    assert_eq!(refused(&mut gate), "One thing at a time, please.");
}

#[test]
fn a_ticket_brings_back_and_puts_out_who_plays_by_it() {
    let mut gate = gate();
    gate.asked(ANN, guest("Ann"));
    let (first, _) = admitted(&mut gate);
    gate.asked(BOB, Ask::ComeBack { ticket: first.ticket.clone() });
    let (second, ejected) = admitted(&mut gate);
    assert_eq!(ejected, Some(ANN));
    assert_eq!((second.number, &second.ticket), (first.number, &first.ticket));
    // The end of the first is not that of the second.
    gate.left(ANN);
    assert_eq!(gate.orders(), [Order::Forget { client: ANN }]);
    gate.asked(BOB, guest("Bob"));
    assert_eq!(refused(&mut gate), "You are in already.");
    gate.left(BOB);
    drop(gate.orders());
    gate.asked(ANN, Ask::ComeBack { ticket: first.ticket });
    assert_eq!(admitted(&mut gate).1, None);
    gate.asked(BOB, Ask::ComeBack { ticket: "ticket 99".to_owned() });
    assert!(refused(&mut gate).contains("started anew"));
}

#[test]
fn an_account_is_made_and_found_again() {
    let mut gate = gate();
    let first = with_account(&mut gate);
    assert_eq!((first.account, first.colour), (DoId(900_000_001), 3));
    gate.asked(BOB, register("aNN", "secret"));
    assert_eq!(refused(&mut gate), "Somebody has this name already.");
    gate.asked(BOB, log_in("ANN"));
    let [Order::Find { context, account: DoId(900_000_001) }] = gate.orders()[..] else {
        panic!("it is to be found")
    };
    let record = Record { name: "Ann".to_owned(), hash: "hash".to_owned(), ..Record::default() };
    gate.found(context, Some(record));
    let orders = gate.orders();
    let [Order::Hash { context, work: Work::Check { hash: Some(hash), .. } }] = &orders[..] else {
        panic!("{orders:?}")
    };
    assert_eq!(hash, "hash");
    gate.hashed(*context, Outcome::Checked(true));
    let (second, ejected) = admitted(&mut gate);
    assert_eq!((second.ticket, ejected), (first.ticket, Some(ANN)));
}

#[test]
fn a_wrong_password_and_a_name_that_nobody_has_are_the_same() {
    let mut gate = gate();
    with_account(&mut gate);
    let mut whys = Vec::new();
    for name in ["Ann", "Nobody"] {
        gate.asked(BOB, log_in(name));
        let mut orders = gate.orders();
        if let [Order::Find { context, .. }] = orders[..] {
            gate.found(context, Some(Record::default()));
            orders = gate.orders();
        }
        let [Order::Hash { context, .. }] = orders[..] else { panic!("{orders:?}") };
        gate.hashed(context, Outcome::Checked(false));
        whys.push(refused(&mut gate));
    }
    assert_eq!(whys[0], whys[1]);
}

#[test]
fn what_is_no_account_is_refused() {
    let mut gate = gate();
    gate.asked(ANN, register("\u{7}", "secret"));
    assert_eq!(refused(&mut gate), "An account needs a name.");
    gate.asked(ANN, register("Ann", "abc"));
    assert_eq!(refused(&mut gate), "A password needs four characters at least.");
    // Two want the same name at the same time.
    gate.asked(ANN, register("Ann", "secret"));
    let [Order::Hash { context, .. }] = gate.orders()[..] else { panic!("a hash") };
    gate.asked(BOB, register("ann", "secret"));
    assert_eq!(refused(&mut gate), "Somebody has this name already.");
    // The database is full.
    gate.hashed(context, Outcome::Made("hash".to_owned()));
    let orders = gate.orders();
    let [Order::MakeAccount { context, .. }] = &orders[..] else { panic!("{orders:?}") };
    gate.created(*context, DoId::NONE);
    assert!(refused(&mut gate).contains("no room"));
    gate.asked(BOB, register("ann", "secret"));
    assert!(matches!(gate.orders()[..], [Order::Hash { .. }]), "the name is free again");
}

#[test]
fn so_many_passwords_wait_at_a_time_and_so_many_knocks() {
    let mut gate = gate();
    let client = |number: u64| Channel(3_000_000_000 + number);
    for number in 0..100 {
        gate.asked(client(number), log_in("Nobody"));
    }
    let orders = gate.orders();
    let hashes = orders.iter().filter(|order| matches!(order, Order::Hash { .. })).count();
    assert_eq!((hashes, orders.len()), (32, 100));
    // When they are done, others may.
    for number in 1..=32 {
        gate.hashed(Context(number), Outcome::Checked(false));
    }
    drop(gate.orders());
    gate.asked(client(200), log_in("Nobody"));
    assert!(matches!(gate.orders()[..], [Order::Hash { .. }]));
    // Whoever has gone before he was asked does not answer, and is forgotten when there are many.
    for number in 1_000..4_000 {
        gate.asked(client(number), guest(""));
    }
    drop(gate.orders());
    gate.asked(client(1_000), guest(""));
    assert!(matches!(gate.orders()[..], [Order::Knock { .. }]));
}

#[test]
fn another_game_s_database_is_no_register() {
    let mut gate = Gate::new(Box::new(String::new));
    gate.registered(None);
    assert_eq!(gate.orders(), [Order::MakeRegister]);
    assert!(!gate.is_open());
    gate.registered(Some(None));
    assert!(!gate.is_open() && gate.is_lost());
}
