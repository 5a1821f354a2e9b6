//! TLS errors, in words for the person who reads them: the dozen that users meet have a sentence, and
//! the others the name that one searches for.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{
    AlertDescription as Alert, CertificateError, Error, InvalidMessage, PeerIncompatible,
};

/// Whether the same attempt may do better in a moment. What rustls itself refuses (a certificate, a
/// version, bytes that are no TLS) it will refuse again.
pub(super) fn is_transient(error: &Error) -> bool {
    match error {
        Error::AlertReceived(alert) => matches!(
            alert,
            Alert::CloseNotify | Alert::UserCanceled | Alert::InternalError
        ),
        // This machine's, for now.
        Error::FailedToGetCurrentTime | Error::FailedToGetRandomBytes => true,
        _ => false,
    }
}

pub(super) fn sentence(error: &Error) -> String {
    let sentence = match error {
        Error::InvalidCertificate(reason) => {
            return format!("the server's certificate {}", certificate_problem(reason));
        }
        Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity) => {
            "the server refused the TLS handshake: it may support no cipher suite that this library \
             has, or require a client certificate, which this library does not support"
        }
        Error::AlertReceived(Alert::UnrecognisedName) => {
            "the server does not know the host name in base_url: check it"
        }
        // The one that stands for all that are about the client's certificate.
        Error::AlertReceived(Alert::CertificateRequired) => {
            "the server requires a client certificate, which this library does not support: have \
             that turned off for this host, or ask who runs what is in front of it"
        }
        Error::AlertReceived(Alert::ProtocolVersion)
        | Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        ) => "the server supports neither TLS 1.2 nor TLS 1.3: enable one of them there",
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => {
            "the server did not respond with TLS: check the port in base_url, and whether it should \
             begin with http://"
        }
        Error::AlertReceived(alert) => {
            let name = alert.as_str().map(str::to_owned);
            let name = name.unwrap_or_else(|| format!("alert {}", u8::from(*alert)));
            return format!("the server ended the TLS handshake ({name})");
        }
        Error::InvalidMessage(reason) => return unnamed(reason),
        Error::PeerIncompatible(reason) => return unnamed(reason),
        Error::PeerMisbehaved(reason) => return unnamed(reason),
        _ => return unnamed(error),
    };
    sentence.to_owned()
}

fn unnamed(error: &dyn Debug) -> String {
    format!("TLS failed ({})", name(error))
}

/// The name of an error without what it contains, which is of use to nobody who reads it.
fn name(error: &dyn Debug) -> String {
    let debug = format!("{error:?}");
    let end = debug.find(|c: char| !c.is_ascii_alphanumeric());
    debug
        .get(..end.unwrap_or(debug.len()))
        .unwrap_or_default()
        .to_owned()
}

/// What is wrong with a certificate: the rest of a sentence that begins with it.
pub(super) fn certificate_problem(error: &CertificateError) -> String {
    match error {
        // A bad signature is mostly by another CA of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "is not signed by a trusted CA. For a private CA, set ca_file or tls_roots \"system\"; for \
             a public one, have the server send its intermediate certificates"
                .to_owned()
        }
        CertificateError::ExpiredContext { time, not_after } => format!(
            "expired on {}, and this machine's clock says {}: renew it, or set the clock",
            date(*not_after),
            date(*time)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "is not valid before {}, and this machine's clock says {}: set the clock, or wait",
            date(*not_before),
            date(*time)
        ),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "is not for {}: it is for {}. Check base_url, or have that name added to the \
             certificate's subject alternative names",
            expected.to_str(),
            names(presented)
        ),
        CertificateError::InvalidPurposeContext { .. } => "is not for a server: reissue it with the \
             extended key usage of server authentication, or without any"
            .to_owned(),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "has an outdated signature, such as with SHA-1 or an RSA key below 2048 bits: reissue it \
             with ECDSA P-256 or RSA 2048, and SHA-256"
                .to_owned()
        }
        CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => "is a CA's (CA:TRUE), which a server must not \
                 use as its own: make one with CA:FALSE for the server, such as by openssl req -x509 \
                 -newkey rsa:2048 -nodes -addext basicConstraints=critical,CA:FALSE -addext \
                 subjectAltName=DNS:HOST, and set ca_file to that, or to the CA that signed it"
                .to_owned(),
            Some(error) => format!("is not valid ({})", name(error)),
            None => "is not valid".to_owned(),
        },
        _ => format!("is not valid ({})", name(error)),
    }
}

fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    // HTTP's dates end with the year 9999.
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    httpdate::fmt_http_date(time.unwrap_or(last).min(last))
}

/// The first of a certificate's names, as rustls has them: `DnsName("example.com")` or
/// `IpAddress(192.0.2.1)`. They come from the network, so they may be long and hold anything.
fn names(presented: &[String]) -> String {
    const MAX_NAMES: usize = 5;
    const MAX_CHARACTERS: usize = 80;

    let is_of_a_host = |c: &char| c.is_ascii_alphanumeric() || "-._*:".contains(*c);
    let hosts = presented.iter().filter_map(|name| {
        let host = name
            .strip_prefix("DnsName(")
            .or(name.strip_prefix("IpAddress("))?;
        let shown = host.chars().filter(is_of_a_host).take(MAX_CHARACTERS);
        Some(shown.collect())
    });
    let hosts: Vec<String> = hosts.take(MAX_NAMES).collect();
    match presented.len().saturating_sub(MAX_NAMES) {
        _ if hosts.is_empty() => "no host".to_owned(),
        0 => hosts.join(", "),
        more => format!("{} and {more} more", hosts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;
    use rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn a_rare_error_is_told_by_its_name_alone() {
        let of_verifier =
            |error| Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))));
        for (error, expected) in [
            (
                Error::InappropriateHandshakeMessage {
                    expect_types: vec![rustls::HandshakeType::Finished],
                    got_type: rustls::HandshakeType::ClientHello,
                },
                "TLS failed (InappropriateHandshakeMessage)",
            ),
            (
                Error::PeerMisbehaved(rustls::PeerMisbehaved::MissingKeyShare),
                "TLS failed (MissingKeyShare)",
            ),
            (
                Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
                "TLS failed (NoCipherSuitesInCommon)",
            ),
            (
                Error::InvalidMessage(InvalidMessage::MissingData("ServerHello")),
                "TLS failed (MissingData)",
            ),
            (
                Error::General("SomeType { field: Other::Value(1) }".to_owned()),
                "TLS failed (General)",
            ),
            (
                Error::AlertReceived(Alert::DecryptError),
                "the server ended the TLS handshake (DecryptError)",
            ),
            (
                Error::InvalidCertificate(CertificateError::BadEncoding),
                "the server's certificate is not valid (BadEncoding)",
            ),
            (
                of_verifier(webpki::Error::NameConstraintViolation),
                "the server's certificate is not valid (NameConstraintViolation)",
            ),
        ] {
            assert_eq!(sentence(&error), expected);
            assert!(!is_transient(&error), "{expected}");
        }
    }

    #[test]
    fn names_in_a_certificate_are_shown_as_far_as_one_reads() {
        let name = "DnsName(\"a\u{7}b\\c\n.example\")".to_owned();
        let address = "IpAddress(192.0.2.1)".to_owned();
        let other = "DirectoryName".to_owned();
        let expected = ServerName::try_from("api.example").expect("a name");
        let error = CertificateError::NotValidForNameContext {
            expected,
            presented: vec![name, address, other],
        };
        let problem = certificate_problem(&error);
        let start = "is not for api.example: it is for abc.example, 192.0.2.1. ";
        assert!(problem.starts_with(start), "{problem}");
        assert_eq!(names(&[]), "no host");
        let long = format!("DnsName(\"{}\")", "x".repeat(60_000));
        let shown = names(&vec![long; 1000]);
        assert!(
            shown.len() < 500 && shown.ends_with("and 995 more"),
            "{shown}"
        );
    }

    #[test]
    fn dates_beyond_those_of_http_are_the_last_of_them() {
        let problem = certificate_problem(&CertificateError::NotValidYetContext {
            time: UnixTime::since_unix_epoch(Duration::ZERO),
            not_before: UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX)),
        });
        assert!(problem.contains("31 Dec 9999"), "{problem}");
    }
}
