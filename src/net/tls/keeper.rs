//! What a section `tls` comes to, as long as the daemon runs: its files are read again when they change.

use std::sync::Arc;
use std::time::Duration;

use dclass::input::read_regular_file;
use parking_lot::RwLock;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use tokio::sync::watch;

use super::files::{self, Flaw, Flaws};
use super::handshake::{Failure, shake};
use super::server;
use super::x509::Facts;
use crate::config::{Host, Loaded, TlsConfig};
use crate::finding::{Finding, Severity};
use crate::metrics;
use crate::net::{HalfOpen, Socket};

/// How often files are looked at. What has changed is read when it has stayed so for as long again: a certificate
/// and its key are seldom written at the same moment.
const LOOK: Duration = Duration::from_secs(3);

/// A section `tls` whose files have been read.
#[derive(Debug)]
pub struct Tls {
    config: TlsConfig,
    current: RwLock<Current>,
    /// What was in the files before they were read: whatever is there later is news.
    at_first: Contents,
    half_open: HalfOpen,
}

/// What the files say.
#[derive(Clone, Debug)]
struct Current {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    /// Of each certificate.
    facts: Vec<Facts>,
}

/// The bytes of each file, where it can be read.
type Contents = Vec<Option<Vec<u8>>>;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn load(config: &TlsConfig) -> (Option<Current>, Flaws) {
    let provider = provider();
    let (loaded, mut flaws) = files::load(config, &provider);
    let current = loaded.and_then(|loaded| {
        let made = server::for_listening(config, &loaded, &provider).and_then(|server| {
            let client = server::for_connecting(config, &loaded, &provider)?;
            Ok((server, client))
        });
        let unusable = |error: rustls::Error| {
            let message = format!("these files cannot be used together: {error}");
            flaws.errors.push(Flaw { key: config.key.clone(), message });
        };
        let (server, client) = made.map_err(unusable).ok()?;
        let facts = loaded.identities.into_iter().map(|identity| identity.facts).collect();
        Some(Current { server: server.into(), client: client.into(), facts })
    });
    (current, flaws)
}

/// What is in the files of a section.
fn contents(config: &TlsConfig) -> Contents {
    let identities = config.identities.iter();
    let named = identities
        .flat_map(|files| [Some(&files.certificate), Some(&files.key), files.chain.as_ref()]);
    let named = named.chain([config.authority.as_ref()]).flatten();
    named.map(|path| read_regular_file(path, files::BYTES_MAX).ok()).collect()
}

/// What is wrong with the files of a section.
pub fn look_at(config: &TlsConfig) -> Flaws {
    load(config).1
}

/// Reads all certificates and keys that a configuration names: what is wrong and odd about them, shown where they are
/// named.
pub fn check_certificates(loaded: &Loaded) -> Vec<Finding> {
    let mut findings = Vec::new();
    for section in loaded.config.tls_sections() {
        let flaws = look_at(section);
        let about = |severity| move |Flaw { key, message }| loaded.about(severity, &key, message);
        findings.extend(flaws.errors.into_iter().map(about(Severity::Error)));
        findings.extend(flaws.warnings.into_iter().map(about(Severity::Warning)));
    }
    findings
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn load(config: &TlsConfig) -> anyhow::Result<Arc<Self>> {
        let at_first = contents(config);
        let (current, flaws) = load(config);
        let Some(current) = current else {
            let errors = flaws.errors.into_iter();
            let lines: Vec<String> =
                errors.map(|Flaw { key, message }| format!("{key}: {message}")).collect();
            anyhow::bail!(lines.join("\n"));
        };
        let tls = Tls {
            config: config.clone(),
            current: RwLock::new(current),
            at_first,
            half_open: HalfOpen::default(),
        };
        Ok(Arc::new(tls))
    }

    /// Does the handshake with somebody who has connected, of whom `first` has been read already.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn accept(&self, socket: Socket, first: Vec<u8>) -> Result<Socket, Failure> {
        let server = ServerConnection::new(self.current.read().server.clone())?;
        let counted = Counted("in");
        let stream = shake(socket, server.into(), first, &self.half_open).await?;
        counted.succeeds();
        Ok(Socket::Other(Box::new(stream)))
    }

    /// Does the handshake with somebody to whom a connection has been made.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn connect(&self, socket: Socket, host: &Host) -> Result<Socket, Failure> {
        let name = match host {
            Host::Ip(ip) => ServerName::IpAddress((*ip).into()),
            Host::Name(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
                .map_err(|error| rustls::Error::General(error.to_string()))?,
        };
        let client = ClientConnection::new(self.current.read().client.clone(), name)?;
        let counted = Counted("out");
        let stream = shake(socket, client.into(), Vec::new(), &self.half_open).await?;
        counted.succeeds();
        Ok(Socket::Other(Box::new(stream)))
    }

    /// Says until when the certificates are valid.
    pub fn say_expiry(&self) {
        metrics::CERTIFICATE.forget(|labels| labels[0] == self.config.key);
        for facts in &self.current.read().facts {
            let names: Vec<&str> = facts.names().collect();
            let (section, names) = (&self.config.key, names.join(", "));
            let expires = facts.not_after;
            tracing::info!(section, names, %expires, "certificate loaded");
            let expires = u64::try_from(expires.as_second()).unwrap_or(0);
            metrics::CERTIFICATE.is_now(&[section, &names], expires);
        }
    }

    /// Reads the files again whenever they have changed since they were read first, and at once if `reload` says so. New connections get what they say then; of
    /// those that there are none is touched.
    pub async fn keep(self: Arc<Self>, mut reload: watch::Receiver<()>) {
        let mut known = self.at_first.clone();
        let mut seen = known.clone();
        loop {
            let is_asked = tokio::select! {
                biased;
                Ok(()) = reload.changed() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let now = self.clone().contents().await;
            let has_settled = now == seen;
            if now != known && (has_settled || is_asked) {
                known.clone_from(&now);
                let this = self.clone();
                // A disk may be slow.
                let _ = tokio::task::spawn_blocking(move || this.reload()).await;
            }
            seen = now;
        }
    }

    async fn contents(self: Arc<Self>) -> Contents {
        let read = move || contents(&self.config);
        tokio::task::spawn_blocking(read).await.unwrap_or_default()
    }

    /// Reads all files, and takes what they say if all of them are right.
    fn reload(&self) {
        let (current, flaws) = load(&self.config);
        for Flaw { key, message } in flaws.warnings {
            tracing::warn!("{key}: {message}");
        }
        match current {
            Some(current) => {
                *self.current.write() = current;
                self.say_expiry();
            }
            None => {
                for Flaw { key, message } in flaws.errors {
                    tracing::error!(
                        "{key}: {message}; the certificates that were read before stay in use"
                    );
                }
            }
        }
    }
}

/// A handshake that has begun, and failed if nothing else is said of it: whoever waits for it may have enough.
struct Counted(&'static str);

impl Counted {
    fn succeeds(self) {
        metrics::HANDSHAKES.one(&[self.0, "ok"]);
        std::mem::forget(self);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::HANDSHAKES.one(&[self.0, "failed"]);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;
    use crate::config::{IdentityFiles, TlsVersion};

    /// Only a failing test waits for it.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn write(folder: &tempfile::TempDir, name: &str) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        fs::write(folder.path().join("game.pem"), cert.pem()).expect("ours");
        fs::write(folder.path().join("game.key"), signing_key.serialize_pem()).expect("ours");
    }

    #[tokio::test]
    async fn what_has_changed_before_anybody_looks_is_read_when_somebody_asks() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let identity = IdentityFiles {
            section: "tls".to_owned(),
            certificate: folder.path().join("game.pem"),
            key: folder.path().join("game.key"),
            chain: None,
        };
        let config = TlsConfig {
            key: "keeper".to_owned(),
            identities: vec![identity],
            authority: None,
            is_optional: false,
            min_version: TlsVersion::default(),
            allowed_names: Vec::new(),
            is_for_links: false,
        };
        write(&folder, "old.example");
        let tls = Tls::load(&config).expect("they fit");
        let (reload, heard) = watch::channel(());
        write(&folder, "new.example");
        reload.send_replace(());
        let names = || -> Vec<String> {
            let current = tls.current.read();
            current.facts.iter().flat_map(Facts::names).map(str::to_owned).collect()
        };
        let has = |name: &str| names().iter().any(|known| known == name);
        assert!(has("old.example"));
        let wait = async {
            while !has("new.example") {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            () = tls.clone().keep(heard) => unreachable!("it has no end"),
            read = tokio::time::timeout(PATIENCE, wait) => read.expect("it is read"),
        }
        // Nobody is to be warned of the end of one that is not shown any more.
        tls.say_expiry();
        let told = metrics::CERTIFICATE.counted().into_iter();
        let told: Vec<_> = told.filter(|(labels, _)| labels[0] == "keeper").collect();
        let expires = tls.current.read().facts[0].not_after.as_second();
        let expires = metrics::Value::Count(expires.try_into().expect("it is not over"));
        let [(labels, value)] = &told[..] else { panic!("{told:?}") };
        assert!(labels[1].contains("new.example") && *value == expires, "{told:?}");
    }
}
