//! clientagent.md: what clients may do, what they are told, and how sessions end.

mod bans;
mod cluster_messages;
mod connection;
mod crowds;
mod ejects;
mod ending;
mod following;
pub mod interest_changes;
pub mod interests;
mod merging;
mod objects;
mod offences;
mod order;
mod permission;
mod proxy_protocol;
mod resuming;
#[cfg(feature = "lua")]
mod scripting;
mod session_objects;
mod silence;
mod updates;
mod writing;

use crate::harness::world::{DC_HASH, VERSION, avatar, login, mail};
use crate::harness::*;

/// The channels of clients; which of them the first one gets, nobody knows.
pub const FIRST: Channel = Channel(3_000_000);
pub const LAST: Channel = Channel(FIRST.0 + 999);
/// Who speaks to sessions: an UberDOG or AI.
pub const SERVER: Channel = Channel(5_000);
/// Everyone may talk to this one.
pub const LOGIN: DoId = DoId(1_234);
/// Only those who have logged in may talk to this one.
pub const MAIL: DoId = DoId(1_235);

pub const PARENT: DoId = DoId(10_000);
pub const OBJECT: DoId = DoId(10_001);
pub const OTHER: DoId = DoId(10_002);
pub const ZONE: ZoneId = ZoneId(77);
pub const HERE: Location = Location { parent: PARENT, zone: ZONE };
pub const THERE: Location = Location { parent: PARENT, zone: ZoneId(88) };
pub const INTEREST: InterestId = InterestId(5);

/// The channel of a client's session.
pub fn channel_of(daemon: &Daemon, client: &Client) -> Channel {
    channel_of_port(daemon, client.address().port())
}

/// The channel of the session whose client has this port. Only the cluster can know it: it asks them all.
pub fn channel_of_port(daemon: &Daemon, port: u16) -> Channel {
    const ASKER: Channel = Channel(5_999);
    let mut asker = daemon.link();
    asker.subscribe(ASKER);
    asker.send(Channel::CLIENTS, ASKER, &ClientAgent::GetNetworkAddress { context: Context(0) });
    loop {
        let answer = asker.receive();
        let Cluster::ClientAgent(ClientAgent::GetNetworkAddressResp { remote_port, .. }) =
            answer.message()
        else {
            panic!("{answer:?} instead of an address");
        };
        if remote_port == port {
            return answer.envelope().sender;
        }
    }
}

/// A daemon with a client agent whose keys are the usual ones and `more`.
pub fn setup(more: &str) -> Setup {
    Setup::new()
        .uberdog(format!("id: {LOGIN}, class: Login, anonymous: true"))
        .uberdog(format!("id: {MAIL}, class: Mail, anonymous: false"))
        .role(format!(
            "type: clientagent, bind: $CA, version: {VERSION}, manual_dc_hash: {DC_HASH}, \
             channels: {{min: {FIRST}, max: {LAST}}}{more}"
        ))
}

/// A daemon, a link that plays the whole cluster, and clients.
pub struct Stage {
    pub daemon: Daemon,
    pub server: Link,
}

impl Stage {
    /// With clients that may open any interest and move what they own.
    pub fn start() -> Self {
        Self::with(", client: {relocate: true, add_interest: enabled}")
    }

    /// With other keys of the client agent.
    pub fn with(more: &str) -> Self {
        Self::of(setup(more))
    }

    pub fn of(setup: Setup) -> Self {
        let daemon = setup.start();
        let server = daemon.link();
        Stage { daemon, server }
    }

    /// Says something to a session.
    pub fn tell(&mut self, session: impl To, message: &impl Message) {
        self.server.send(session, SERVER, message);
    }

    /// A client that has said hello, and its session's channel.
    pub fn anonymous(&mut self) -> (Client, Channel) {
        let mut client = self.daemon.client();
        client.hello();
        let channel = channel_of(&self.daemon, &client);
        (client, channel)
    }

    /// A client that has logged in, and its session's channel.
    pub fn established(&mut self) -> (Client, Channel) {
        let (mut client, channel) = self.anonymous();
        self.tell(channel, &ClientAgent::SetState { state: 2 });
        self.sync(&mut client, channel);
        (client, channel)
    }

    /// Waits until a session has handled all that `server` told it, and expects that the client has
    /// been told nothing since.
    #[track_caller]
    pub fn sync(&mut self, client: &mut Client, session: Channel) {
        let word = b"so far";
        self.tell(session, &ClientAgent::SendDatagram { datagram: Blob(word) });
        let came = client.receive();
        assert_eq!(came, word, "came unexpectedly: {}", came.escape_ascii());
    }

    /// As [`Stage::sync`], for many at once.
    #[track_caller]
    pub fn sync_all(&mut self, clients: &mut [(Client, Channel)]) {
        for (client, session) in clients {
            self.sync(client, *session);
        }
    }

    /// Expects that nothing came to `hearer` of all that the client has sent: an update that it
    /// sends now comes first. `hearer` must hear `LOGIN`.
    #[track_caller]
    pub fn expect_nothing_of(&mut self, client: &mut Client, session: Channel, hearer: &mut Link) {
        let value = Values::new().string("nothing").u8(0);
        client.send(&update(LOGIN, login::LOGIN, &value));
        hearer.expect(LOGIN, session, &routed(LOGIN, login::LOGIN, &value));
    }

    /// A link that hears `channels`.
    pub fn hearer(&self, channels: impl To) -> Link {
        let mut link = self.daemon.link();
        link.subscribe(channels);
        link
    }

    /// Lets a client see an object without an interest: its session is subscribed to the location.
    pub fn show(&mut self, client: &mut Client, session: Channel, do_id: DoId) {
        self.tell(session, &ClientAgent::OpenChannel { channel: HERE.channel() });
        self.sync(client, session);
        let values = seen();
        let object = avatar_at(do_id, HERE, &values);
        self.server.send(HERE, do_id, &StateServer::ObjectEnterLocationWithRequired { object });
        client.expect(&ClientMessage::EnterObjectRequired { object });
    }

    /// Gives a client an avatar.
    pub fn give(&mut self, client: &mut Client, session: Channel, do_id: DoId) {
        let values = seen();
        let object = avatar_at(do_id, HERE, &values);
        self.server.send(session, do_id, &StateServer::ObjectEnterOwnerWithRequired { object });
        client.expect(&ClientMessage::EnterObjectRequiredOwner { object });
    }
}

/// What is seen of an avatar.
pub fn seen() -> Values {
    Values::new().string("flip").i16(3).i16(-4)
}

pub fn avatar_at(do_id: DoId, location: Location, values: &Values) -> ObjectState<'_> {
    ObjectState { do_id, location, class_id: avatar::CLASS, values: Rest(values.bytes()) }
}

/// A field update as a client sends or gets it.
pub fn update(do_id: DoId, field: FieldId, value: &Values) -> ClientMessage<'_> {
    ClientMessage::ObjectSetField { do_id, field, value: Rest(value.bytes()) }
}

/// A field update as the cluster sends or gets it.
pub fn routed(do_id: DoId, field: FieldId, value: &Values) -> StateServer<'_> {
    StateServer::ObjectSetField { do_id, field, value: Rest(value.bytes()) }
}

/// A greeting.
pub fn say(text: &str) -> Values {
    Values::new().string(text)
}

pub const fn leaving(do_id: DoId) -> ClientMessage<'static> {
    ClientMessage::ObjectLeaving { do_id }
}

pub const fn leaving_owner(do_id: DoId) -> ClientMessage<'static> {
    ClientMessage::ObjectLeavingOwner { do_id }
}
