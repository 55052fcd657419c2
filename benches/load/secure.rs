//! Clients that encrypt: a certificate for the daemon, and a socket that may be TLS.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// Whom the certificate is for.
const NAME: &str = "load.example";
/// The daemon's certificate and its key, in its folder.
pub const FILES: (&str, &str) = ("load.pem", "load.key");

/// Writes a certificate and its key into `folder`; returns what clients need that trust it. Each of them does a whole handshake.
pub fn prepare(folder: &Path) -> Result<Arc<ClientConfig>> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    fs::write(folder.join(FILES.0), made.cert.pem())?;
    fs::write(folder.join(FILES.1), made.signing_key.serialize_pem())?;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// A socket that never waits.
pub struct Socket {
    pub stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Socket {
    /// Begins a handshake, if there is to be one.
    pub fn new(stream: TcpStream, config: Option<&Arc<ClientConfig>>) -> Result<Socket> {
        let tls = match config {
            None => None,
            Some(config) => {
                let connection =
                    ClientConnection::new(config.clone(), ServerName::try_from(NAME)?)?;
                Some(Box::new(connection))
            }
        };
        let mut socket = Socket { stream, tls };
        match socket.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error.into()),
            _ => Ok(socket),
        }
    }

    /// Whether a read that does not fill its buffer may leave something unread.
    pub const fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            while tls.wants_write() {
                tls.write_tls(&mut self.stream)?;
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.stream.write(bytes),
            Some(tls) => {
                let taken = tls.writer().write(bytes)?;
                match self.flush() {
                    Err(error) if error.kind() == ErrorKind::WouldBlock && taken == 0 => Err(error),
                    Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
                    _ => Ok(taken),
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.stream)?;
            }
        }
        Ok(())
    }
}
