//! `donet demo`, played as its page plays it, by WebSocket.

mod panel;
mod tab;

use panel::Panel;
use tab::{Demo, Tab, steps, text, u8_, u32_};

use crate::harness::websocket::{Came, FINAL};
use crate::harness::{ClientMessage as Message, DoId, Location, ZoneId};

const MEADOW: DoId = DoId(4001);

#[test]
fn two_tabs_meet_and_the_server_is_right() {
    let demo = Demo::start(&[]);
    // A guest is welcomed, and gets an avatar.
    let mut ann = Tab::open(&demo);
    let ticket = ann.guest(" Ann ", "Ann");
    // He enters a District, and is put beside its portal.
    let arrival = ann.enter(MEADOW);
    assert_eq!(ann.location, Location::new(MEADOW, ZoneId(7)));
    ann.look(ann.location);
    let portal = ann.sees("Portal");
    // Another one sees him, and hears what he says.
    let mut bob = Tab::open(&demo);
    bob.guest("", "Guest 2");
    bob.enter(DoId::NONE);
    bob.look(bob.location);
    assert_eq!(bob.sees("Avatar"), ann.avatar);
    ann.say("say", &text("hello"));
    assert_eq!(bob.hears(ann.avatar, "say"), text("hello"));
    // He goes into the cave, which nobody else sees, and comes back.
    ann.say("usePortal", &u32_(portal.0));
    ann.is_put();
    let cave = ann.location;
    assert!((5000..=5999).contains(&cave.parent.0) && cave.zone == ZoneId(1));
    bob.misses(ann.avatar);
    ann.look(cave);
    assert_eq!(ann.sees("Critter").0 / 1_000_000, 10);
    let back = ann.sees("Portal");
    assert_ne!(back, portal);
    ann.say("usePortal", &u32_(back.0));
    ann.is_put();
    assert_eq!(ann.location, Location::new(MEADOW, ZoneId(7)));
    assert_eq!(bob.sees("Avatar"), ann.avatar);
    ann.misses(back);
    // He walks into the next zone.
    let here = ann.walk_to_zone(ZoneId(11));
    assert!((here.1 - 80.0).abs() < 6.0 && here != arrival, "{here:?}");
    // Nobody believes that he is at the other end.
    let told = ann.cheats((5.0, 5.0), here);
    assert!(told.contains("AI"), "{told}");
    // Another tab with his ticket is he, where he was, and this one is put out.
    let mut again = Tab::open(&demo);
    again.say_to_gate("comeBack", &text(&ticket));
    assert_eq!(again.is_welcomed("Ann"), ticket);
    let (code, why) = ann.is_ejected();
    assert_eq!((code, &*why), (100, "you play in another tab"));
    bob.misses(ann.avatar);
    assert_eq!(again.enter(DoId::NONE), here);
    drop(bob);
    demo.end();
}

#[test]
fn an_account_is_kept_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accounts.sqlite");
    let words = ["--database", file.to_str().expect("a plain name")];
    let credentials = [text("Dora"), text("secret")].concat();
    let demo = Demo::start(&words);
    let mut tab = Tab::open(&demo);
    tab.say_to_gate("register", &[credentials.clone(), u8_(4)].concat());
    tab.is_welcomed("Dora");
    let mut other = Tab::open(&demo);
    other.say_to_gate("register", &[text("DORA"), text("another"), u8_(4)].concat());
    assert_eq!(other.is_refused(), "Somebody has this name already.");
    other.say_to_gate("register", &[text("Emil"), text("another"), u8_(5)].concat());
    other.is_welcomed("Emil");
    demo.end();
    let demo = Demo::start(&words);
    let mut tab = Tab::open(&demo);
    tab.say_to_gate("logIn", &[text("dora"), text("another")].concat());
    assert_eq!(tab.is_refused(), "There is no such name with such a password.");
    tab.say_to_gate("logIn", &credentials);
    tab.is_welcomed("Dora");
    let mut tab = Tab::open(&demo);
    tab.say_to_gate("logIn", &[text("emil"), text("another")].concat());
    tab.is_welcomed("Emil");
    demo.end();
    assert!(file.exists());
}

#[test]
fn names_that_grow_in_small_letters_have_accounts_too() {
    let demo = Demo::start(&[]);
    for (typed, name) in [("İİİİİİİİİ", "İİİİİİİİ"), ("ȺȺȺȺȺȺȺȺȺȺȺȺ", "ȺȺȺȺȺȺȺȺ")]
    {
        let mut tab = Tab::open(&demo);
        tab.say_to_gate("register", &[text(typed), text("secret"), u8_(4)].concat());
        tab.is_welcomed(name);
    }
    demo.end();
}

#[test]
fn a_player_sees_his_messages_without_his_secrets_until_he_goes() {
    let demo = Demo::start(&[]);
    let mut ann = Tab::open(&demo);
    let ticket = ann.guest("Ann", "Ann");
    let mut panel = Panel::open(&demo, &ticket);
    let _second = Panel::open(&demo, &ticket);
    assert_eq!(Panel::status(&demo, &ticket).1, 503);
    ann.enter(MEADOW);
    let is_enter = |line: &serde_json::Value| line["field"] == "Avatar.enter";
    panel.until(|| ann.say("enter", &u32_(MEADOW.0)), is_enter);
    // Somebody comes with the ticket, and gets it again.
    let mut again = Tab::open(&demo);
    again.say_to_gate("comeBack", &text(&ticket));
    again.is_welcomed("Ann");
    ann.is_ejected();
    let all = panel.until_the_end();
    assert!(!all.contains(&ticket), "{all}");
    let mut panel = Panel::open(&demo, &ticket);
    again.enter(DoId::NONE);
    panel.until(|| again.say("enter", &u32_(0)), is_enter);
    drop(again);
    panel.until_the_end();
    assert_eq!(Panel::status(&demo, &ticket).1, 404);
    demo.end();
}

#[test]
fn another_version_is_turned_away() {
    let demo = Demo::start(&[]);
    let mut tab = Tab::connect(&demo);
    tab.hello("demo 0");
    assert_eq!(tab.is_ejected().0, 124);
}

#[test]
fn whatever_a_tab_says_the_others_play_on() {
    let demo = Demo::start(&[]);
    for wild in 0..6 {
        let mut tab = Tab::connect(&demo);
        match wild {
            // Not even a hello.
            0 => tab.socket.send_frame(FINAL | crate::harness::websocket::BINARY, &[255; 100]),
            // Bytes that are no WebSocket.
            1 => drop(tab.socket.try_send_raw(&[0; 4096])),
            _ => {
                tab.hello("demo 1");
                match wild {
                    2 => tab.say_to_gate("left", &1u64.to_le_bytes()),
                    3 => tab.say_to_gate("guest", &[0xff, 0xff, 1]),
                    4 => tab.send(&Message::ObjectSetField {
                        do_id: DoId(4100),
                        field: donet::ids::FieldId(0),
                        value: donet::message::Rest(&[]),
                    }),
                    _ => {
                        tab.say_to_gate("guest", &[text("\u{0}"), u8_(255)].concat());
                        tab.is_welcomed("");
                        tab.say("enter", &u32_(u32::MAX));
                        tab.say("walk", &steps(3000.0, -3000.0));
                        tab.say("usePortal", &u32_(u32::MAX));
                        // Where avatars wait nobody looks.
                        let (parent, zone) = (DoId(4000), ZoneId(2));
                        tab.ask_for(Location::new(parent, zone));
                    }
                }
            }
        }
        while tab.socket.receive() != Came::End {}
    }
    let mut tab = Tab::open(&demo);
    tab.guest("Ann", "Ann");
    tab.enter(MEADOW);
    demo.end();
}
