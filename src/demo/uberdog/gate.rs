//! Who gets in. It knows no sockets: it is told what has come, and answers with [`Order`]s.
//!
//! Whoever asks is asked first whether he is there, and from where; from then on his end is told. Guests are let in with that. For others an
//! account is found in the database and its password checked, or a password is hashed and an account made; that is done elsewhere, and
//! known by a context, a number that comes back with the answer.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use super::accounts::Entries;
use super::names::{cleaned, key};
use super::passwords::{Outcome, Work};
use super::requests::{Ask, Record};
use super::tickets::{Holder, Tickets};
use super::visitors::{Visitor, Visitors};
use crate::console::household;
use crate::demo::ai::Spot;
use crate::demo::cluster::COLOURS;
use crate::ids::{Channel, Context, DoId};

/// How many accounts there may be: the Register is one value, and has to fit a datagram.
const ACCOUNTS_MAX: usize = 1_000;
/// How many of them those from one address may make as long as the demo runs.
const ACCOUNTS_OF_ADDRESS_MAX: usize = 50;
/// How many passwords may wait to be hashed at a time, and how many from one address.
const PASSWORDS_MAX: usize = 128;
const PASSWORDS_OF_ADDRESS_MAX: usize = 4;
/// How many clients may be asked at a time whether they are there.
const KNOCKS_MAX: usize = 2_000;
/// The shortest password.
const PASSWORD_CHARS_MIN: usize = 4;
/// Why there is no account.
const NO_ROOM: &str = "The database has no room for an account.";

/// Something that is to be done.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "a field's name and type say all there is to say")]
pub enum Order {
    /// Tell a client why it is not let in.
    Refuse { client: Channel, why: String },
    /// Have a client's end told, and ask whether it is there: [`Gate::left`], [`Gate::is_there`].
    Knock { client: Channel, context: Context },
    /// Let a client in.
    Admit(Admission),
    /// Tell the AI that a client has gone.
    Forget { client: Channel },
    /// Put a client out: its player is there by another one.
    Eject { client: Channel },
    /// Hash or check a password: [`Gate::hashed`].
    Hash { context: Context, work: Work },
    /// Make the Register; there is none yet.
    MakeRegister,
    /// Keep which name has which account, and read it back: [`Gate::kept`].
    KeepEntries { context: Context, entries: Entries },
    /// Delete an account that nobody has been let in with.
    DropAccount { account: DoId },
    /// Find an account: [`Gate::found`].
    Find { context: Context, account: DoId },
    /// Make an account: [`Gate::created`].
    MakeAccount { context: Context, name: String, hash: String, colour: u8 },
}

/// Somebody who gets in.
#[derive(Clone, PartialEq, Debug)]
pub struct Admission {
    /// By which client.
    pub client: Channel,
    /// What he can come back with.
    pub ticket: String,
    /// What he is known by.
    pub number: u32,
    /// His account, if he has one.
    pub account: DoId,
    /// His name.
    pub name: String,
    /// His colour.
    pub colour: u8,
    /// Where he was, as his account has it.
    pub spot: Spot,
}

/// What somebody waits for.
enum Step {
    Knocking { ask: Ask },
    Finding { account: DoId, password: String },
    Checking { account: DoId, record: Option<Record> },
    Hashing { name: String, colour: u8 },
    Creating { name: String, colour: u8 },
    Keeping { name: String, colour: u8, account: DoId },
}

/// As whom somebody gets in.
enum Whom {
    Known { ticket: String },
    New { name: String, colour: u8, account: DoId, spot: Spot },
}

/// The Gate.
pub struct Gate {
    new_ticket: Box<dyn FnMut() -> String + Send>,
    orders: Vec<Order>,
    /// Which name has which account; nobody knows until the database has said so.
    entries: Option<Entries>,
    is_lost: bool,
    /// Names that are about to have one.
    reserved: HashSet<String>,
    /// Accounts of which it is not known yet whether they are kept.
    unsure: Entries,
    /// How many accounts those from one address have made.
    made: HashMap<IpAddr, usize>,
    tickets: Tickets,
    visitors: Visitors,
    steps: HashMap<Context, (Visitor, Step)>,
    /// What clients wait for.
    busy: HashMap<Channel, Context>,
    /// The contexts of those who are asked whether they are there, the oldest first.
    knocks: VecDeque<Context>,
    /// Passwords that wait, and from where.
    passwords: HashMap<Context, IpAddr>,
    last_context: u32,
    last_number: u32,
}

impl Gate {
    /// One that is closed. It is handed tickets that nobody can guess.
    pub fn new(new_ticket: Box<dyn FnMut() -> String + Send>) -> Self {
        Gate {
            new_ticket,
            orders: Vec::new(),
            entries: None,
            is_lost: false,
            reserved: HashSet::new(),
            unsure: Entries::new(),
            made: HashMap::new(),
            tickets: Tickets::default(),
            visitors: Visitors::default(),
            steps: HashMap::new(),
            busy: HashMap::new(),
            knocks: VecDeque::new(),
            passwords: HashMap::new(),
            last_context: 0,
            last_number: 0,
        }
    }

    /// What is to be done since this was asked last.
    pub fn orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// How many wait for something.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.steps.len()
    }

    /// Whether it is known which accounts there are.
    pub const fn is_open(&self) -> bool {
        self.entries.is_some()
    }

    /// Whether something else is where the Register should be, so that there can be none.
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// What the Register says; nothing if there is none yet, and nothing in it if that is something else.
    pub fn registered(&mut self, found: Option<Option<Entries>>) {
        match found {
            None => self.orders.push(Order::MakeRegister),
            Some(entries) => {
                self.is_lost = entries.is_none();
                self.entries = entries;
            }
        }
    }

    /// A client wants to get in.
    pub fn asked(&mut self, client: Channel, ask: Ask) {
        if self.tickets.plays(client) {
            return self.refuse(client, "You are in already.");
        }
        if let Some(context) = self.busy.get(&client).copied() {
            // Nobody may have been there to answer, and somebody else has the channel now.
            if !matches!(self.steps.get(&context), Some((_, Step::Knocking { .. }))) {
                return self.refuse(client, "One thing at a time, please.");
            }
            self.answered(context);
        }
        match self.visitors.with(client) {
            Some(visitor) => self.begin(visitor, ask),
            None => self.knock(client, ask),
        }
    }

    /// Asks whether a client is there before anything is done for it.
    fn knock(&mut self, client: Channel, ask: Ask) {
        if self.knocks.len() >= KNOCKS_MAX
            && let Some(oldest) = self.knocks.pop_front()
        {
            self.answered(oldest);
        }
        let context = self.wait(Visitor::unknown(client), Step::Knocking { ask });
        self.knocks.push_back(context);
        self.orders.push(Order::Knock { client, context });
    }

    /// It is, and comes from this address.
    pub fn is_there(&mut self, context: Context, address: IpAddr) {
        // They are asked and answer one after the other: who has been asked before and has not answered has gone.
        while let Some(knock) = self.knocks.pop_front_if(|knock| knock.0 <= context.0) {
            if knock != context {
                self.answered(knock);
            }
        }
        let Some((Visitor { client, .. }, Step::Knocking { ask })) = self.answered(context) else {
            return;
        };
        let visitor = self.visitors.came(client, household(address));
        self.begin(visitor, ask);
    }

    fn begin(&mut self, visitor: Visitor, ask: Ask) {
        match ask {
            Ask::Guest { name, colour } => {
                let (account, spot) = (DoId::NONE, Spot::default());
                self.admit(visitor, Whom::New { name: cleaned(&name), colour, account, spot });
            }
            Ask::Register { name, password, colour } => {
                self.register(visitor, cleaned(&name), password, colour);
            }
            Ask::LogIn { name, password } => self.log_in(visitor, &cleaned(&name), password),
            Ask::ComeBack { ticket } => match self.tickets.holder(&ticket) {
                Some(_) => self.admit(visitor, Whom::Known { ticket }),
                None => {
                    self.refuse(visitor.client, "You have been away for too long: log in anew.")
                }
            },
        }
    }

    fn register(&mut self, visitor: Visitor, name: String, password: String, colour: u8) {
        let client = visitor.client;
        let entries = self.entries.as_ref().map_or(0, Entries::len);
        let is_taken = self.account(&name).is_some() || self.reserved.contains(&key(&name));
        let made = self.made.get(&visitor.address).copied().unwrap_or_default();
        if name.is_empty() {
            self.refuse(client, "An account needs a name.");
        } else if password.chars().count() < PASSWORD_CHARS_MIN {
            self.refuse(client, "A password needs four characters at least.");
        } else if is_taken {
            self.refuse(client, "Somebody has this name already.");
        } else if entries + self.reserved.len() >= ACCOUNTS_MAX || made >= ACCOUNTS_OF_ADDRESS_MAX {
            self.refuse(client, "There are as many accounts as there may be.");
        } else if self.may_hash(visitor) {
            self.reserved.insert(key(&name));
            self.hash(visitor, Step::Hashing { name, colour }, Work::Make(password));
        }
    }

    fn log_in(&mut self, visitor: Visitor, name: &str, password: String) {
        if !self.may_hash(visitor) {
            return;
        }
        match self.account(name) {
            Some(account) => {
                let context = self.wait(visitor, Step::Finding { account, password });
                self.passwords.insert(context, visitor.address);
                self.orders.push(Order::Find { context, account });
            }
            None => self.check(visitor, DoId::NONE, password, None),
        }
    }

    fn account(&self, name: &str) -> Option<DoId> {
        self.entries.as_ref()?.get(&key(name)).copied()
    }

    /// Whether one more password may wait.
    fn may_hash(&mut self, visitor: Visitor) -> bool {
        let from_there = self.passwords.values().filter(|from| **from == visitor.address).count();
        let may = self.passwords.len() < PASSWORDS_MAX && from_there < PASSWORDS_OF_ADDRESS_MAX;
        if !may {
            self.refuse(visitor.client, "Many are logging in just now. Try again in a moment.");
        }
        may
    }

    fn check(&mut self, visitor: Visitor, account: DoId, password: String, record: Option<Record>) {
        let hash = record.as_ref().map(|record| record.hash.clone());
        self.hash(visitor, Step::Checking { account, record }, Work::Check { password, hash });
    }

    fn hash(&mut self, visitor: Visitor, step: Step, work: Work) {
        let context = self.wait(visitor, step);
        self.passwords.insert(context, visitor.address);
        self.orders.push(Order::Hash { context, work });
    }

    /// The database has an account, or not.
    pub fn found(&mut self, context: Context, record: Option<Record>) {
        let Some((visitor, step)) = self.answered(context) else { return };
        if let Step::Finding { account, password } = step {
            self.passwords.remove(&context);
            self.check(visitor, account, password, record);
        }
    }

    /// A password has been hashed, or checked.
    pub fn hashed(&mut self, context: Context, outcome: Outcome) {
        self.passwords.remove(&context);
        let Some((visitor, step)) = self.answered(context) else { return };
        match (step, outcome) {
            (Step::Hashing { name, colour }, Outcome::Made(hash)) => {
                let step = Step::Creating { name: name.clone(), colour };
                let context = self.wait(visitor, step);
                self.orders.push(Order::MakeAccount { context, name, hash, colour });
            }
            (Step::Checking { account, record: Some(record) }, Outcome::Checked(true)) => {
                let Record { name, colour, spot, .. } = record;
                let name = cleaned(&name);
                let whom = match self.tickets.of_account(account) {
                    Some(ticket) => Whom::Known { ticket },
                    None => Whom::New { name, colour, account, spot },
                };
                self.admit(visitor, whom);
            }
            (step, _) => {
                if let Step::Hashing { name, .. } = step {
                    self.reserved.remove(&key(&name));
                }
                self.refuse(visitor.client, "There is no such name with such a password.");
            }
        }
    }

    /// The database has made an account; 0 if it has not.
    pub fn created(&mut self, context: Context, account: DoId) {
        let Some((visitor, Step::Creating { name, colour })) = self.answered(context) else {
            return;
        };
        if !account.is_some() {
            self.reserved.remove(&key(&name));
            return self.refuse(visitor.client, NO_ROOM);
        }
        self.unsure.insert(key(&name), account);
        let entries = self.all_entries();
        let context = self.wait(visitor, Step::Keeping { name, colour, account });
        self.orders.push(Order::KeepEntries { context, entries });
    }

    /// The database has said what the Register says, after it was to keep something. Nobody is welcome with an account that is lost when the
    /// demo ends.
    pub fn kept(&mut self, context: Context, entries: Option<&Entries>) {
        let Some((visitor, Step::Keeping { name, colour, account })) = self.answered(context)
        else {
            return;
        };
        let name_key = key(&name);
        self.reserved.remove(&name_key);
        self.unsure.remove(&name_key);
        if entries.and_then(|entries| entries.get(&name_key)) == Some(&account) {
            self.entries.get_or_insert_default().insert(name_key, account);
            *self.made.entry(visitor.address).or_default() += 1;
            let spot = Spot::default();
            return self.admit(visitor, Whom::New { name, colour, account, spot });
        }
        // What somebody else has had kept meanwhile may have it.
        let entries = self.all_entries();
        self.orders.push(Order::KeepEntries { context, entries });
        self.orders.push(Order::DropAccount { account });
        self.refuse(visitor.client, NO_ROOM);
    }

    /// What the Register should say.
    fn all_entries(&self) -> Entries {
        let kept = self.entries.iter().flatten();
        kept.chain(&self.unsure).map(|(name, account)| (name.clone(), *account)).collect()
    }

    /// Lets somebody in, if he is still there.
    fn admit(&mut self, visitor: Visitor, whom: Whom) {
        let client = visitor.client;
        if self.visitors.with(client) != Some(visitor) {
            return;
        }
        if !self.tickets.has_room() {
            return self.refuse(client, "The demo is full.");
        }
        let (ticket, spot) = match whom {
            Whom::Known { ticket } => (ticket, Spot::default()),
            Whom::New { name, colour, account, spot } => {
                // He may have come by another client meanwhile.
                let known = account.is_some().then(|| self.tickets.of_account(account)).flatten();
                (known.unwrap_or_else(|| self.new_holder(name, colour, account)), spot)
            }
        };
        if let Some(before) = self.tickets.begin(&ticket, client) {
            self.orders.push(Order::Eject { client: before });
        }
        // It may have been given up meanwhile, which hardly happens.
        let Some(holder) = self.tickets.holder(&ticket).cloned() else {
            return self.refuse(client, "The demo is full.");
        };
        let Holder { number, account, name, colour, .. } = holder;
        let admission = Admission { client, ticket, number, account, name, colour, spot };
        self.orders.push(Order::Admit(admission));
    }

    fn new_holder(&mut self, name: String, colour: u8, account: DoId) -> String {
        self.last_number += 1;
        let (ticket, number) = ((self.new_ticket)(), self.last_number);
        let name = if name.is_empty() { format!("Guest {number}") } else { name };
        let colour = colour % COLOURS;
        let holder = Holder { number, account, name, colour, client: None };
        self.tickets.give(ticket.clone(), holder);
        ticket
    }

    /// A client has gone that has been asked to say so.
    pub fn left(&mut self, client: Channel) {
        self.orders.push(Order::Forget { client });
        self.visitors.left(client);
        // What is under way for it goes on, and is for nobody.
        self.busy.remove(&client);
        self.tickets.end(client);
    }

    fn refuse(&mut self, client: Channel, why: &str) {
        self.orders.push(Order::Refuse { client, why: why.to_owned() });
    }

    fn wait(&mut self, visitor: Visitor, step: Step) -> Context {
        self.last_context = self.last_context.checked_add(1).unwrap_or(1);
        let context = Context(self.last_context);
        self.busy.insert(visitor.client, context);
        self.steps.insert(context, (visitor, step));
        context
    }

    fn answered(&mut self, context: Context) -> Option<(Visitor, Step)> {
        let (visitor, step) = self.steps.remove(&context)?;
        if self.busy.get(&visitor.client) == Some(&context) {
            self.busy.remove(&visitor.client);
        }
        Some((visitor, step))
    }
}
