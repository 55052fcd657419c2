//! A demo, and a tab that plays in it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use dclass::{DcFile, Source};
use donet::ids::{ClassId, FieldId, InterestId};
use donet::wire::Reader;
use tempfile::TempDir;

use crate::harness::websocket::{FRAMES, WebSocket};
use crate::harness::{Blob, ClientMessage as Message, Context, DoId, Location, Rest, ZoneId};

const DC: &str = include_str!("../../../src/demo/demo.dc");
const GATE: DoId = DoId(1001);
const WAITING: Location = Location::new(DoId(4000), ZoneId(2));

/// The program. It is killed when dropped.
pub struct Demo {
    child: Child,
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Demo {
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let binary = std::env::var("DONET_BIN");
        let binary = binary.unwrap_or_else(|_| env!("CARGO_BIN_EXE_donet").to_owned());
        let mut command = Command::new(binary);
        command.args(["demo", "--no-browser", "--bind", "127.0.0.1:0"]).args(arguments);
        command.env("TMPDIR", folder.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program is built");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let address = output.lines().map_while(Result::ok).find_map(|line| {
            let url = line.trim().strip_prefix("play")?.trim().strip_prefix("http://")?;
            url.strip_suffix('/')?.parse().ok()
        });
        Demo { child, address: address.expect("it says where it is"), _folder: folder }
    }

    /// Ends it, and checks that it has ended well.
    pub fn end(mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "INT", &pid]).status();
        assert!(sent.expect("kill is there").success());
        assert_eq!(self.child.wait().expect("a child").code(), Some(0));
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
}

pub fn u8_(number: u8) -> Vec<u8> {
    vec![number]
}

pub fn u32_(number: u32) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

pub fn steps(x: f64, y: f64) -> Vec<u8> {
    let number = |steps: f64| ((steps * 10.0).round() as i16).to_le_bytes();
    [number(x), number(y)].concat()
}

fn read_steps(value: &[u8]) -> (f64, f64) {
    let mut reader = Reader::new(value);
    let mut number = || f64::from(reader.u16().expect("a number") as i16) / 10.0;
    (number(), number())
}

/// Something that has come.
#[derive(Clone, PartialEq, Debug)]
enum Heard {
    Own(DoId),
    Enter(DoId, String),
    Leave(DoId),
    Field(DoId, String, Vec<u8>),
    At(DoId, Location),
    Done(InterestId),
    Eject(u16, String),
    Other,
}

/// A tab.
pub struct Tab {
    pub socket: WebSocket,
    dc: DcFile,
    /// What has come and nobody has waited for yet.
    unheard: VecDeque<Heard>,
    pub avatar: DoId,
    pub location: Location,
    interests: u16,
}

impl Tab {
    /// One that has not said hello.
    pub fn connect(demo: &Demo) -> Self {
        Tab {
            socket: WebSocket::connect(demo.address, "/socket", &[FRAMES]),
            dc: dclass::parse(&[Source::new("demo.dc", DC)]).expect("no errors"),
            unheard: VecDeque::new(),
            avatar: DoId::NONE,
            location: WAITING,
            interests: 0,
        }
    }

    pub fn hello(&mut self, version: &str) {
        let hash = self.dc.hash();
        self.send(&Message::Hello { dc_hash: hash, version: Blob(version.as_bytes()) });
    }

    pub fn open(demo: &Demo) -> Self {
        let mut tab = Tab::connect(demo);
        tab.hello("demo 1");
        tab.socket.expect(&Message::HelloResp {});
        tab
    }

    pub fn send(&mut self, message: &Message<'_>) {
        self.socket.send(message);
    }

    fn field(&self, class: &str, name: &str) -> FieldId {
        let class = self.dc.class_by_name(class).expect("a class");
        class.field_by_name(name).expect("a field").id()
    }

    pub fn say_to_gate(&mut self, name: &str, value: &[u8]) {
        let field = self.field("Gate", name);
        self.send(&Message::ObjectSetField { do_id: GATE, field, value: Rest(value) });
    }

    /// Says something of the avatar.
    pub fn say(&mut self, name: &str, value: &[u8]) {
        let (do_id, field) = (self.avatar, self.field("Avatar", name));
        self.send(&Message::ObjectSetField { do_id, field, value: Rest(value) });
    }

    pub fn ask_for(&mut self, location: Location) -> InterestId {
        self.interests += 1;
        let (context, interest) = (Context(1), InterestId(self.interests));
        self.send(&Message::AddInterest { context, interest, location });
        interest
    }

    /// Looks at a zone, until everything in it has come.
    pub fn look(&mut self, location: Location) {
        let interest = self.ask_for(location);
        self.until(|heard| (*heard == Heard::Done(interest)).then_some(()));
    }

    fn class_name(&self, class: ClassId) -> String {
        self.dc.class(class).map_or(String::new(), |class| class.name().to_owned())
    }

    fn understood(&self, datagram: &[u8]) -> Heard {
        let mut reader = Reader::new(datagram);
        let number = reader.u16().expect("a number");
        match Message::decode(number, &mut reader).expect("a message") {
            Message::EnterObjectRequiredOwner { object } => Heard::Own(object.do_id),
            Message::EnterObjectRequired { object } => {
                Heard::Enter(object.do_id, self.class_name(object.class_id))
            }
            Message::ObjectLeaving { do_id } => Heard::Leave(do_id),
            Message::ObjectSetField { do_id, field, value } => {
                let name = self.dc.field(field).expect("a field").name().to_owned();
                Heard::Field(do_id, name, value.0.to_vec())
            }
            Message::ObjectLocation { do_id, location } => Heard::At(do_id, location),
            Message::DoneInterestResp { interest, .. } => Heard::Done(interest),
            Message::Eject { reason, text } => {
                Heard::Eject(reason, String::from_utf8_lossy(text.0).into_owned())
            }
            _ => Heard::Other,
        }
    }

    /// Waits for something, whatever comes before it. What has been waited for, and nothing else, is forgotten.
    fn until<T>(&mut self, mut is_it: impl FnMut(&Heard) -> Option<T>) -> T {
        let mut looked_at = 0;
        loop {
            while looked_at < self.unheard.len() {
                if let Some(found) = is_it(&self.unheard[looked_at]) {
                    self.unheard.remove(looked_at);
                    return found;
                }
                looked_at += 1;
            }
            for datagram in self.socket.datagrams() {
                let heard = self.understood(&datagram);
                if let Heard::At(do_id, location) = heard
                    && do_id == self.avatar
                {
                    self.location = location;
                }
                self.unheard.push_back(heard);
            }
        }
    }

    /// Is let in by a name, and has an avatar.
    pub fn guest(&mut self, name: &str, known_as: &str) -> String {
        self.say_to_gate("guest", &[text(name), u8_(3)].concat());
        self.is_welcomed(known_as)
    }

    /// Has an avatar, and is called so unless that is empty. Returns the ticket.
    pub fn is_welcomed(&mut self, name: &str) -> String {
        let value = self.hears(GATE, "welcome");
        let mut reader = Reader::new(&value);
        let mut text = || String::from_utf8(reader.blob().expect("a text").to_vec()).expect("text");
        let (ticket, known_as) = (text(), text());
        assert!(name.is_empty() || name == known_as, "{known_as}");
        assert_eq!(ticket.len(), 64);
        self.avatar = self.until(|heard| match heard {
            Heard::Own(do_id) => Some(*do_id),
            _ => None,
        });
        ticket
    }

    pub fn is_refused(&mut self) -> String {
        let value = self.hears(GATE, "refused");
        String::from_utf8(Reader::new(&value).blob().expect("a text").to_vec()).expect("text")
    }

    pub fn is_ejected(&mut self) -> (u16, String) {
        self.until(|heard| match heard {
            Heard::Eject(code, text) => Some((*code, text.clone())),
            _ => None,
        })
    }

    /// Enters a District; returns where the server has put the avatar.
    pub fn enter(&mut self, district: DoId) -> (f64, f64) {
        self.say("enter", &u32_(district.0));
        self.is_put()
    }

    pub fn is_put(&mut self) -> (f64, f64) {
        read_steps(&self.hears(self.avatar, "placeAt"))
    }

    /// The value of a field that is said of an object.
    pub fn hears(&mut self, object: DoId, field: &str) -> Vec<u8> {
        self.until(|heard| match heard {
            Heard::Field(do_id, name, value) if *do_id == object && name == field => {
                Some(value.clone())
            }
            _ => None,
        })
    }

    /// The next object of a class that comes into sight and is not the own avatar.
    pub fn sees(&mut self, class: &str) -> DoId {
        let own = self.avatar;
        self.until(|heard| match heard {
            Heard::Enter(do_id, name) if name == class && *do_id != own => Some(*do_id),
            _ => None,
        })
    }

    /// An object goes out of sight.
    pub fn misses(&mut self, object: DoId) {
        self.until(|heard| (*heard == Heard::Leave(object)).then_some(()));
    }

    /// Walks up until it is in a zone; returns where.
    pub fn walk_to_zone(&mut self, zone: ZoneId) -> (f64, f64) {
        self.unheard.clear();
        let (own, mut at) = (self.avatar, None);
        loop {
            let (x, y) = at.unwrap_or((91.0, 68.0));
            self.say("walk", &steps(x, y + 2.0));
            let came = self.until(|heard| match heard {
                Heard::Field(do_id, name, value) if *do_id == own => {
                    ["setXY", "placeAt"].contains(&&**name).then(|| read_steps(value))
                }
                _ => None,
            });
            at = Some(came);
            if self.location.zone == zone {
                return came;
            }
        }
    }

    /// Says that it is far away until it is told that this is wrong; it is put back each time.
    pub fn cheats(&mut self, to: (f64, f64), here: (f64, f64)) -> String {
        self.unheard.clear();
        let own = self.avatar;
        loop {
            self.say("walk", &steps(to.0, to.1));
            assert_eq!(self.is_put(), here);
            let told = self.unheard.iter().find_map(|heard| match heard {
                Heard::Field(do_id, name, value) if *do_id == own && name == "told" => {
                    Some(String::from_utf8_lossy(&value[2..]).into_owned())
                }
                _ => None,
            });
            if let Some(told) = told {
                return told;
            }
        }
    }
}
