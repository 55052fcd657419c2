//! What a certificate says of itself.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Ia5StringRef, ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use x509_cert::der::{Decode, Error};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// The names and dates of a certificate.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Its DNS names, in small letters.
    pub dns_names: Vec<String>,
    /// The common name of its subject.
    pub common_name: Option<String>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

/// How a certificate stands to the time.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Age {
    NotYetValid,
    Valid,
    Expired,
}

impl Facts {
    /// Reads a certificate.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(der: &[u8]) -> Result<Self, Error> {
        let certificate = Certificate::from_der(der)?.tbs_certificate;
        let names = certificate.get::<SubjectAltName>()?;
        let dns_names = names.into_iter().flat_map(|(_, names)| names.0).filter_map(|name| {
            let GeneralName::DnsName(name) = name else { return None };
            Some(name.as_str().to_lowercase())
        });
        let subject = certificate.subject.0.iter().flat_map(|part| part.0.iter());
        let common_name = subject.filter(|part| part.oid == COMMON_NAME).find_map(text);
        let time = |time: x509_cert::time::Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs());
            Timestamp::from_second(seconds.unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX)
        };
        Ok(Facts {
            dns_names: dns_names.collect(),
            common_name,
            not_before: time(certificate.validity.not_before),
            not_after: time(certificate.validity.not_after),
        })
    }

    /// How it stands to the time of the machine.
    pub fn age(&self) -> Age {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < self.not_before.as_second() {
            Age::NotYetValid
        } else if now > self.not_after.as_second() {
            Age::Expired
        } else {
            Age::Valid
        }
    }

    /// The names under which somebody may ask for it: the common name only if there are no others.
    pub fn server_names(&self) -> Vec<String> {
        if self.dns_names.is_empty() {
            return self.common_name.iter().map(|name| name.to_lowercase()).collect();
        }
        self.dns_names.clone()
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let common = self.common_name.iter().filter(|name| !self.dns_names.contains(name));
        common.chain(&self.dns_names).map(String::as_str)
    }
}

fn text(part: &AttributeTypeAndValue) -> Option<String> {
    let value = &part.value;
    let utf8 = value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned());
    let printable =
        || value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned());
    let ascii = || value.decode_as::<Ia5StringRef<'_>>().map(|text| text.as_str().to_owned());
    utf8.or_else(|_| printable()).or_else(|_| ascii()).ok()
}
