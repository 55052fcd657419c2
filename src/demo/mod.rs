//! `donet demo`: a small world to walk about in, in a browser, with everything that it takes in one process.
//!
//! Beside the daemon, which runs as ever with a configuration that is written for it ([`Demo::prepare`]), there are three tasks in the
//! process: the `ai`, the `uberdog`, and what serves the page (`serve`). The first two come to the daemon by TCP as any other AI and
//! UberDOG do, and are meant to be read as examples of them. The page is in `page`, and comes by WebSocket.
//!
//! Nothing of the daemon knows of it, and without Cargo's feature `demo` it is left out.

mod ai;
mod air;
mod board;
mod browser;
mod cluster;
mod folder;
mod serve;
mod uberdog;
mod values;

use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, anyhow};
use socket2::{Domain, Socket, Type};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::config::{Address, Host};
use crate::hash;
use crate::net::Passed;
use crate::platform::{files, process};
use crate::store::{in_words, tables_of_others};
use ai::Ai;
use air::Air;
use board::Board;
use folder::Folder;
use serve::{Facts, Pages};
use uberdog::UberDog;

/// Where the page is if nobody says so, and nobody else is there.
const USUAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 7170);
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// A control socket's path has to fit 108 bytes.
const FOLDER_BYTES_MAX: usize = 60;
/// So many clients, if there may be enough open files for them: each takes three.
const CLIENTS_MAX: u64 = 4_000;
const FILES_OF_A_CLIENT: u64 = 3;
const FILES_OF_OTHERS: u64 = 300;

/// What somebody wants.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wishes {
    /// Where the page is to be.
    pub bind: Option<Address>,
    /// Not to open a browser.
    pub no_browser: bool,
    /// The SQLite file in which accounts are kept.
    pub database: Option<PathBuf>,
}

/// A demo. Its files are there as long as this is: longer than the daemon, which has some of them open.
pub struct Demo {
    wishes: Wishes,
    folder: Folder,
    /// The configuration for the daemon.
    config: PathBuf,
    control: PathBuf,
    /// The database of accounts, locked, if somebody has named it. It is closed when the daemon has closed it: whoever closes a file
    /// gives up all that SQLite has locked in it.
    accounts: OnceLock<File>,
    page: TcpListener,
    links: SocketAddr,
    clients: SocketAddr,
    console: SocketAddr,
}

impl Demo {
    /// Writes the configuration, and binds all ports, so that nobody can come before; the daemon's are passed on to it.
    ///
    /// # Errors
    /// A port is taken, or a file cannot be written.
    pub fn prepare(wishes: Wishes, passed: &Passed) -> anyhow::Result<Self> {
        let page = listen_for_page(wishes.bind.as_ref())?;
        let below = folder_below();
        let folder = Folder::new(&below);
        let folder = folder
            .with_context(|| format!("cannot make a folder for the demo in {}", below.display()))?;
        let own = || (Ipv4Addr::LOCALHOST, 0).into();
        let mut addresses = Vec::new();
        for what in ["links", "clients", "console"] {
            let listener = listen(own()).context("cannot listen on this machine")?;
            addresses.push(listener.local_addr()?);
            passed.pass(listener, what)?;
        }
        let [links, clients, console] = addresses[..] else { unreachable!("there are three") };
        let control = folder.path().join("control");
        let database = match &wishes.database {
            Some(file) => database_file(file)?,
            None => folder.path().join("accounts.sqlite"),
        };
        let text = include_str!("demo.yml")
            .replace("<<control>>", &quoted(&control))
            .replace("<<database>>", &quoted(&database))
            .replace("<<links>>", &links.to_string())
            .replace("<<clients>>", &clients.to_string())
            .replace("<<console>>", &console.to_string())
            .replace("<<clients_max>>", &clients_max().to_string());
        folder.write("demo.dc", cluster::DC).context("cannot write the demo's files")?;
        let config = folder.write("demo.yml", &text).context("cannot write the demo's files")?;
        let accounts = OnceLock::new();
        Ok(Demo { wishes, folder, config, control, accounts, page, links, clients, console })
    }

    /// Sees to it that no other demo keeps its accounts in the same file: each would write over what the other has noted.
    fn lock_accounts(&self, file: &Path) -> anyhow::Result<()> {
        let open = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        match files::lock(self.accounts.get_or_init(|| open)) {
            Err(TryLockError::WouldBlock) => {
                Err(anyhow!("another demo keeps its accounts in {}", file.display()))
            }
            // A file system without locks.
            Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
        }
    }

    /// The daemon's configuration.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Lets the world live, beside a daemon that is ready. Returns why it lives no more.
    pub async fn run(&self) -> anyhow::Error {
        match self.live().await {
            Ok(never) => match never {},
            Err(error) => error.context("the demo has failed"),
        }
    }

    async fn live(&self) -> anyhow::Result<std::convert::Infallible> {
        if let Some(file) = &self.wishes.database {
            self.lock_accounts(file)?;
        }
        let dc = cluster::classes();
        let board = Arc::<Board>::default();
        let lost = |what: &'static str| move || format!("{what} has lost its link to the daemon");
        // The world first, then whoever lets players into it, then the page.
        let air = Air::connect(self.links, dc.clone(), cluster::AI, "demo's AI").await;
        let ai = Ai::begin(air.context("the AI")?, board.clone(), hash::random()).await;
        let ai = ai.with_context(lost("the AI"))?;
        let air = Air::connect(self.links, dc.clone(), cluster::UBERDOG, "demo's UberDOG").await;
        let uberdog = UberDog::begin(air.context("the UberDOG")?, board.clone()).await;
        let uberdog = uberdog.with_context(lost("the UberDOG"))?;
        let address = self.page.local_addr()?;
        let name = self.wishes.bind.as_ref().and_then(|bind| match &bind.host {
            Host::Name(name) => Some(name.clone()),
            Host::Ip(_) => None,
        });
        let pages = Pages::new(
            Facts { dc, console: self.console, clients: self.clients },
            (self.control.clone(), board),
            (address, name),
        );
        let mut tasks = JoinSet::<anyhow::Result<()>>::new();
        tasks.spawn(async move { ai.run().await.with_context(lost("the AI")) });
        tasks.spawn(async move { uberdog.run().await.with_context(lost("the UberDOG")) });
        tasks.spawn(pages.serve(tokio::net::TcpListener::from_std(self.page.try_clone()?)?));
        self.greet(address);
        match tasks.join_next().await {
            Some(Ok(Err(error))) => Err(error),
            Some(Err(error)) => Err(error).context("a part of it has panicked"),
            Some(Ok(Ok(()))) | None => Err(anyhow!("a part of it has ended")),
        }
    }

    /// Says where everything is, and opens a browser.
    fn greet(&self, address: SocketAddr) {
        let url = format!("http://{}/", browser::reachable(address));
        let mut text = String::new();
        let database = match &self.wishes.database {
            Some(file) => format!("are kept in {}", file.display()),
            None => "last as long as the demo; --database FILE keeps them".to_owned(),
        };
        let _ = writeln!(text, "\nThe demo runs. Every tab of a browser is a player:\n");
        let _ = writeln!(text, "  play      {url}");
        if address.ip().is_unspecified() {
            let port = address.port();
            let _ = writeln!(
                text,
                "            http://ADDRESS:{port}/ for others, by an address of this machine"
            );
        }
        let _ = writeln!(text, "  console   http://{}/", self.console);
        let trace = format!("donet trace --control {}", for_shell(&self.control));
        let _ = writeln!(text, "  messages  {trace}");
        let _ = writeln!(text, "  accounts  {database}\n");
        let _ = writeln!(text, "Ctrl-C ends it.\n");
        // Nobody may be reading.
        let _ = io::Write::write_all(&mut io::stdout(), text.as_bytes());
        if !self.wishes.no_browser {
            browser::open(&url);
        }
        tracing::debug!(folder = %self.folder.path().display(), "the demo runs");
    }
}

/// Where the demo's folder is: for temporary files, unless its path is none that a configuration or a socket can have.
fn folder_below() -> PathBuf {
    let below = std::env::temp_dir();
    let is_usable = below.is_absolute()
        && below.to_str().is_some()
        && below.as_os_str().len() <= FOLDER_BYTES_MAX;
    if is_usable { below } else { PathBuf::from("/tmp") }
}

/// The file of the accounts, which is ours, or is not there yet.
fn database_file(file: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(file).context("--database")?;
    if path.to_str().is_none() {
        return Err(anyhow!("--database: {} is no text in UTF-8", path.display()));
    }
    let known = match fs::metadata(&path) {
        Ok(known) => known,
        Err(_) if path.parent().is_some_and(Path::is_dir) => return Ok(path),
        Err(error) => return Err(anyhow!("--database: {}: {error}", path.display())),
    };
    if !known.is_file() {
        return Err(anyhow!("--database: {} is no file", path.display()));
    }
    if known.len() > 0 {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let tables = runtime.block_on(tables_of_others(&path));
        let tables = tables
            .map_err(|error| anyhow!("--database: {}: {}", path.display(), in_words(&error)))?;
        if !tables.is_empty() {
            return Err(anyhow!(
                "--database: {} is the database of another program: it has the tables {}",
                path.display(),
                tables.join(", ")
            ));
        }
    }
    Ok(path)
}

/// Listens where the page is to be: at the usual port or any that is free, if that is not said.
fn listen_for_page(bind: Option<&Address>) -> anyhow::Result<TcpListener> {
    let Some(address) = bind else {
        let any = || listen((USUAL.0, 0).into());
        return listen(USUAL.into()).or_else(|_| any()).context("cannot listen on this machine");
    };
    let text = address.to_string();
    let all = std::net::ToSocketAddrs::to_socket_addrs(&text);
    let mut all = all.with_context(|| format!("--bind: cannot find {text}"))?;
    let one = all.next().with_context(|| format!("--bind: cannot find {text}"))?;
    listen(one).with_context(|| format!("--bind: cannot listen on {one}"))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// How many clients there may be.
fn clients_max() -> u64 {
    // The daemon does the same. If it cannot, there are fewer.
    let _ = process::raise_files_max();
    let files = process::files_max().unwrap_or(u64::MAX);
    (files.saturating_sub(FILES_OF_OTHERS) / FILES_OF_A_CLIENT).clamp(16, CLIENTS_MAX)
}

/// A path as it is typed.
fn for_shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:".contains(c);
    if text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A path as it stands in the configuration: JSON's texts are YAML's, too, and `${` would be a variable.
fn quoted(path: &Path) -> String {
    let text = serde_json::to_string(&path.to_string_lossy()).expect("a text has a form in JSON");
    text.replace("${", "$${")
}
