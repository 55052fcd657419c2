//! The demo's UberDOG: the program behind the one object that clients may talk to before they are let in, the Gate.
//!
//! An UberDOG is an object that exists by configuration alone (`uberdogs:`): no state server keeps it, and everybody knows its doId. What is
//! sent to it goes to its channel, to which this program subscribes; what it answers it sends to the channel of the client who has asked.
//! It decides who gets in, and leaves what happens in the world to the AI.
//!
//! Here is the conversation with donet. Who gets in is decided by the [`Gate`], which knows no sockets: it is told what has come, and answers
//! with [`Order`]s.

mod accounts;
mod gate;
mod names;
mod passwords;
mod requests;
#[cfg(test)]
mod tests;
mod tickets;
mod visitors;

use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;

use super::air::{Air, borrowed, field_values};
use super::board::Board;
use super::cluster::{DATABASE, FOYER, GATE, LOBBY, REGISTER};
use super::values::{self, Value};
use crate::credentials;
use crate::ids::{Channel, ClassId, Context, DoId, InterestId};
use crate::message::{Blob, ClientAgent, ClientState, Database, FieldValues, Rest, StateServer};
use crate::wire::{self, Envelope, Reader};
use accounts::Entries;
use gate::{Admission, Gate, Order};
use passwords::Passwords;
use requests::{Ask, Record};

/// The interest by which clients see the Districts. Clients number theirs from the other end.
const LOBBY_INTEREST: InterestId = InterestId(60_000);
/// The context of what is asked about the Register. The Gate's begin above it.
const REGISTERED: Context = Context(0);
/// With which a client is ejected whose player has come by another one.
const PLAYS_ELSEWHERE: u16 = 100;

/// The program.
pub struct UberDog {
    air: Air,
    gate: Gate,
    passwords: Passwords,
    board: Arc<Board>,
}

impl UberDog {
    /// Finds the accounts that there are, and opens the Gate. When this returns, clients are heard.
    ///
    /// # Errors
    /// The link is lost.
    pub async fn begin(air: Air, board: Arc<Board>) -> io::Result<Self> {
        let gate = Gate::new(Box::new(credentials::secret));
        let mut uberdog = UberDog { air, gate, passwords: Passwords::start(), board };
        // 1. The Register, which is the first object in every database of the demo.
        let context = REGISTERED;
        uberdog.air.send(DATABASE, &Database::ObjectGetAll { context, do_id: REGISTER });
        while !uberdog.gate.is_open() {
            let datagram = uberdog.air.next().await?;
            uberdog.hear(&datagram);
            uberdog.carry_out();
            if uberdog.gate.is_lost() {
                return Err(io::Error::other("the database is that of another game"));
            }
        }
        // 2. From now on clients reach us.
        uberdog.air.subscribe(GATE.channel());
        uberdog.air.flush().await?;
        Ok(uberdog)
    }

    /// Lets clients in.
    ///
    /// # Errors
    /// The link is lost.
    pub async fn run(mut self) -> io::Result<()> {
        loop {
            tokio::select! {
                datagram = self.air.next() => self.hear(&datagram?),
                (context, outcome) = self.passwords.next() => self.gate.hashed(context, outcome),
            }
            self.carry_out();
        }
    }

    /// Takes a datagram. What it does not understand it does not mind.
    fn hear(&mut self, datagram: &[u8]) {
        let Ok(Envelope { message_type, sender, body, .. }) = Envelope::read(datagram) else {
            return;
        };
        let mut reader = Reader::new(body);
        // What clients say to the Gate. The sender is the client's channel: the client agent sees to that.
        if let Ok(StateServer::ObjectSetField { do_id: GATE, field, value: Rest(value) }) =
            StateServer::decode(message_type, &mut reader.clone())
        {
            let dc = self.air.dc();
            let name = dc.field(field).map_or("", |field| field.name());
            let _ = self.client_says(sender, name, &mut Reader::new(value));
        }
        // A client agent says that a client is there.
        if let Ok(ClientAgent::GetNetworkAddressResp { context, remote_ip: Blob(ip), .. }) =
            ClientAgent::decode(message_type, &mut reader.clone())
        {
            let ip = str::from_utf8(ip).ok().and_then(|ip| ip.parse().ok());
            self.gate.is_there(context, ip.unwrap_or(Ipv6Addr::UNSPECIFIED.into()));
        }
        match Database::decode(message_type, &mut reader) {
            Ok(Database::ObjectGetAllResp { context: REGISTERED, object }) => {
                self.gate.registered(object.map(|(class, fields)| self.entries(class, fields)));
            }
            Ok(Database::ObjectGetAllResp { context, object }) => {
                let record = object.map(|(class, fields)| self.record(class, fields));
                self.gate.found(context, record);
            }
            Ok(Database::ObjectGetFieldResp { context, value }) => {
                let entries = value.map(|(_, Rest(value))| accounts::entries_of(value));
                self.gate.kept(context, entries.as_ref());
            }
            Ok(Database::CreateObjectResp { context: REGISTERED, do_id }) => {
                self.gate.registered(Some((do_id == REGISTER).then(Entries::new)));
            }
            Ok(Database::CreateObjectResp { context, do_id }) => self.gate.created(context, do_id),
            _ => {}
        }
    }

    fn entries(&self, class: ClassId, fields: FieldValues<'_>) -> Option<Entries> {
        accounts::entries(&self.air.dc(), class, fields)
    }

    fn record(&self, class: ClassId, fields: FieldValues<'_>) -> Record {
        accounts::record(&self.air.dc(), class, fields)
    }

    fn client_says(
        &mut self,
        client: Channel,
        name: &str,
        value: &mut Reader<'_>,
    ) -> Result<(), wire::Error> {
        let ask = match name {
            "guest" => Ask::Guest { name: values::text(value)?, colour: value.u8()? },
            "register" => Ask::Register {
                name: values::text(value)?,
                password: values::text(value)?,
                colour: value.u8()?,
            },
            "logIn" => Ask::LogIn { name: values::text(value)?, password: values::text(value)? },
            "comeBack" => Ask::ComeBack { ticket: values::text(value)? },
            // We have asked the client's session to have this said at its end.
            "left" => {
                let client = value.channel()?;
                self.gate.left(client);
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.gate.asked(client, ask);
        Ok(())
    }

    /// Does what the Gate wants.
    fn carry_out(&mut self) {
        for order in self.gate.orders() {
            let air = &mut self.air;
            match order {
                Order::Refuse { client, why } => {
                    air.set_at(client, GATE, "Gate.refused", &[Value::Text(why)]);
                }
                Order::Knock { client, context } => knock(air, client, context),
                Order::Admit(admission) => {
                    self.board.came(&admission.ticket, admission.client);
                    admit(air, &admission);
                }
                Order::Forget { client } => {
                    self.board.left(client);
                    air.set(FOYER, "Foyer.playerLeft", &[Value::U64(client.0)]);
                }
                Order::Eject { client } => {
                    let (reason, text) = (PLAYS_ELSEWHERE, Blob(b"you play in another tab"));
                    air.send(client, &ClientAgent::Eject { reason, text });
                }
                Order::Hash { context, work } => self.passwords.take(context, work),
                Order::MakeRegister => {
                    let fields = [air.packed("Register.setEntries", &[Value::Array(Vec::new())])];
                    create(air, REGISTERED, "Register", &field_values(&fields));
                }
                Order::KeepEntries { context, entries } => keep_entries(air, context, &entries),
                Order::DropAccount { account } => {
                    air.send(DATABASE, &Database::ObjectDelete { do_id: account });
                }
                Order::Find { context, account } => {
                    air.send(DATABASE, &Database::ObjectGetAll { context, do_id: account });
                }
                Order::MakeAccount { context, name, hash, colour } => {
                    let fields = [
                        air.packed("Account.setName", &[Value::Text(name)]),
                        air.packed("Account.setHash", &[Value::Text(hash)]),
                        air.packed("Account.setColour", &[Value::U8(colour)]),
                    ];
                    create(air, context, "Account", &field_values(&fields));
                }
            }
        }
    }
}

fn create(air: &mut Air, context: Context, class: &str, fields: &(u16, Vec<u8>)) {
    let class_id = air.dc().class_by_name(class).expect("demo.dc has it").id();
    let fields = borrowed(fields);
    air.send(DATABASE, &Database::CreateObject { context, class_id, fields });
}

/// The database does not say whether it has kept something, but what it has.
fn keep_entries(air: &mut Air, context: Context, entries: &Entries) {
    let entries = accounts::packed(air, entries);
    let (do_id, field, value) = (REGISTER, entries.field, Rest(&entries.value));
    air.send(DATABASE, &Database::ObjectSetField { do_id, field, value });
    air.send(DATABASE, &Database::ObjectGetField { context, do_id, field });
}

/// Has the client's session tell us of its end, and asks whether it is still there: if it has gone meanwhile, nobody answers, and nobody is
/// let in.
fn knock(air: &mut Air, client: Channel, context: Context) {
    let left = air.packed("Gate.left", &[Value::U64(client.0)]);
    let (field, value) = (left.field, Rest(&left.value));
    let left = StateServer::ObjectSetField { do_id: GATE, field, value };
    let datagram = air.datagram(GATE.channel(), &left);
    air.send(client, &ClientAgent::AddPostRemove { datagram: Blob(&datagram) });
    air.send(client, &ClientAgent::GetNetworkAddress { context });
}

/// Lets a client in: it may do all that its fields allow from now on, sees the Districts, and the AI makes an avatar for it.
fn admit(air: &mut Air, admission: &Admission) {
    let Admission { client, ticket, number, account, name, colour, spot } = admission;
    let client = *client;
    let state = ClientState::Established as u16;
    air.send(client, &ClientAgent::SetState { state });
    let welcome = [Value::from(&**ticket), Value::from(&**name), Value::U8(*colour)];
    air.set_at(client, GATE, "Gate.welcome", &welcome);
    let (interest, location) = (LOBBY_INTEREST, LOBBY);
    air.send(client, &ClientAgent::AddInterest { interest, location });
    let DoId(account) = *account;
    let mut player = vec![
        Value::U64(client.0),
        Value::U32(*number),
        Value::U32(account),
        Value::from(&**name),
        Value::U8(*colour),
    ];
    player.extend(spot.values());
    air.set(FOYER, "Foyer.makeAvatar", &player);
}
