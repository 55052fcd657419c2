//! Clients of the OTP era: byte for byte what they say and hear.
//!
//! Datagrams are put together here number by number, and not by the messages of `message/`, which would be compared with themselves.

mod alter_model;
mod conversation;
mod hostile;
mod interests;
mod login;
mod owners;
#[cfg(feature = "lua")]
mod scripting;
mod zones_2003;

use super::*;
use crate::config::{Era, LoginTo, OtpConfig, OwnerView, VisibleZones};

/// The UberDOG for log-ins: of its class `data` is the only field with a blob.
const LOGIN_TO: DoId = AVATAR_UBERDOG;
const ROOT: u32 = 4618;

/// A datagram in the making.
#[derive(Clone, PartialEq, Eq)]
struct Bytes(Vec<u8>);

fn dg(number: u16) -> Bytes {
    Bytes(Vec::new()).u16(number)
}

impl Bytes {
    fn u8(self, number: u8) -> Self {
        self.raw(&[number])
    }

    fn u16(self, number: u16) -> Self {
        self.raw(&number.to_le_bytes())
    }

    fn u32(self, number: u32) -> Self {
        self.raw(&number.to_le_bytes())
    }

    fn text(self, text: &str) -> Self {
        self.u16(text.len() as u16).raw(text.as_bytes())
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = u16::from_le_bytes([self.0[0], self.0[1]]);
        write!(f, "{number}:{:?}", &self.0[2..])
    }
}

fn otp_config(era: Era, change: impl FnOnce(&mut OtpConfig)) -> OtpConfig {
    let mut config = OtpConfig::of(era);
    config.login_to = Some(LoginTo { do_id: LOGIN_TO, class: Some("Avatar".to_owned()) });
    change(&mut config);
    config
}

impl Agent {
    /// An agent for clients of 2005 to 2013.
    fn otp() -> Self {
        Self::otp_with(Era::Otp, |_| {}, |_| {})
    }

    fn otp_with(
        era: Era,
        change_type: impl FnOnce(&mut OtpConfig),
        change: impl FnOnce(&mut ClientAgentConfig),
    ) -> Self {
        Self::with(|config| {
            config.client.kind = ClientKind::Otp(Arc::new(otp_config(era, change_type)));
            change(config);
        })
    }

    fn says(&mut self, client: TestClient, datagram: Bytes) {
        self.send_datagram(client, &datagram.0);
    }

    #[track_caller]
    fn hears(&mut self, client: TestClient, expected: &[Bytes]) {
        let told: Vec<Bytes> = self.told(client).into_iter().map(Bytes).collect();
        assert!(told == expected, "told {told:?}\nexpected {expected:?}");
    }

    /// A client that plays.
    fn playing(&mut self) -> TestClient {
        let client = self.connect();
        self.cluster(client.channel, &ClientAgent::SetState { state: 2 });
        self.routed();
        client
    }

    /// That the client has been put out with this reason, as the last that it was told.
    #[track_caller]
    fn gets_lost(&mut self, client: TestClient, reason: u16) -> String {
        let told = self.told(client);
        let last = told.last().expect("an eject");
        assert_eq!(last[..4], dg(4).u16(reason).0, "{}", last.escape_ascii());
        let length = usize::from(u16::from_le_bytes([last[4], last[5]]));
        assert_eq!(last.len(), 6 + length);
        assert_eq!(self.closed.get(&client.key), Some(&CloseKind::Flushed));
        String::from_utf8(last[6..].to_vec()).expect("text")
    }

    /// The client opens or alters an interest, of which these zones are asked for.
    #[track_caller]
    fn asks_for(
        &mut self,
        client: TestClient,
        interest: u16,
        parent: u32,
        zones: &[u32],
        asked: &[u32],
    ) -> Context {
        self.says(client, add_interest(interest, u32::from(interest) + 70, parent, zones));
        self.query(client.channel, DoId(parent), asked)
    }

    /// The same, answered with these objects.
    #[track_caller]
    fn opens(&mut self, client: TestClient, interest: u16, at: Location, objects: &[u32]) {
        let context = self.asks_for(client, interest, at.parent.0, &[at.zone.0], &[at.zone.0]);
        self.answer_count(client, context, objects.len() as u32);
        for &do_id in objects {
            self.answer_object(client, context, avatar(do_id, at));
        }
        let mut expected: Vec<Bytes> = objects.iter().map(|&id| create(id, at)).collect();
        expected.push(done(interest, u32::from(interest) + 70));
        self.hears(client, &expected);
    }
}

fn add_interest(interest: u16, context: u32, parent: u32, zones: &[u32]) -> Bytes {
    let head = dg(97).u16(interest).u32(context).u32(parent);
    zones.iter().fold(head, |bytes, zone| bytes.u32(*zone))
}

fn remove_interest(interest: u16, context: u32) -> Bytes {
    dg(99).u16(interest).u32(context)
}

fn done(interest: u16, context: u32) -> Bytes {
    dg(48).u16(interest).u32(context)
}

/// An avatar called "ann" with health 9 comes into sight.
fn create(do_id: u32, at: Location) -> Bytes {
    dg(34).u32(at.parent.0).u32(at.zone.0).u16(AVATAR.0).u32(do_id).text("ann").u8(9)
}

fn disable(do_id: u32) -> Bytes {
    dg(25).u32(do_id)
}

fn location(do_id: u32, at: Location) -> Bytes {
    dg(102).u32(do_id).u32(at.parent.0).u32(at.zone.0)
}

fn update(do_id: u32, name: &str, value: &[u8]) -> Bytes {
    dg(24).u32(do_id).u16(field(name).0).raw(value)
}
