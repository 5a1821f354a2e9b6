//! What went wrong in TLS, in words for the person who reads them: what it was, and what to do.

use std::time::{Duration, SystemTime};

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, Error, ExtendedKeyPurpose, InvalidMessage, PeerIncompatible,
};

use super::failure::Account;

/// The sentence of an error, and whether the same attempt may do better in a moment. What rustls
/// itself refuses (a certificate, a version, bytes that are no TLS) it will refuse again.
pub(super) fn account(error: &Error) -> Account {
    match error {
        Error::InvalidCertificate(reason) => Account::permanent(format!(
            "the server's certificate {}",
            certificate_problem(reason)
        )),
        Error::NoCertificatesPresented => Account::permanent(
            "the server showed no certificate: give it one, signed by an authority that is trusted",
        ),
        Error::AlertReceived(alert) => alert_received(*alert),
        Error::InvalidMessage(reason) => Account::permanent(message_problem(reason)),
        Error::PeerIncompatible(reason) => Account::permanent(incompatibility(reason)),
        Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerMisbehaved(_)
        | Error::PeerSentOversizedRecord
        | Error::InvalidEncryptedClientHello(_) => Account::permanent(
            "the server broke the rules of TLS: what it runs, or a device on the way to it, is \
             faulty or too old",
        ),
        Error::DecryptError => Account::permanent(
            "what came from the server could not be decrypted: something on the way changed it, or \
             the server is faulty",
        ),
        Error::NoApplicationProtocol => {
            Account::permanent("the server speaks no HTTP/1.1 over TLS: allow it there")
        }
        Error::UnsupportedNameType => Account::permanent(
            "the host in base_url is of a kind that no certificate can name: use another name for it",
        ),
        Error::InvalidCertRevocationList(_) => Account::permanent(
            "whether the server's certificate was revoked could not be found out",
        ),
        Error::FailedToGetCurrentTime => Account::transient(
            "TLS needs to know the time, and this machine's clock is set before 1970: set it",
        ),
        Error::FailedToGetRandomBytes => Account::transient(
            "TLS needs random bytes, and this machine gave none: see that getrandom is allowed",
        ),
        Error::EncryptError
        | Error::HandshakeNotComplete
        | Error::BadMaxFragmentSize
        | Error::InconsistentKeys(_)
        | Error::General(_)
        | Error::Other(_) => Account::permanent(
            "TLS failed inside this library, which must not happen: please report it",
        ),
        // An error that a later rustls may add.
        _ => Account::permanent(
            "TLS failed in a way that this version of the library has no name for",
        ),
    }
}

/// What is wrong with a certificate: the rest of a sentence that names it.
pub(super) fn certificate_problem(error: &CertificateError) -> String {
    const OWN_AUTHORITY: &str = "is signed by no authority that is trusted: where the authority is your own, name its \
         certificate in the option ca_file or use tls_roots \"system\"; where it is a public one, \
         let the server send the intermediate certificates too";
    const EXPIRED: &str = "has expired: renew it, or set this machine's clock";
    const NOT_YET: &str = "is not valid yet: set this machine's clock, or wait";
    const REVOCATION: &str =
        "may have been revoked, which could not be found out: ask whoever issued it";
    const SIGNATURE_KIND: &str = "is signed in a way that is not supported, such as with SHA-1, MD5, DSA or an RSA key below \
         2048 bits: have it made anew with ECDSA P-256 or RSA 2048, and SHA-256";
    const PURPOSE: &str = "is not meant for a server: have it made anew with the extended key usage of server \
         authentication, or without any";
    const NAME: &str = "is for another host: check base_url, or have its name added to the certificate's subject \
         alternative names";

    #[allow(
        deprecated,
        reason = "an error's older forms have no context, and can still come"
    )]
    match error {
        CertificateError::BadEncoding => {
            "cannot be read as an X.509 certificate: have it made anew".to_owned()
        }
        CertificateError::Expired => EXPIRED.to_owned(),
        CertificateError::ExpiredContext { time, not_after } => format!(
            "expired on {}, and this machine's clock says {}: renew it, or set the clock",
            date(*not_after),
            date(*time)
        ),
        CertificateError::NotValidYet => NOT_YET.to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "is not valid before {}, and this machine's clock says {}: set the clock, or wait",
            date(*not_before),
            date(*time)
        ),
        CertificateError::Revoked => "was revoked: have it made anew".to_owned(),
        CertificateError::UnhandledCriticalExtension => {
            "has a critical extension that is not supported: have it made without".to_owned()
        }
        CertificateError::UnknownIssuer => OWN_AUTHORITY.to_owned(),
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. }
        | CertificateError::InvalidOcspResponse => REVOCATION.to_owned(),
        CertificateError::BadSignature => {
            "has a signature that does not fit: it, or the authority's certificate in ca_file, is \
             damaged, or another authority of the same name signed it"
                .to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithm
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            SIGNATURE_KIND.to_owned()
        }
        CertificateError::NotValidForName => NAME.to_owned(),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "is not for {}: {}; check base_url, or have that name added to the certificate's \
             subject alternative names",
            host(expected),
            names(presented)
        ),
        CertificateError::InvalidPurpose => PURPOSE.to_owned(),
        CertificateError::InvalidPurposeContext { presented, .. } => {
            if presented.contains(&ExtendedKeyPurpose::ClientAuth) {
                format!("is a client's, and {PURPOSE}")
            } else {
                PURPOSE.to_owned()
            }
        }
        CertificateError::ApplicationVerificationFailure => {
            "was refused by this machine's own rules".to_owned()
        }
        CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(error) => chain_problem(error),
            None => "does not verify".to_owned(),
        },
        // An error that a later rustls may add.
        _ => "does not verify".to_owned(),
    }
}

/// What the verifier has no word of rustls's for: mostly how a chain of certificates is built.
fn chain_problem(error: &webpki::Error) -> String {
    use webpki::Error;

    let reason = match error {
        Error::CaUsedAsEndEntity => {
            "is an authority's (it says CA:TRUE), which a server may sign with but not show: make \
             one with CA:FALSE for the server, such as by openssl req -x509 -newkey rsa:2048 -nodes \
             -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:HOST, and name \
             that, or the authority that signed it, in ca_file"
        }
        Error::EndEntityUsedAsCa => {
            "is signed by a certificate that is no authority's: that one has to be made with CA:TRUE"
        }
        Error::UnsupportedCertVersion => {
            "is of an old version of X.509, without extensions: have it made as version 3, with its \
             host in the subject alternative names"
        }
        Error::PathLenConstraintViolated => {
            "has more intermediate certificates above it than one of them allows: have it signed by \
             another authority"
        }
        Error::NameConstraintViolation => {
            "is for a name that its authority may not sign for: have it signed by another authority"
        }
        Error::MaximumPathDepthExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => {
            "comes with more intermediate certificates than can be followed: let the server send \
             its own chain alone"
        }
        Error::UnsupportedCriticalExtension => {
            "has a critical extension that is not supported: have it made without"
        }
        Error::EmptyEkuExtension
        | Error::ExtensionValueInvalid
        | Error::MalformedExtensions
        | Error::MalformedDnsIdentifier
        | Error::MalformedNameConstraint
        | Error::InvalidNetworkMaskConstraint
        | Error::InvalidSerialNumber
        | Error::SignatureAlgorithmMismatch => {
            "breaks the rules of X.509 in its extensions, names, serial number or signature: have \
             it made anew"
        }
        Error::CertDistrusted => "was distrusted: have it made anew by another authority",
        // What is left has a word of rustls's, or is about revocation lists, which are not used.
        _ => "does not verify: have it made anew",
    };
    reason.to_owned()
}

fn alert_received(alert: AlertDescription) -> Account {
    const NOTHING_IN_COMMON: &str = "the server refused the TLS handshake: it may allow no TLS 1.2 or 1.3, or no cipher that \
         this library has";
    const WANTS_A_CERTIFICATE: &str = "the server wants the client to show a certificate, which this library does not do: have \
         that turned off for this host, or ask what stands in front of it";
    const FAULT: &str =
        "the server found fault with a TLS message: a device on the way may have changed it";

    match alert {
        AlertDescription::CloseNotify | AlertDescription::UserCanceled => {
            Account::transient("the server ended the TLS connection before it was made")
        }
        AlertDescription::InternalError => {
            Account::transient("the server reported an internal error of its own over TLS")
        }
        AlertDescription::HandshakeFailure
        | AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity
        | AlertDescription::InappropriateFallback
        | AlertDescription::ExportRestriction => Account::permanent(NOTHING_IN_COMMON),
        AlertDescription::UnrecognisedName => Account::permanent(
            "the server does not know the host by the name that base_url gives it: check base_url",
        ),
        AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRequired
        | AlertDescription::CertificateUnobtainable
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => Account::permanent(WANTS_A_CERTIFICATE),
        AlertDescription::NoApplicationProtocol => {
            Account::permanent("the server speaks no HTTP/1.1 over TLS: allow it there")
        }
        _ => Account::permanent(format!(
            "{FAULT}; its alert has the number {}",
            u8::from(alert)
        )),
    }
}

fn message_problem(reason: &InvalidMessage) -> &'static str {
    match reason {
        InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion => {
            "what came back is no TLS: check the port in base_url, and whether it should begin with \
             http://"
        }
        // The others say which byte of a handshake was wrong, of use only to whoever wrote it.
        _ => {
            "what came back is no TLS that can be read: the server, or a device on the way to it, is \
             faulty, or there is no TLS on this port"
        }
    }
}

fn incompatibility(reason: &PeerIncompatible) -> &'static str {
    match reason {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => {
            "the server allows neither TLS 1.2 nor TLS 1.3: turn one of them on there"
        }
        _ => {
            "the server's TLS and this library's have no cipher, key exchange or signature in \
             common: allow ECDHE with AES-GCM or ChaCha20 there"
        }
    }
}

fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    // HTTP's dates end with the year 9999.
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    httpdate::fmt_http_date(time.unwrap_or(last).min(last))
}

fn host(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}

/// The names that a certificate is for, as far as a person wants to read them.
fn names(presented: &[String]) -> String {
    const MAX_NAMES: usize = 5;

    let names: Vec<String> = presented.iter().filter_map(|name| plain(name)).collect();
    let shown = names.get(..MAX_NAMES).unwrap_or(&names).join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        _ if names.is_empty() => "it names no host at all".to_owned(),
        0 => format!("it is for {shown}"),
        more => format!("it is for {shown} and {more} more"),
    }
}

/// A name as rustls tells it, `DnsName("example.com")` or `IpAddress(192.0.2.1)`, without what is
/// about Rust. It comes from the network, so it may be long and hold anything.
fn plain(name: &str) -> Option<String> {
    const MAX_CHARACTERS: usize = 80;

    let is_of_a_host = |c: &char| c.is_ascii_alphanumeric() || "-._*:".contains(*c);
    let name = match name.strip_prefix("IpAddress(") {
        Some(address) => address.strip_suffix(')')?.to_owned(),
        None => {
            let name = name.strip_prefix("DnsName(\"")?.strip_suffix("\")")?;
            name.replace(':', "")
        }
    };
    Some(
        name.chars()
            .filter(is_of_a_host)
            .take(MAX_CHARACTERS)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::UnixTime;
    use rustls::{
        CertRevocationListError, EncryptedClientHelloError, InconsistentKeys, OtherError,
        PeerMisbehaved,
    };

    use super::*;

    fn of_verifier(error: webpki::Error) -> CertificateError {
        CertificateError::Other(OtherError(Arc::new(error)))
    }

    #[allow(deprecated, reason = "an error's older forms can still come")]
    fn certificate_errors() -> Vec<CertificateError> {
        let moment = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expected = ServerName::try_from("api.example").expect("a name");
        let algorithm = vec![6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 5];
        let presented = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        vec![
            CertificateError::BadEncoding,
            CertificateError::Expired,
            CertificateError::ExpiredContext {
                time: moment(1_800_000_000),
                not_after: moment(1_700_000_000),
            },
            CertificateError::NotValidYet,
            CertificateError::NotValidYetContext {
                time: moment(0),
                not_before: moment(u64::MAX),
            },
            CertificateError::Revoked,
            CertificateError::UnhandledCriticalExtension,
            CertificateError::UnknownIssuer,
            CertificateError::UnknownRevocationStatus,
            CertificateError::ExpiredRevocationList,
            CertificateError::ExpiredRevocationListContext {
                time: moment(1),
                next_update: moment(0),
            },
            CertificateError::BadSignature,
            CertificateError::UnsupportedSignatureAlgorithm,
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: algorithm.clone(),
                supported_algorithms: Vec::new(),
            },
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: algorithm.clone(),
                public_key_algorithm_id: algorithm,
            },
            CertificateError::NotValidForName,
            CertificateError::NotValidForNameContext {
                expected: expected.clone(),
                presented: Vec::new(),
            },
            CertificateError::NotValidForNameContext {
                expected,
                presented: presented(&[
                    "DnsName(\"other.example\")",
                    "IpAddress(192.0.2.1)",
                    "DirectoryName",
                    "Unsupported(0x05)",
                    "DnsName(\"{debug::output(*.example\")",
                    "DnsName(\"d\")",
                    "DnsName(\"e\")",
                    "DnsName(\"f\")",
                ]),
            },
            CertificateError::InvalidPurpose,
            CertificateError::InvalidPurposeContext {
                required: ExtendedKeyPurpose::ServerAuth,
                presented: vec![ExtendedKeyPurpose::Other(vec![1, 3, 6])],
            },
            CertificateError::InvalidPurposeContext {
                required: ExtendedKeyPurpose::ServerAuth,
                presented: vec![ExtendedKeyPurpose::ClientAuth],
            },
            CertificateError::InvalidOcspResponse,
            CertificateError::ApplicationVerificationFailure,
            CertificateError::Other(OtherError(Arc::new(std::fmt::Error))),
            of_verifier(webpki::Error::CaUsedAsEndEntity),
            of_verifier(webpki::Error::CertDistrusted),
            of_verifier(webpki::Error::EmptyEkuExtension),
            of_verifier(webpki::Error::EndEntityUsedAsCa),
            of_verifier(webpki::Error::ExtensionValueInvalid),
            of_verifier(webpki::Error::InvalidNetworkMaskConstraint),
            of_verifier(webpki::Error::InvalidSerialNumber),
            of_verifier(webpki::Error::MalformedDnsIdentifier),
            of_verifier(webpki::Error::MalformedExtensions),
            of_verifier(webpki::Error::MalformedNameConstraint),
            of_verifier(webpki::Error::MaximumNameConstraintComparisonsExceeded),
            of_verifier(webpki::Error::MaximumPathBuildCallsExceeded),
            of_verifier(webpki::Error::MaximumPathDepthExceeded),
            of_verifier(webpki::Error::MaximumSignatureChecksExceeded),
            of_verifier(webpki::Error::NameConstraintViolation),
            of_verifier(webpki::Error::PathLenConstraintViolated),
            of_verifier(webpki::Error::SignatureAlgorithmMismatch),
            of_verifier(webpki::Error::UnsupportedCertVersion),
            of_verifier(webpki::Error::UnsupportedCriticalExtension),
            of_verifier(webpki::Error::UnsupportedCrlVersion),
            of_verifier(webpki::Error::UnsupportedNameType),
        ]
    }

    fn errors() -> Vec<Error> {
        let mut errors = vec![
            Error::InappropriateMessage {
                expect_types: vec![rustls::ContentType::Handshake],
                got_type: rustls::ContentType::ApplicationData,
            },
            Error::InappropriateHandshakeMessage {
                expect_types: vec![rustls::HandshakeType::Finished],
                got_type: rustls::HandshakeType::ClientHello,
            },
            Error::InvalidEncryptedClientHello(EncryptedClientHelloError::SniRequired),
            Error::NoCertificatesPresented,
            Error::UnsupportedNameType,
            Error::DecryptError,
            Error::EncryptError,
            Error::PeerMisbehaved(PeerMisbehaved::MissingKeyShare),
            Error::InvalidCertRevocationList(CertRevocationListError::ParseError),
            Error::General("SomeType { field: Other::Value(1) }".to_owned()),
            Error::FailedToGetCurrentTime,
            Error::FailedToGetRandomBytes,
            Error::HandshakeNotComplete,
            Error::PeerSentOversizedRecord,
            Error::NoApplicationProtocol,
            Error::BadMaxFragmentSize,
            Error::InconsistentKeys(InconsistentKeys::Unknown),
            Error::Other(OtherError(Arc::new(webpki::Error::BadDer))),
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion),
            Error::InvalidMessage(InvalidMessage::MissingData("ServerHello")),
            Error::InvalidMessage(InvalidMessage::DuplicateExtension(5)),
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::PeerIncompatible(PeerIncompatible::ExtendedMasterSecretExtensionRequired),
        ];
        errors.extend((0..=255).map(|number| Error::AlertReceived(AlertDescription::from(number))));
        errors.extend(
            certificate_errors()
                .into_iter()
                .map(Error::InvalidCertificate),
        );
        errors
    }

    /// What Rust writes of a value: braces, paths, names of types and of fields.
    fn looks_like_debug_output(sentence: &str) -> bool {
        // Names of X.509, of ciphers and of options, which are spelt so.
        let known = [
            "subjectAltName",
            "basicConstraints",
            "ChaCha20",
            "(it says CA:TRUE)",
        ];
        let options = ["base_url", "ca_file", "tls_roots"];
        let known = known.iter().chain(&options);
        let sentence = known.fold(sentence.to_owned(), |it, known| it.replace(known, ""));
        let is_hump = |pair: &[u8]| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase();
        sentence.contains(['{', '(', '[', '_'])
            || sentence.contains("::")
            || sentence.as_bytes().windows(2).any(is_hump)
    }

    #[test]
    fn every_error_is_told_in_a_sentence() {
        for error in errors() {
            let sentence = account(&error).sentence;
            assert!(!looks_like_debug_output(&sentence), "{error:?}: {sentence}");
            assert!(sentence.split(' ').count() > 5, "{error:?}: {sentence}");
            assert!(sentence.len() < 600, "{error:?}: {sentence}");
        }
    }

    #[test]
    fn sentences_about_a_certificate_say_what_to_do() {
        for error in certificate_errors() {
            let problem = certificate_problem(&error);
            let is_vague = problem.starts_with("does not verify") || problem.contains("own rules");
            let says_what_to_do = problem.contains(": ") || problem.contains("; check");
            assert!(is_vague || says_what_to_do, "{error:?}: {problem}");
        }
    }

    #[test]
    fn names_in_a_certificate_are_told_as_far_as_one_reads() {
        let name = "DnsName(\"a\u{7}b\\c\n.example\")".to_owned();
        assert_eq!(names(&[name]), "it is for abc.example");
        let long = format!("DnsName(\"{}\")", "x".repeat(60_000));
        let many = vec![long; 1000];
        let told = names(&many);
        assert!(told.len() < 500 && told.ends_with("and 995 more"), "{told}");
    }
}
