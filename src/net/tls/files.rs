//! Certificates and keys, as files that somebody has made.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use dclass::input::{UTF_16, Unread, is_utf_16, read_regular_file, without_mark};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::x509::{Age, Facts};
use crate::config::{IdentityFiles, TlsConfig};
use crate::net::words;
use crate::platform::files;

/// All authorities of the world are a few hundred KiB.
pub(super) const BYTES_MAX: u64 = 16 << 20;

/// So much of a line that is odd is shown.
const LINE_BYTES_SHOWN: usize = 80;

/// What is wrong or odd in a file: the key that names it, and what to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flaw {
    /// The key of the configuration, such as `roles[1].tls.key_file`.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

/// What is wrong, and what is only odd.
#[derive(Clone, Default, Debug)]
pub struct Flaws {
    /// Why it cannot be used.
    pub errors: Vec<Flaw>,
    /// What is hardly meant.
    pub warnings: Vec<Flaw>,
}

/// A certificate that belongs to this daemon.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub key: Arc<CertifiedKey>,
    pub facts: Facts,
}

/// The contents of all files that a section names.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Never empty.
    pub identities: Vec<Identity>,
    pub authority: Option<Arc<RootCertStore>>,
}

/// Reads all files. There is a result if there are no errors.
pub(super) fn load(config: &TlsConfig, provider: &CryptoProvider) -> (Option<Loaded>, Flaws) {
    let mut flaws = Flaws::default();
    let identities: Vec<Option<Identity>> =
        config.identities.iter().map(|files| identity(files, provider, &mut flaws)).collect();
    let authority = config.authority.as_ref().map(|path| {
        let key = format!("{}.cert_authority", config.key);
        authority(path).map_err(|message| flaws.errors.push(Flaw { key, message })).ok()
    });
    let identities = identities.into_iter().collect::<Option<Vec<_>>>();
    let loaded = match (identities, authority) {
        (Some(identities), None) => Some(Loaded { identities, authority: None }),
        (Some(identities), Some(Some(roots))) => {
            Some(Loaded { identities, authority: Some(Arc::new(roots)) })
        }
        _ => None,
    };
    (loaded, flaws)
}

fn identity(
    files: &IdentityFiles,
    provider: &CryptoProvider,
    flaws: &mut Flaws,
) -> Option<Identity> {
    let key_of = |name: &str| format!("{}.{name}", files.section);
    let mut fail = |name: &str, message: String| {
        flaws.errors.push(Flaw { key: key_of(name), message });
    };
    let chain = certificates(&files.certificate);
    let chain = chain.map_err(|message| fail("certificate", message)).ok();
    let more = files.chain.as_ref().map_or(Ok(Vec::new()), |path| certificates(path));
    let more = more.map_err(|message| fail("chain_file", message)).ok();
    let private = private_key(&files.key).map_err(|message| fail("key_file", message)).ok();
    let facts = chain.as_ref().and_then(|chain| {
        let read = Facts::read(chain.first()?);
        let damaged = |error| {
            let path = files.certificate.display();
            fail("certificate", format!("{path}: the certificate cannot be read: {error}"));
        };
        read.map_err(damaged).ok()
    });
    let (mut chain, facts, (private, is_open)) = (chain?, facts?, private?);
    chain.extend(more?);
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let signing = match provider.key_provider.load_private_key(private) {
        Ok(signing) => signing,
        Err(_) => {
            let message = format!(
                "{key}: keys of this kind cannot be used; ECDSA (P-256, P-384), Ed25519 and RSA of 2048 to 8192 bits can"
            );
            fail("key_file", message);
            return None;
        }
    };
    let certified = CertifiedKey::new(chain, signing);
    if let Err(error) = certified.keys_match() {
        let message = match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("{key}: the key does not belong to the certificate {certificate}")
            }
            error => format!("{certificate}: the certificate cannot be used: {error}"),
        };
        fail("key_file", message);
        return None;
    }
    if is_open {
        let message =
            format!("{key}: others than its owner can read the key; `chmod 600` keeps it to him");
        flaws.warnings.push(Flaw { key: key_of("key_file"), message });
    }
    let (from, to) = (facts.not_before, facts.not_after);
    let date = match facts.age() {
        Age::Valid => None,
        Age::Expired => Some(format!("the certificate has expired on {to}")),
        Age::NotYetValid => Some(format!("the certificate is not valid before {from}")),
    };
    if let Some(date) = date {
        let message = format!("{certificate}: {date}; peers will refuse it");
        flaws.warnings.push(Flaw { key: key_of("certificate"), message });
    }
    Some(Identity { key: Arc::new(certified), facts })
}

fn authority(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| {
            format!("{}: a certificate in it cannot be used: {error}", path.display())
        })?;
    }
    Ok(roots)
}

/// The sections of a PEM file, of which there is at least one.
fn sections(path: &Path) -> Result<Vec<(SectionKind, Vec<u8>)>, String> {
    let shown = path.display();
    let text = read_regular_file(path, BYTES_MAX).map_err(|error| match error {
        Unread::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("{shown}: there is no such file")
        }
        Unread::Io(error) => format!("{shown}: the file cannot be read: {}", words(&error)),
        error => format!("{shown}: the file cannot be read: {error}"),
    })?;
    if is_utf_16(&text) {
        return Err(format!("{shown}: the file {UTF_16}"));
    }
    let text = without_mark(&text);
    let sections: Result<Vec<_>, _> = <(SectionKind, Vec<u8>)>::pem_slice_iter(text).collect();
    let sections = sections
        .map_err(|error| format!("{shown}: the PEM in it is damaged: {}", damage(&error)))?;
    if sections.is_empty() {
        let has = |words: &str| text.windows(words.len()).any(|part| part == words.as_bytes());
        let why = if has("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            "the key is encrypted; `openssl pkey -in FILE -out NEW` writes it without a pass phrase"
        } else if text.is_empty() {
            "the file is empty"
        } else if has("-----BEGIN ") {
            "there is neither a certificate nor a key in it"
        } else {
            "the file is not PEM, which has lines like `-----BEGIN CERTIFICATE-----`"
        };
        return Err(format!("{shown}: {why}"));
    }
    Ok(sections)
}

/// What is wrong with PEM; the library shows lines as numbers.
fn damage(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            // It says of what.
            let of = String::from_utf8_lossy(end_marker);
            format!("the line `-----END {}-----` is missing", of.trim().escape_default())
        }
        pem::Error::IllegalSectionStart { line } => {
            let line = &line[..line.len().min(LINE_BYTES_SHOWN)];
            format!("`{}` begins nothing", String::from_utf8_lossy(line).trim().escape_default())
        }
        error => error.to_string(),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Vec<_> = sections(path)?
        .into_iter()
        .filter(|(kind, _)| *kind == SectionKind::Certificate)
        .map(|(_, der)| der.into())
        .collect();
    if found.is_empty() {
        let path = path.display();
        return Err(format!(
            "{path}: there is no certificate in it, but something else, perhaps a key"
        ));
    }
    Ok(found)
}

/// The first key in a file, and whether others than the file's owner can read it.
fn private_key(path: &Path) -> Result<(PrivateKeyDer<'static>, bool), String> {
    const OTHERS: u32 = 0o044;
    let mut sections = sections(path)?.into_iter();
    let found = sections.find_map(|(kind, der)| PrivateKeyDer::from_pem(kind, der));
    let Some(key) = found else {
        let path = path.display();
        return Err(format!(
            "{path}: there is no private key in it, but something else, perhaps a certificate"
        ));
    };
    let mode = fs::metadata(path).map_or(0, |file| files::mode(&file));
    Ok((key, mode & OTHERS != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_is_shown_as_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.pem");
        for (text, expected) in [
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n",
                "the line `-----END CERTIFICATE-----` is missing",
            ),
            ("-----BEGIN CERTIFICATE\nAAAA\n", "`-----BEGIN CERTIFICATE` begins nothing"),
        ] {
            fs::write(&path, text).expect("ours");
            let error = sections(&path).expect_err("it is damaged");
            assert!(
                error.ends_with(&format!("a.pem: the PEM in it is damaged: {expected}")),
                "{error}"
            );
        }
    }
}
