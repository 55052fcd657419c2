//! What went wrong with TLS, for people who know that a certificate has a name and a date.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

/// Why it failed, as part of a sentence about the peer.
pub(super) fn words(error: &Error) -> String {
    match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => "it does not speak TLS".into(),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            format!("what it sent is no TLS that makes sense: {error}")
        }
        Error::NoCertificatesPresented => "it shows no certificate, and has to".into(),
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::PeerIncompatible(what) => incompatible(what).into(),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::DecryptError => "what came was altered on its way".into(),
        _ => error.to_string(),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    let why = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet"
        }
        CertificateError::UnknownIssuer => "is not signed by the authority (cert_authority)",
        CertificateError::BadSignature => "has a wrong signature",
        CertificateError::NotValidForName => "is for another name",
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<_> = presented.iter().map(|name| plain_name(name)).collect();
            let (names, expected) = (names.join(", "), expected.to_str());
            return format!("its certificate is for {names}, and not for {expected}");
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not meant for this side of a connection (extendedKeyUsage)"
        }
        CertificateError::Other(other) => return other.to_string(),
        _ => return format!("its certificate is not usable: {error}"),
    };
    format!("its certificate {why}")
}

/// A name in a certificate, which rustls gives as `DnsName("localhost")`.
fn plain_name(presented: &str) -> &str {
    let inside = presented.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")"));
    inside.unwrap_or(presented)
}

const fn incompatible(what: &PeerIncompatible) -> &'static str {
    match what {
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        // Before 1.2 there was none.
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired => {
            "no common version of TLS: it has none that is allowed here (min_version)"
        }
        PeerIncompatible::NoSignatureSchemesInCommon => {
            "no common signature: it does not take certificates of this kind"
        }
        _ => "no common cipher",
    }
}

/// What the other end did not like.
fn of_alert(alert: AlertDescription) -> String {
    let why = match alert {
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => "it does not accept this side's certificate",
        AlertDescription::CertificateExpired => "to it, this side's certificate has expired",
        AlertDescription::CertificateRequired => "it wants to be shown a certificate",
        AlertDescription::AccessDenied => "it does not accept the name in this side's certificate",
        AlertDescription::ProtocolVersion => "no common version of TLS",
        AlertDescription::HandshakeFailure => "no common cipher",
        _ => "it broke off",
    };
    format!("{why} (alert: {alert:?})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_most_is_said_plainly() {
        for (error, expected) in [
            (Error::NoCertificatesPresented, "it shows no certificate, and has to"),
            (
                Error::InvalidCertificate(CertificateError::UnknownIssuer),
                "its certificate is not signed by the authority (cert_authority)",
            ),
            (
                Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled),
                "no common version of TLS: it has none that is allowed here (min_version)",
            ),
            (
                Error::AlertReceived(AlertDescription::UnknownCA),
                "it does not accept this side's certificate (alert: UnknownCA)",
            ),
            (
                Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                    expected: rustls::pki_types::ServerName::try_from("127.0.0.1").expect("one"),
                    presented: vec!["DnsName(\"a.example\")".into(), "10.0.0.1".into()],
                }),
                "its certificate is for a.example, 10.0.0.1, and not for 127.0.0.1",
            ),
        ] {
            assert_eq!(words(&error), expected);
        }
    }
}
