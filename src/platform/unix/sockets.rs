//! Sockets of the system: those by which commands reach a daemon, and those that a service manager has.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use listenfd::ListenFd;
use socket2::SockRef;

pub use super::trust::is_in_safe_place;
use super::{files, process};
use crate::platform::PassedSocket;

/// Where commands come to.
pub type Commands = tokio::net::UnixListener;
/// Whoever gives one, as the daemon sees him.
pub type Commander = tokio::net::UnixStream;
/// The daemon, as he sees it.
pub type Commanded = std::os::unix::net::UnixStream;

/// Makes the socket at `path` that only the own user can open, and says which file that is. That of a daemon that has died is replaced,
/// and that of one that lives is not.
///
/// # Errors
/// If it cannot be made, or is in use.
pub fn bind(path: &Path) -> io::Result<(Commands, (u64, u64))> {
    may_replace(path)?;
    // Nobody else can look into this folder, so nobody can connect before the mode is set.
    let folder = path.with_file_name(format!(".donet-{}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&folder)?;
    let bound = bind_in(&folder, path);
    let _ = fs::remove_file(folder.join("s"));
    let _ = fs::remove_dir(&folder);
    bound
}

fn bind_in(folder: &Path, path: &Path) -> io::Result<(Commands, (u64, u64))> {
    let made = folder.join("s");
    let listener = Commands::bind(&made)?;
    fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    let file = files::identity(&fs::symlink_metadata(&made)?);
    fs::rename(&made, path)?;
    Ok((listener, file))
}

/// Whether there is nothing that somebody needs.
fn may_replace(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::other("something else than a socket is there"));
    }
    match Commanded::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("another daemon that runs has it")),
    }
}

/// Whether it is the own user, or root.
pub fn is_trusted(commander: &Commander) -> bool {
    let own = process::user();
    commander.peer_cred().is_ok_and(|peer| [own, 0].contains(&peer.uid()))
}

/// Reaches the daemon whose socket is at `path`.
///
/// # Errors
/// What the system says.
pub fn connect(path: &Path) -> io::Result<Commanded> {
    Commanded::connect(path)
}

/// Whose the daemon is.
///
/// # Errors
/// What the system says.
pub fn owner(commanded: &Commanded) -> io::Result<u32> {
    #[cfg(target_os = "linux")]
    return Ok(rustix::net::sockopt::socket_peercred(commanded)?.uid.as_raw());
    // The standard library does not tell elsewhere: he who could put the socket there.
    #[cfg(not(target_os = "linux"))]
    {
        let address = commanded.peer_addr()?;
        let path = address.as_pathname().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(std::os::unix::fs::MetadataExt::uid(&fs::metadata(path)?))
    }
}

/// A service manager that is told something.
#[derive(Debug)]
pub struct Messenger(UnixDatagram);

impl Messenger {
    /// At a path, or a name that begins with `@`, which is one of Linux's abstract names.
    ///
    /// # Errors
    /// What the system says.
    pub fn to(path: &OsStr) -> io::Result<Self> {
        let address = match path.as_bytes() {
            #[cfg(target_os = "linux")]
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(path)?,
            _ => return Err(io::Error::other("neither a path nor an abstract name")),
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(&address)?;
        Ok(Messenger(socket))
    }

    /// Says something, if it is taken at once.
    ///
    /// # Errors
    /// If it is not.
    pub fn say(&self, text: &str) -> io::Result<()> {
        self.0.send(text.as_bytes()).map(drop)
    }
}

/// The sockets that the environment says have been passed on, each with its number.
pub fn passed() -> Vec<(usize, PassedSocket)> {
    /// The number of the first.
    const FIRST: usize = 3;
    let mut files = ListenFd::from_env();
    let count = files.len();
    let passed = |index| {
        let kind = kind(&mut files, index).unwrap_or_else(|error| {
            // Closed, if it is a Unix socket.
            let _ = files.take_unix_listener(index);
            let _ = files.take_unix_datagram(index);
            PassedSocket::Useless(error.to_string())
        });
        (index + FIRST, kind)
    };
    (0..count).map(passed).collect()
}

fn kind(files: &mut ListenFd, index: usize) -> io::Result<PassedSocket> {
    let none = || io::Error::other("it is there no more");
    if let Ok(socket) = files.take_udp_socket(index) {
        let socket = socket.ok_or_else(none)?;
        socket.set_nonblocking(true)?;
        return Ok(PassedSocket::Udp(socket.local_addr()?, socket));
    }
    let listener = files.take_tcp_listener(index)?.ok_or_else(none)?;
    if !SockRef::from(&listener).is_listener()? {
        let what = "a connection, and not a socket that listens".to_owned();
        return Ok(PassedSocket::Useless(what));
    }
    listener.set_nonblocking(true)?;
    Ok(PassedSocket::Tcp(listener.local_addr()?, listener))
}
