//! Certificates, and peers that encrypt.

use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use donet::wire::{Frames, write_frame};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use super::{LIMIT, wait_until};

/// The old version only.
pub const V1_2: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// Who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its own certificate as PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate with this common name and these other names, and its key.
    fn certify(&self, common_name: &str, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.0).expect("a certificate"), key)
    }

    /// Writes such a certificate and its key; returns the keys of the configuration that name them.
    pub fn write(&self, folder: &Path, common_name: &str, names: &[&str]) -> String {
        let (certificate, key) = self.certify(common_name, names);
        let path = |end: &str| folder.join(format!("{common_name}.{end}"));
        // A key is never there without its certificate for long.
        fs::write(path("pem"), certificate.pem()).expect("the folder is ours");
        fs::write(path("key"), key.serialize_pem()).expect("the folder is ours");
        fs::set_permissions(path("key"), Permissions::from_mode(0o600)).expect("it is ours");
        fs::write(folder.join("authority.pem"), self.pem()).expect("the folder is ours");
        format!("certificate: {}, key_file: {}", path("pem").display(), path("key").display())
    }

    /// Somebody who believes whom it has certified.
    pub fn believer(&self) -> Believer {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("a certificate");
        Believer { roots: Arc::new(roots), versions: rustls::DEFAULT_VERSIONS, own: None }
    }
}

/// Somebody who connects.
#[derive(Clone)]
pub struct Believer {
    roots: Arc<RootCertStore>,
    versions: &'static [&'static SupportedProtocolVersion],
    own: Option<(CertificateDer<'static>, Arc<PrivateKeyDer<'static>>)>,
}

impl Believer {
    pub const fn versions(
        mut self,
        versions: &'static [&'static SupportedProtocolVersion],
    ) -> Self {
        self.versions = versions;
        self
    }

    /// Shows a certificate of this authority.
    pub fn with(mut self, authority: &Authority, common_name: &str, names: &[&str]) -> Self {
        let (certificate, key) = authority.certify(common_name, names);
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        self.own = Some((certificate.der().clone(), Arc::new(key)));
        self
    }

    /// Connects, and does the handshake.
    pub fn connect(&self, address: SocketAddr, name: &str) -> io::Result<Secure> {
        let what = format!("somebody listens at {address}");
        let stream = wait_until(&what, || TcpStream::connect(address).ok());
        self.shake(stream, name)
    }

    /// Does the handshake.
    pub fn shake(&self, mut stream: TcpStream, name: &str) -> io::Result<Secure> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .expect("versions")
            .with_root_certificates(self.roots.clone());
        let config = match &self.own {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => config
                .with_client_auth_cert(vec![certificate.clone()], key.clone_key())
                .expect("they fit"),
        };
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("a client");
        stream.set_read_timeout(Some(LIMIT))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(Secure { stream: StreamOwned::new(tls, stream), buffer: Vec::new() })
    }
}

/// An encrypted connection that carries frames.
#[derive(Debug)]
pub struct Secure {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

impl Secure {
    /// Sends a datagram as a frame.
    pub fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        write_frame(&mut frame, |writer| writer.raw(datagram)).expect("small enough for a frame");
        self.stream.write_all(&frame)?;
        self.stream.flush()
    }

    /// The next datagram.
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(frame) = Frames::new(&self.buffer).next() {
                let datagram = frame.datagram().to_vec();
                self.buffer.drain(..datagram.len() + 2);
                return Ok(datagram);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.buffer.extend_from_slice(&bytes[..count]),
            }
        }
    }

    /// The encrypted connection itself.
    pub fn into_stream(self) -> impl Read + Write + Send {
        self.stream
    }

    /// The certificate that the other end has shown.
    pub fn shown(&self) -> CertificateDer<'static> {
        let shown = self.stream.conn.peer_certificates().expect("a server shows one");
        shown[0].clone().into_owned()
    }
}
