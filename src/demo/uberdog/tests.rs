//! Who gets in: what comes is told, and what the Gate wants done is looked at.

use std::net::{IpAddr, Ipv4Addr};

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
fn refused(orders: &[Order]) -> &str {
    match orders {
        [Order::Refuse { why, .. }] => why,
        orders => panic!("{orders:?}"),
    }
}

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// A client asks, and is there if it is asked for that. Returns what is to be done then.
fn ask(gate: &mut Gate, client: Channel, ask: Ask) -> Vec<Order> {
    ask_from(gate, HOME, client, ask)
}

fn ask_from(gate: &mut Gate, address: IpAddr, client: Channel, ask: Ask) -> Vec<Order> {
    gate.asked(client, ask);
    match &gate.orders()[..] {
        [Order::Knock { client: knocked, context }] => {
            assert_eq!(*knocked, client);
            gate.is_there(*context, address);
            gate.orders()
        }
        orders => orders.to_vec(),
    }
}

/// How somebody is let in, and who is put out for it.
#[track_caller]
fn admitted(orders: &[Order]) -> (Admission, Option<Channel>) {
    match orders {
        [Order::Admit(admission)] => (admission.clone(), None),
        [Order::Eject { client }, Order::Admit(admission)] => (admission.clone(), Some(*client)),
        orders => panic!("{orders:?}"),
    }
}

/// Has a password hashed, and returns what is to be done then.
#[track_caller]
fn hashed(gate: &mut Gate, orders: &[Order], outcome: Outcome) -> Vec<Order> {
    let [Order::Hash { context, .. }] = orders else { panic!("{orders:?}") };
    gate.hashed(*context, outcome);
    gate.orders()
}

/// Asks for an account, until the database is to keep the Register. Returns the context, and what the database is handed.
#[track_caller]
fn until_kept(gate: &mut Gate, client: Channel, name: &str, account: DoId) -> (Context, Entries) {
    let orders = ask(gate, client, register(name, "secret"));
    let orders = hashed(gate, &orders, Outcome::Made("hash".to_owned()));
    let [Order::MakeAccount { context, hash, .. }] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(hash, "hash");
    gate.created(*context, account);
    match &gate.orders()[..] {
        [Order::KeepEntries { context, entries }] => (*context, entries.clone()),
        orders => panic!("{orders:?}"),
    }
}

/// Has an account made, and returns its ticket.
#[track_caller]
fn with_account(gate: &mut Gate) -> Admission {
    let (context, entries) = until_kept(gate, ANN, " Ann ", DoId(900_000_001));
    gate.kept(context, Some(&entries));
    admitted(&gate.orders()).0
}

#[test]
fn a_guest_is_let_in_as_soon_as_his_client_says_that_it_is_there() {
    let mut gate = gate();
    let (admission, _) = admitted(&ask(&mut gate, ANN, guest(" Ann\u{202e} ")));
    assert_eq!((&*admission.name, admission.colour), ("Ann", 3));
    assert_eq!((admission.client, admission.account), (ANN, DoId::NONE));
    assert_eq!(refused(&ask(&mut gate, ANN, guest("Ann"))), "You are in already.");
    assert_eq!(admitted(&ask(&mut gate, BOB, guest(""))).0.name, "Guest 2");
}

#[test]
fn who_waits_asks_for_nothing_else() {
    let mut gate = gate();
    ask(&mut gate, ANN, log_in("Nobody"));
    assert_eq!(refused(&ask(&mut gate, ANN, guest("Ann"))), "One thing at a time, please.");
    // Whoever has not answered yet may be somebody else by now.
    gate.asked(BOB, guest("Bob"));
    gate.asked(BOB, guest("Carl"));
    let orders = gate.orders();
    let [Order::Knock { context: first, .. }, Order::Knock { context: second, .. }] = orders[..]
    else {
        panic!("{orders:?}")
    };
    gate.is_there(first, HOME);
    assert_eq!(gate.orders(), []);
    gate.is_there(second, HOME);
    assert_eq!(admitted(&gate.orders()).0.name, "Carl");
}

#[test]
fn what_was_asked_is_for_nobody_else() {
    let mut gate = gate();
    with_account(&mut gate);
    // Bob goes while his password is looked at, and another client has his channel.
    let orders = ask(&mut gate, BOB, log_in("Ann"));
    let [Order::Find { context, .. }] = orders[..] else { panic!("{orders:?}") };
    gate.found(context, Some(Record { name: "Ann".to_owned(), ..Record::default() }));
    let orders = gate.orders();
    gate.left(BOB);
    drop(gate.orders());
    assert_eq!(admitted(&ask(&mut gate, BOB, guest("Other"))).0.name, "Other");
    assert_eq!(hashed(&mut gate, &orders, Outcome::Checked(true)), []);
}

#[test]
fn a_ticket_brings_back_and_puts_out_who_plays_by_it() {
    let mut gate = gate();
    let come_back = |ticket: &str| Ask::ComeBack { ticket: ticket.to_owned() };
    let (first, _) = admitted(&ask(&mut gate, ANN, guest("Ann")));
    let (second, ejected) = admitted(&ask(&mut gate, BOB, come_back(&first.ticket)));
    assert_eq!(ejected, Some(ANN));
    assert_eq!((second.number, &second.ticket), (first.number, &first.ticket));
    // The end of the first is not that of the second.
    gate.left(ANN);
    assert_eq!(gate.orders(), [Order::Forget { client: ANN }]);
    assert_eq!(refused(&ask(&mut gate, BOB, guest("Bob"))), "You are in already.");
    gate.left(BOB);
    drop(gate.orders());
    assert_eq!(admitted(&ask(&mut gate, ANN, come_back(&first.ticket))).1, None);
    assert!(refused(&ask(&mut gate, BOB, come_back("ticket 99"))).contains("anew"));
}

#[test]
fn an_account_is_made_and_found_again() {
    let mut gate = gate();
    let first = with_account(&mut gate);
    assert_eq!((first.account, first.colour, &*first.name), (DoId(900_000_001), 3, "Ann"));
    let orders = ask(&mut gate, BOB, register("aNN", "secret"));
    assert_eq!(refused(&orders), "Somebody has this name already.");
    let orders = ask(&mut gate, BOB, log_in("ANN"));
    let [Order::Find { context, account: DoId(900_000_001) }] = orders[..] else {
        panic!("{orders:?}")
    };
    let record = Record { name: "Ann".to_owned(), hash: "hash".to_owned(), ..Record::default() };
    gate.found(context, Some(record));
    let orders = gate.orders();
    let [Order::Hash { work: Work::Check { hash: Some(hash), .. }, .. }] = &orders[..] else {
        panic!("{orders:?}")
    };
    assert_eq!(hash, "hash");
    let (second, ejected) = admitted(&hashed(&mut gate, &orders, Outcome::Checked(true)));
    assert_eq!((second.ticket, ejected), (first.ticket, Some(ANN)));
}

#[test]
fn nobody_is_welcome_with_an_account_that_is_not_kept() {
    let mut gate = gate();
    with_account(&mut gate);
    let (context, entries) = until_kept(&mut gate, BOB, "Bob", DoId(900_000_002));
    // The disk is full, and the Register says what it said before.
    let before = Entries::from([("ann".to_owned(), DoId(900_000_001))]);
    assert_eq!(entries.len(), 2);
    gate.kept(context, Some(&before));
    let orders = gate.orders();
    let [
        Order::KeepEntries { entries, .. },
        Order::DropAccount { account },
        Order::Refuse { why, .. },
    ] = &orders[..]
    else {
        panic!("{orders:?}")
    };
    assert_eq!((entries, *account), (&before, DoId(900_000_002)));
    assert!(why.contains("no room"), "{why}");
    // Later there is room.
    let (context, entries) = until_kept(&mut gate, BOB, "Bob", DoId(900_000_003));
    gate.kept(context, Some(&entries));
    assert_eq!(admitted(&gate.orders()).0.account, DoId(900_000_003));
}

#[test]
fn a_wrong_password_and_a_name_that_nobody_has_are_the_same() {
    let mut gate = gate();
    with_account(&mut gate);
    let mut whys = Vec::new();
    for name in ["Ann", "Nobody"] {
        let mut orders = ask(&mut gate, BOB, log_in(name));
        if let [Order::Find { context, .. }] = orders[..] {
            gate.found(context, Some(Record::default()));
            orders = gate.orders();
        }
        let orders = hashed(&mut gate, &orders, Outcome::Checked(false));
        whys.push(refused(&orders).to_owned());
    }
    assert_eq!(whys[0], whys[1]);
}

#[test]
fn what_is_no_account_is_refused() {
    let mut gate = gate();
    let orders = ask(&mut gate, ANN, register("\u{7}", "secret"));
    assert_eq!(refused(&orders), "An account needs a name.");
    let orders = ask(&mut gate, ANN, register("Ann", "abc"));
    assert_eq!(refused(&orders), "A password needs four characters at least.");
    // Two want the same name at the same time.
    let orders = ask(&mut gate, ANN, register("Ann", "secret"));
    let others = ask(&mut gate, BOB, register("ann", "secret"));
    assert_eq!(refused(&others), "Somebody has this name already.");
    // The database is full.
    let orders = hashed(&mut gate, &orders, Outcome::Made("hash".to_owned()));
    let [Order::MakeAccount { context, .. }] = &orders[..] else { panic!("{orders:?}") };
    gate.created(*context, DoId::NONE);
    assert!(refused(&gate.orders()).contains("no room"));
    let orders = ask(&mut gate, BOB, register("ann", "secret"));
    assert!(matches!(orders[..], [Order::Hash { .. }]), "the name is free again");
}

#[test]
fn so_many_passwords_wait_at_a_time_and_fewer_from_one_address() {
    let mut gate = gate();
    let client = |number: u64| Channel(3_000_000_000 + number);
    let mut waiting = Vec::new();
    for number in 0..800 {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, (number / 20) as u8));
        let orders = ask_from(&mut gate, address, client(number), log_in("Nobody"));
        match orders[..] {
            [Order::Hash { context, .. }] => waiting.push(context),
            _ => assert!(refused(&orders).contains("Many are logging in")),
        }
        if number == 19 {
            assert_eq!(waiting.len(), 4);
        }
    }
    assert_eq!(waiting.len(), 128);
    // When they are done, others may.
    for context in waiting {
        gate.hashed(context, Outcome::Checked(false));
    }
    drop(gate.orders());
    let orders = ask(&mut gate, client(2000), log_in("Nobody"));
    assert!(matches!(orders[..], [Order::Hash { .. }]));
}

#[test]
fn those_from_one_address_do_not_take_all_accounts() {
    let mut gate = gate();
    let mut made = 0;
    for number in 0..60u32 {
        let client = Channel(3_000_000_000 + u64::from(number));
        let orders = ask(&mut gate, client, register(&format!("Player {number}"), "secret"));
        if let [Order::Refuse { why, .. }] = &orders[..] {
            assert!(why.contains("as many accounts"), "{why}");
            continue;
        }
        let orders = hashed(&mut gate, &orders, Outcome::Made("hash".to_owned()));
        let [Order::MakeAccount { context, .. }] = &orders[..] else { panic!("{orders:?}") };
        gate.created(*context, DoId(900_000_001 + number));
        let orders = gate.orders();
        let [Order::KeepEntries { context, entries }] = &orders[..] else { panic!("{orders:?}") };
        gate.kept(*context, Some(entries));
        drop(gate.orders());
        made += 1;
    }
    assert_eq!(made, 50);
    let orders = ask_from(&mut gate, ELSEWHERE, BOB, register("Bob", "secret"));
    assert!(matches!(orders[..], [Order::Hash { .. }]));
}

#[test]
fn who_does_not_answer_is_forgotten() {
    let mut gate = gate();
    for number in 0..3_000 {
        gate.asked(Channel(3_000_000_000 + number), guest(""));
    }
    drop(gate.orders());
    // Whoever was asked before the one that answers has gone.
    admitted(&ask(&mut gate, BOB, guest("")));
    assert_eq!(gate.waiting(), 0);
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
