//! What was acknowledged is there after the process was killed, whenever that happened.
//!
//! A writer keeps the daemon busy with creations, changes and deletions, and notes what is acknowledged.
//! At a random moment the daemon is killed (SIGKILL), started again, and asked for everything. No id may
//! be given twice, since in this test none is free again before the range is used up.
//!
//! `DONET_TEST_CRASHES` sets how often (default 20). PostgreSQL takes part if `DONET_TEST_POSTGRES_URL`
//! is set; its server is not killed, only donet is.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use donet::ids::{Channel, ChannelRange, Context, DoId};
use donet::message::{Control, Database, FieldValues, Message, Rest};
use donet::wire::{CONTROL_HEAD, Envelope, Frames, Reader, Writer, write_frame};

const DC: &str = "dclass Account { setName(string name) db; uint32 coins db; };";
const CONTROL: Channel = Channel(75_757);
const SENDER: Channel = Channel(20);
/// Requests that wait for their acknowledgement at any time.
const IN_FLIGHT: usize = 64;
/// Acknowledgements before a kill, at most.
const ACKNOWLEDGED_MAX: u64 = 400;
/// How long after that the kill may come: the length of a few commits.
const DELAY_MAX: Duration = Duration::from_millis(3);
const PATIENCE: Duration = Duration::from_secs(60);

fn crashes() -> u32 {
    match std::env::var("DONET_TEST_CRASHES") {
        Ok(count) => count.parse().expect("DONET_TEST_CRASHES is a number"),
        Err(_) => 20,
    }
}

#[test]
fn sqlite_keeps_what_it_acknowledged() {
    survive("{type: sqlite, file: objects.sqlite}");
}

#[test]
fn yaml_keeps_what_it_acknowledged() {
    survive("{type: yaml, directory: objects}");
}

#[test]
fn postgres_keeps_what_it_acknowledged() {
    let Ok(url) = std::env::var("DONET_TEST_POSTGRES_URL") else {
        println!("skipped: DONET_TEST_POSTGRES_URL is not set");
        return;
    };
    let database = format!("donet_crash_{}", std::process::id());
    execute(&url, &format!("CREATE DATABASE {database}"));
    let mut own = url::Url::parse(&url).expect("a URL");
    own.set_path(&database);
    survive(&format!("{{type: postgres, url: '{own}'}}"));
    execute(&url, &format!("DROP DATABASE {database} WITH (FORCE)"));
}

fn execute(url: &str, sql: &str) {
    use sqlx::{AssertSqlSafe, Connection, PgConnection};
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut connection = PgConnection::connect(url).await.expect("PostgreSQL answers");
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
        done.expect("databases may be created and dropped");
    });
}

fn survive(backend: &str) {
    let seed = std::env::var("DONET_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) << 20 | 1);
    println!("{backend}: DONET_TEST_SEED={seed}");
    let mut random = Random(seed);
    let directory = tempfile::tempdir().expect("a directory");
    let mut accounts = Accounts::default();
    for crash in 0..crashes() {
        let daemon = Daemon::start(directory.path(), backend);
        let mut link = Link::connect(daemon.port);
        accounts.check(&mut link);
        let kill_after = random.below(ACKNOWLEDGED_MAX);
        accounts.work(&mut link, &mut random, kill_after);
        let kill_at = Instant::now() + DELAY_MAX.mul_f64(random.below(1000) as f64 / 1000.0);
        while Instant::now() < kill_at {
            std::hint::spin_loop();
        }
        daemon.kill();
        // What had arrived was acknowledged, whether or not the writer had looked at it.
        accounts.read_rest(&mut link);
        println!("crash {crash}: {} accounts", accounts.stored.len());
    }
    let daemon = Daemon::start(directory.path(), backend);
    accounts.check(&mut Link::connect(daemon.port));
    daemon.kill();
    assert!(accounts.stored.len() > crashes() as usize, "the writer got somewhere");
}

/// A daemon with a message director and a database.
struct Daemon {
    child: Child,
    port: u16,
}

impl Daemon {
    fn start(directory: &Path, backend: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.expect("a free port").port();
        let config = format!(
            "general: {{dc_files: [test.dc]}}\n\
             messagedirector: {{bind: '127.0.0.1:{port}'}}\n\
             roles:\n  - type: database\n    control: {CONTROL}\n    \
             generate: {{min: 1000000, max: 2000000}}\n    backend: {backend}\n"
        );
        std::fs::write(directory.join("test.dc"), DC).expect("written");
        let file = directory.join("config.yml");
        std::fs::write(&file, config).expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_donet"))
            .arg("--config")
            .arg(&file)
            // The control socket of a daemon that is killed stays.
            .env("XDG_RUNTIME_DIR", directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the daemon runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut log = Vec::new();
        loop {
            match lines.next() {
                Some(Ok(line)) if line.ends_with("ready") => break,
                Some(Ok(line)) => log.push(line),
                _ => panic!("the daemon does not start:\n{}", log.join("\n")),
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
        Daemon { child, port }
    }

    fn kill(mut self) {
        self.child.kill().expect("SIGKILL is sent");
        self.child.wait().expect("it ends");
    }
}

/// A connection to the message director.
struct Link {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Link {
    fn connect(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("the daemon listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        socket.set_nodelay(true).expect("set");
        let mut link = Link { socket, received: Vec::new() };
        let all =
            ChannelRange::new(DoId(0).database_broadcast(), DoId(u32::MAX).database_broadcast());
        let all = all.expect("a range");
        let mut frames = Vec::new();
        for message in [
            Control::AddChannel { channel: SENDER },
            Control::AddRange { low: all.low(), high: all.high() },
        ] {
            let write = |writer: &mut Writer<'_>| {
                writer.raw(&CONTROL_HEAD);
                message.write(writer);
            };
            write_frame(&mut frames, write).expect("small");
        }
        link.socket.write_all(&frames).expect("sent");
        link
    }

    /// Sends a request; whether the daemon was there to take it.
    fn send(&mut self, message: &Database<'_>) -> bool {
        let mut frame = Vec::new();
        let write = |writer: &mut Writer<'_>| message.write_datagram(writer, &[CONTROL], SENDER);
        write_frame(&mut frame, write).expect("small");
        self.socket.write_all(&frame).is_ok()
    }

    /// Reads what arrives next, and calls `take` with each message; whether anything did.
    fn receive(&mut self, mut take: impl FnMut(&Database<'_>)) -> bool {
        let mut buffer = [0; 1 << 16];
        let Ok(length @ 1..) = self.socket.read(&mut buffer) else {
            return false;
        };
        self.received.extend_from_slice(&buffer[..length]);
        let whole = Frames::whole_bytes(&self.received);
        for frame in Frames::new(&self.received[..whole]) {
            let envelope = Envelope::read(frame.datagram()).expect("complete");
            let mut reader = Reader::new(envelope.body);
            let message = Database::decode(envelope.message_type, &mut reader);
            take(&message.expect("a message of a database server"));
        }
        self.received.drain(..whole);
        true
    }
}

/// What the writer knows of an account.
#[derive(Debug)]
struct Account {
    name: String,
    /// The last number of coins that was acknowledged, and the last that was sent.
    acknowledged: u32,
    sent: u32,
    delete_sent: bool,
    deleted: bool,
}

/// Everything that was ever written.
#[derive(Default)]
struct Accounts {
    stored: BTreeMap<DoId, Account>,
    /// Names of accounts whose creation was sent.
    creating: HashMap<Context, String>,
    created: u32,
    acknowledged: u64,
    pending: usize,
}

const NAME: u16 = 0;
const COINS: u16 = 1;

impl Accounts {
    /// Keeps requests in flight until `count` are acknowledged.
    fn work(&mut self, link: &mut Link, random: &mut Random, count: u64) {
        self.creating.clear();
        (self.acknowledged, self.pending) = (0, 0);
        let recent: Vec<DoId> = self.stored.keys().rev().take(50).copied().collect();
        while self.acknowledged < count {
            while self.pending < IN_FLIGHT {
                self.pending += 1;
                let chosen = recent.get(random.below(150) as usize).copied();
                let chosen = chosen.filter(|do_id| !self.stored[do_id].delete_sent);
                let sent = match chosen {
                    None => self.create(link),
                    Some(do_id) => self.change(link, do_id, random.below(40) == 0),
                };
                assert!(sent, "the daemon ended by itself");
            }
            assert!(link.receive(|message| self.take(message)), "the daemon answers");
        }
    }

    fn create(&mut self, link: &mut Link) -> bool {
        self.created += 1;
        let context = Context(self.created);
        let name = format!("account {}", self.created);
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.u16(NAME);
        writer.blob(name.as_bytes());
        writer.u16(COINS);
        writer.u32(0);
        self.creating.insert(context, name);
        let fields = FieldValues { count: 2, bytes: &bytes };
        link.send(&Database::CreateObject { context, class_id: dclass::ClassId(0), fields })
    }

    fn change(&mut self, link: &mut Link, do_id: DoId, delete: bool) -> bool {
        let account = self.stored.get_mut(&do_id).expect("a known account");
        if delete {
            account.delete_sent = true;
            return link.send(&Database::ObjectDelete { do_id });
        }
        account.sent += 1;
        let value = account.sent.to_le_bytes();
        let field = dclass::FieldId(COINS);
        link.send(&Database::ObjectSetField { do_id, field, value: Rest(&value) })
    }

    fn take(&mut self, message: &Database<'_>) {
        self.acknowledged += 1;
        self.pending = self.pending.saturating_sub(1);
        match *message {
            Database::CreateObjectResp { context, do_id } => {
                let name = self.creating.remove(&context).expect("an answer to a request");
                assert!(do_id.is_some(), "{name} was not created");
                let account =
                    Account { name, acknowledged: 0, sent: 0, delete_sent: false, deleted: false };
                let other = self.stored.insert(do_id, account);
                assert!(other.is_none(), "{do_id} was given twice: {other:?}");
            }
            Database::ObjectSetField { do_id, value, .. } => {
                let account = self.stored.get_mut(&do_id).expect("a known account");
                account.acknowledged = Reader::new(value.0).u32().expect("coins");
            }
            Database::ObjectDelete { do_id } => {
                self.stored.get_mut(&do_id).expect("a known account").deleted = true;
            }
            ref other => panic!("unexpected {other:?}"),
        }
    }

    fn read_rest(&mut self, link: &mut Link) {
        while link.receive(|message| self.take(message)) {}
    }

    /// Asks for every account and compares.
    fn check(&mut self, link: &mut Link) {
        let ids: Vec<DoId> = self.stored.keys().copied().collect();
        let (mut asked, mut answered) = (0, 0);
        while answered < ids.len() {
            while asked < ids.len() && asked < answered + IN_FLIGHT {
                let context = Context(u32::try_from(asked).expect("few"));
                assert!(link.send(&Database::ObjectGetAll { context, do_id: ids[asked] }));
                asked += 1;
            }
            let answering = link.receive(|message| {
                let Database::ObjectGetAllResp { context, object } = *message else {
                    panic!("unexpected {message:?}");
                };
                let do_id = ids[context.0 as usize];
                let account = self.stored.get_mut(&do_id).expect("a known account");
                account.compare(do_id, object.map(|(_, values)| values));
                answered += 1;
            });
            assert!(answering, "the daemon answers");
        }
    }
}

impl Account {
    fn compare(&mut self, do_id: DoId, values: Option<FieldValues<'_>>) {
        let Some(values) = values else {
            assert!(self.delete_sent, "{do_id} is lost: {self:?}");
            self.deleted = true;
            return;
        };
        assert!(!self.deleted, "{do_id} is back: {self:?}");
        // A deletion that was sent and did not happen never will.
        self.delete_sent = false;
        assert_eq!(values.count, 2, "{do_id}: {self:?}");
        let mut reader = Reader::new(values.bytes);
        assert_eq!(reader.u16(), Ok(NAME));
        assert_eq!(reader.blob(), Ok(self.name.as_bytes()), "{do_id}");
        assert_eq!(reader.u16(), Ok(COINS));
        let coins = reader.u32().expect("coins");
        let possible = self.acknowledged..=self.sent;
        assert!(possible.contains(&coins), "{do_id} has {coins}, not {possible:?}");
        (self.acknowledged, self.sent) = (coins, coins);
    }
}

/// xorshift64: good enough to choose moments.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
