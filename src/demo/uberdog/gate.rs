//! Who gets in. It knows no sockets: it is told what has come, and answers with [`Order`]s.
//!
//! Whoever asks is let in by three steps, of which guests need the last alone: the account is found in the database, its password is
//! checked beside everything else, and his client says that it is still there. Each has a context, a number by which its answer is known.

use std::collections::{HashMap, HashSet, VecDeque};

use super::accounts::Entries;
use super::names::{cleaned, key};
use super::passwords::{Outcome, Work};
use super::requests::{Ask, Record};
use super::tickets::{Holder, Tickets};
use crate::demo::ai::Spot;
use crate::demo::cluster::COLOURS;
use crate::ids::{Channel, Context, DoId};

/// How many accounts there may be: the Register is one value, and has to fit a datagram.
const ACCOUNTS_MAX: usize = 1_000;
/// How many may wait for a password at a time.
const PASSWORDS_MAX: usize = 32;
/// How many clients may be asked at a time whether they are there. Who has gone does not answer.
const KNOCKS_MAX: usize = 2_000;
/// The shortest password.
const PASSWORD_CHARS_MIN: usize = 4;

/// Something that is to be done.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "a field's name and type say all there is to say")]
pub enum Order {
    /// Tell a client why it is not let in.
    Refuse { client: Channel, why: String },
    /// Ask a client whether it is there, and have it say its end: [`Gate::is_there`], [`Gate::left`].
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
    /// Keep which name has which account.
    KeepEntries(Entries),
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
    Finding { account: DoId, password: String },
    Checking { account: DoId, record: Option<Record> },
    Hashing { name: String, colour: u8 },
    Creating { name: String, colour: u8 },
    Knocking { whom: Whom },
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
    tickets: Tickets,
    steps: HashMap<Context, (Channel, Step)>,
    /// Clients that wait for something.
    busy: HashSet<Channel>,
    /// The contexts of those who are asked whether they are there, the oldest first.
    knocks: VecDeque<Context>,
    waiting_passwords: usize,
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
            tickets: Tickets::default(),
            steps: HashMap::new(),
            busy: HashSet::new(),
            knocks: VecDeque::new(),
            waiting_passwords: 0,
            last_context: 0,
            last_number: 0,
        }
    }

    /// What is to be done since this was asked last.
    pub fn orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
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
        if self.busy.contains(&client) {
            return self.refuse(client, "One thing at a time, please.");
        }
        match ask {
            Ask::Guest { name, colour } => {
                let (account, spot) = (DoId::NONE, Spot::default());
                self.knock(client, Whom::New { name: cleaned(&name), colour, account, spot });
            }
            Ask::Register { name, password, colour } => {
                self.register(client, cleaned(&name), password, colour);
            }
            Ask::LogIn { name, password } => self.log_in(client, &cleaned(&name), password),
            Ask::ComeBack { ticket } => match self.tickets.holder(&ticket) {
                Some(_) => self.knock(client, Whom::Known { ticket }),
                None => self.refuse(client, "The demo has been started anew since you were here."),
            },
        }
    }

    fn register(&mut self, client: Channel, name: String, password: String, colour: u8) {
        let entries = self.entries.as_ref().map_or(0, Entries::len);
        let is_taken = self.account(&name).is_some() || self.reserved.contains(&key(&name));
        if name.is_empty() {
            self.refuse(client, "An account needs a name.");
        } else if password.chars().count() < PASSWORD_CHARS_MIN {
            self.refuse(client, "A password needs four characters at least.");
        } else if is_taken {
            self.refuse(client, "Somebody has this name already.");
        } else if entries + self.reserved.len() >= ACCOUNTS_MAX {
            self.refuse(client, "There are as many accounts as there may be.");
        } else if let Some(()) = self.may_hash(client) {
            self.reserved.insert(key(&name));
            let context = self.wait(client, Step::Hashing { name, colour });
            self.orders.push(Order::Hash { context, work: Work::Make(password) });
        }
    }

    fn log_in(&mut self, client: Channel, name: &str, password: String) {
        if self.may_hash(client).is_none() {
            return;
        }
        match self.account(name) {
            Some(account) => {
                let context = self.wait(client, Step::Finding { account, password });
                self.orders.push(Order::Find { context, account });
            }
            None => self.check(client, DoId::NONE, password, None),
        }
    }

    fn account(&self, name: &str) -> Option<DoId> {
        self.entries.as_ref()?.get(&key(name)).copied()
    }

    /// Whether one more password may wait; it does then.
    fn may_hash(&mut self, client: Channel) -> Option<()> {
        if self.waiting_passwords >= PASSWORDS_MAX {
            self.refuse(client, "Many are logging in just now. Try again in a moment.");
            return None;
        }
        self.waiting_passwords += 1;
        Some(())
    }

    fn check(&mut self, client: Channel, account: DoId, password: String, record: Option<Record>) {
        let hash = record.as_ref().map(|record| record.hash.clone());
        let context = self.wait(client, Step::Checking { account, record });
        self.orders.push(Order::Hash { context, work: Work::Check { password, hash } });
    }

    /// The database has an account, or not.
    pub fn found(&mut self, context: Context, record: Option<Record>) {
        let Some((client, step)) = self.answered(context) else { return };
        if let Step::Finding { account, password } = step {
            self.check(client, account, password, record);
        }
    }

    /// A password has been hashed, or checked.
    pub fn hashed(&mut self, context: Context, outcome: Outcome) {
        let Some((client, step)) = self.answered(context) else { return };
        self.waiting_passwords -= 1;
        match (step, outcome) {
            (Step::Hashing { name, colour }, Outcome::Made(hash)) => {
                let step = Step::Creating { name: name.clone(), colour };
                let context = self.wait(client, step);
                self.orders.push(Order::MakeAccount { context, name, hash, colour });
            }
            (Step::Checking { account, record: Some(record) }, Outcome::Checked(true)) => {
                let Record { name, colour, spot, .. } = record;
                let name = cleaned(&name);
                let whom = match self.tickets.of_account(account) {
                    Some(ticket) => Whom::Known { ticket },
                    None => Whom::New { name, colour, account, spot },
                };
                self.knock(client, whom);
            }
            (step, _) => {
                if let Step::Hashing { name, .. } = step {
                    self.reserved.remove(&key(&name));
                }
                self.refuse(client, "There is no such name with such a password.");
            }
        }
    }

    /// The database has made an account; 0 if it has not.
    pub fn created(&mut self, context: Context, account: DoId) {
        let Some((client, step)) = self.answered(context) else { return };
        let Step::Creating { name, colour } = step else { return };
        self.reserved.remove(&key(&name));
        if !account.is_some() {
            return self.refuse(client, "The database has no room for an account.");
        }
        let entries = self.entries.get_or_insert_default();
        entries.insert(key(&name), account);
        self.orders.push(Order::KeepEntries(entries.clone()));
        self.knock(client, Whom::New { name, colour, account, spot: Spot::default() });
    }

    /// Asks a client that may get in whether it is still there.
    fn knock(&mut self, client: Channel, whom: Whom) {
        if !self.tickets.has_room() {
            return self.refuse(client, "The demo is full.");
        }
        if self.knocks.len() >= KNOCKS_MAX
            && let Some(oldest) = self.knocks.pop_front()
        {
            self.answered(oldest);
        }
        let context = self.wait(client, Step::Knocking { whom });
        self.knocks.push_back(context);
        self.orders.push(Order::Knock { client, context });
    }

    /// It is.
    pub fn is_there(&mut self, context: Context) {
        let Some((client, Step::Knocking { whom })) = self.answered(context) else { return };
        self.knocks.retain(|knock| *knock != context);
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
        self.tickets.end(client);
    }

    fn refuse(&mut self, client: Channel, why: &str) {
        self.orders.push(Order::Refuse { client, why: why.to_owned() });
    }

    fn wait(&mut self, client: Channel, step: Step) -> Context {
        self.last_context = self.last_context.checked_add(1).unwrap_or(1);
        let context = Context(self.last_context);
        self.busy.insert(client);
        self.steps.insert(context, (client, step));
        context
    }

    fn answered(&mut self, context: Context) -> Option<(Channel, Step)> {
        let (client, step) = self.steps.remove(&context)?;
        self.busy.remove(&client);
        Some((client, step))
    }
}
