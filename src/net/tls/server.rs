//! Whom this end says it is, and whom it believes.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    RootCertStore, ServerConfig, SignatureScheme, SupportedProtocolVersion,
};

use super::files::{Identity, Loaded};
use super::x509::Facts;
use crate::config::{TlsConfig, TlsVersion};

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];

fn versions(config: &TlsConfig) -> &'static [&'static SupportedProtocolVersion] {
    match config.min_version {
        TlsVersion::V1_2 => BOTH,
        TlsVersion::V1_3 => NEWEST,
    }
}

/// What those who connect get.
pub(super) fn for_listening(
    config: &TlsConfig,
    loaded: &Loaded,
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions(config))?;
    let builder = match &loaded.authority {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
            let verifier =
                if config.is_optional { verifier.allow_unauthenticated() } else { verifier };
            let verifier = verifier.build().map_err(|error| Error::General(error.to_string()))?;
            let allowed = config.allowed_names.iter().map(|name| name.to_lowercase()).collect();
            builder.with_client_cert_verifier(Arc::new(Named { verifier, allowed }))
        }
    };
    let mut server = builder.with_cert_resolver(Arc::new(ByName::new(&loaded.identities)));
    if config.is_for_links {
        // They come seldom, and are to be judged anew each time.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
    } else {
        // Its keys change by themselves, and with the files.
        server.ticketer = rustls::crypto::ring::Ticketer::new()?;
        server.send_tls13_tickets = 1;
    }
    Ok(server)
}

/// What the upstream gets.
pub(super) fn for_connecting(
    config: &TlsConfig,
    loaded: &Loaded,
    provider: &Arc<CryptoProvider>,
) -> Result<ClientConfig, Error> {
    let roots = loaded.authority.clone().unwrap_or_else(|| Arc::new(RootCertStore::empty()));
    let own = Own(loaded.identities[0].key.clone());
    let mut client = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions(config))?
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(own));
    client.resumption = Resumption::disabled();
    Ok(client)
}

/// The certificate that is shown to whoever asks for one.
#[derive(Debug)]
struct Own(Arc<CertifiedKey>);

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The certificate for the name that a client asks for.
#[derive(Debug)]
pub(super) struct ByName {
    first: Arc<CertifiedKey>,
    /// By names in small letters; those that begin with `*.` stand for one label more.
    others: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    pub fn new(identities: &[Identity]) -> Self {
        let mut others = HashMap::new();
        for identity in identities {
            for name in identity.facts.server_names() {
                others.entry(name).or_insert_with(|| identity.key.clone());
            }
        }
        ByName { first: identities[0].key.clone(), others }
    }

    pub fn find(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let found = name.map(str::to_lowercase).and_then(|name| {
            let wild = || self.others.get(&format!("*.{}", name.split_once('.')?.1));
            self.others.get(&name).or_else(wild)
        });
        found.unwrap_or(&self.first).clone()
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.find(hello.server_name()))
    }
}

/// Believes who shows a certificate of the authority with one of the names.
#[derive(Debug)]
struct Named {
    verifier: Arc<dyn ClientCertVerifier>,
    /// In small letters; none are all.
    allowed: Vec<String>,
}

/// A name that may not connect.
#[derive(Debug)]
struct WrongName(String);

impl fmt::Display for WrongName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.escape_debug();
        write!(f, "its certificate is for {names}, which is not among the allowed_names")
    }
}

impl std::error::Error for WrongName {}

impl ClientCertVerifier for Named {
    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(end_entity, intermediates, now)?;
        if self.allowed.is_empty() {
            return Ok(verified);
        }
        let facts = Facts::read(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        if facts.names().any(|name| self.allowed.contains(&name.to_lowercase())) {
            return Ok(verified);
        }
        let names: Vec<&str> = facts.names().collect();
        let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        let wrong = Arc::new(WrongName(names));
        Err(CertificateError::Other(OtherError(wrong)).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
