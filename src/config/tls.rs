//! The sections called `tls`.

use std::path::{Path, PathBuf};

use super::address::Address;
use super::path::tidy;
use super::section::Section;
use super::value;

/// Who somebody is that speaks TLS, and what is asked of the other end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsConfig {
    /// The section, such as `roles[1].tls`.
    pub key: String,
    /// Certificates; the first is for all names that none of the others has. Never empty.
    pub identities: Vec<IdentityFiles>,
    /// The certificates that those of others have to be signed by, as a file.
    pub authority: Option<PathBuf>,
    /// Who connects need not show a certificate, although there is an authority.
    pub is_optional: bool,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// Names of which a certificate that is shown has to have one; any if there are none.
    pub allowed_names: Vec<String>,
    /// It is for daemons and their tools, which are few and stay.
    pub is_for_links: bool,
}

/// A certificate and its key, as files with absolute paths.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityFiles {
    /// The section that names them.
    pub section: String,
    /// The certificate; others may follow in the file.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Certificates between it and the authority.
    pub chain: Option<PathBuf>,
}

/// A version of TLS.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Debug, Default)]
pub enum TlsVersion {
    /// 1.2
    #[default]
    V1_2,
    /// 1.3
    V1_3,
}

/// Section `tls` of a client agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientTlsConfig {
    /// Where clients with TLS connect; `None` is where all do.
    pub bind: Option<Address>,
    /// How.
    pub tls: TlsConfig,
}

/// Section `messagedirector.tls`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkTlsConfig {
    /// Where daemons with TLS connect; `None` does not listen.
    pub bind: Option<Address>,
    /// Whether the link upstream is encrypted.
    pub connects: bool,
    /// How.
    pub tls: TlsConfig,
}

/// Reads the section of a client agent. `port` is the one that an address has without one.
pub(super) fn client(
    mut section: Section<'_>,
    base_dir: &Path,
    port: u16,
) -> Option<ClientTlsConfig> {
    let bind = section.optional("bind", value::address(port));
    let tls = served(section, base_dir)?;
    Some(ClientTlsConfig { bind, tls })
}

/// Reads how clients are encrypted, wherever they connect.
pub(super) fn served(mut section: Section<'_>, base_dir: &Path) -> Option<TlsConfig> {
    let first = identity(&mut section, base_dir);
    let authority = section.optional("cert_authority", file(base_dir));
    if section.optional("max_verify_depth", value::number(0..=u32::MAX)).is_some() {
        section.warning("max_verify_depth", "this has no effect: chains may have any usual length");
    }
    let min_version = section.optional(
        "min_version",
        value::choice(&[("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)]),
    );
    let is_optional = section
        .optional("client_certificates", value::choice(&[("required", false), ("optional", true)]));
    if section.has("client_certificates") && !section.has("cert_authority") {
        let message = "without `cert_authority` no certificate of a client can be judged";
        section.error("client_certificates", message);
    }
    let others = section.sections("certificates", |mut section| {
        let read = identity(&mut section, base_dir);
        section.finish();
        read
    });
    let key = section.path().to_owned();
    section.finish();
    Some(TlsConfig {
        key,
        identities: std::iter::once(first?)
            .chain(others.into_iter().map(|(_, read)| read))
            .collect(),
        authority,
        is_optional: is_optional.unwrap_or(false),
        min_version: min_version.unwrap_or_default(),
        allowed_names: Vec::new(),
        is_for_links: false,
    })
}

/// Reads the section of the message director.
pub(super) fn links(mut section: Section<'_>, base_dir: &Path, port: u16) -> Option<LinkTlsConfig> {
    let bind = section.optional("bind", value::address(port));
    let identity = identity(&mut section, base_dir);
    let authority = section.required(
        "cert_authority",
        "the path of the certificate that those of other daemons are signed by",
        file(base_dir),
    );
    let allowed_names = section.values("allowed_names", value::name("a name in a certificate"));
    let connects = section.optional("connect", value::boolean);
    let key = section.path().to_owned();
    section.finish();
    let tls = TlsConfig {
        key,
        identities: vec![identity?],
        authority: Some(authority?),
        is_optional: false,
        // No peer is older than this daemon.
        min_version: TlsVersion::V1_3,
        allowed_names,
        is_for_links: true,
    };
    Some(LinkTlsConfig { bind, connects: connects.unwrap_or(true), tls })
}

fn file(base_dir: &Path) -> impl Fn(&super::section::Found<'_>) -> Result<PathBuf, String> {
    let name = value::name("the path of a PEM file");
    move |node| Ok(tidy(&base_dir.join(name(node)?)))
}

fn identity(section: &mut Section<'_>, base_dir: &Path) -> Option<IdentityFiles> {
    let what = "the path of a certificate in PEM form";
    let certificate = section.required("certificate", what, file(base_dir));
    let what = "the path of the certificate's private key in PEM form";
    let key = section.required("key_file", what, file(base_dir));
    let chain = section.optional("chain_file", file(base_dir));
    let section = section.path().to_owned();
    Some(IdentityFiles { section, certificate: certificate?, key: key?, chain })
}
