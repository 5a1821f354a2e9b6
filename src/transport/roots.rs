//! Whom to trust: Mozilla's authorities, the machine's, and those of a file.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use once_cell::race::OnceBox;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls_native_certs::{CertificateResult, ErrorKind};
use serde::Deserialize;

use super::give_way::{are_lacking, with_descriptors};
use super::tls_failure;
use crate::sys::{environment, is_out_of_descriptors, open_file};

/// A bundle of every authority there is has a quarter of a megabyte.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Where the trusted authorities come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Roots {
    /// Mozilla's, built in.
    Bundled,
    /// The machine's own.
    System,
}

/// The authorities to trust: read once, and shared by the clients of a process. The error is the
/// rest of a sentence that begins with the option's name.
pub(crate) fn root_store(roots: Roots) -> Result<Arc<RootCertStore>, String> {
    static BUNDLED: OnceBox<Arc<RootCertStore>> = OnceBox::new();
    static SYSTEM: OnceBox<Arc<RootCertStore>> = OnceBox::new();

    match roots {
        Roots::Bundled => Ok(BUNDLED.get_or_init(|| {
            let store = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
            Box::new(Arc::new(store))
        })),
        Roots::System => SYSTEM.get_or_try_init(|| system_store().map(Arc::new).map(Box::new)),
    }
    .cloned()
}

fn system_store() -> Result<RootCertStore, String> {
    if let Ok(Some(file)) = environment::variable("SSL_CERT_FILE")
        && is_special(Path::new(&file))
    {
        return Err("found no certificate: SSL_CERT_FILE names no regular file".to_owned());
    }
    let read = match environment::is_trusted() {
        true => rustls_native_certs::load_native_certs,
        false => without_environment,
    };
    let found = with_descriptors(read, |found| {
        let mut errors = found.errors.iter();
        errors.any(|error| matches!(&error.kind, ErrorKind::Io { inner, .. } if is_out_of_descriptors(inner)))
    });
    let mut store = RootCertStore::empty();
    // A machine's store may hold what nobody can read any more; one readable root will do.
    let (added, _) = store.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(store);
    }
    Err(match found.errors.first() {
        Some(error) => format!("found no usable certificate on this machine ({error})"),
        None => "found no certificate on this machine: install its ca-certificates".to_owned(),
    })
}

/// Whether reading it could wait for ever, as a FIFO's does for its writer.
fn is_special(file: &Path) -> bool {
    file.metadata().is_ok_and(|it| !it.is_file())
}

/// The machine's certificates where no SSL_CERT_FILE or SSL_CERT_DIR may say otherwise.
fn without_environment() -> CertificateResult {
    let mut found = CertificateResult::default();
    for directory in openssl_probe::candidate_cert_dirs() {
        let mut more = rustls_native_certs::load_certs_from_paths(None, Some(directory));
        found.certs.append(&mut more.certs);
        found.errors.append(&mut more.errors);
    }
    found
}

/// Adds the certificates of a PEM file, every one of which must be usable: one that is passed over
/// shows only when a connection is refused. The error is the rest of a sentence that begins with the
/// file's name.
pub(crate) fn add_file(store: &mut RootCertStore, file: &Path) -> Result<(), String> {
    if is_special(file) {
        return Err("is no regular file".to_owned());
    }
    let mut text = Vec::new();
    with_descriptors(|| open_file(file), are_lacking)
        .and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut text))
        .map_err(|error| format!("could not be read ({error})"))?;
    if text.len() > MAX_FILE_BYTES {
        return Err("is longer than 16 MiB, which no file of certificates is".to_owned());
    }
    let certificates = certificates(&String::from_utf8_lossy(&text))?;
    if certificates.is_empty() {
        return Err(
            "holds no certificate in PEM (-----BEGIN CERTIFICATE-----); one in DER becomes PEM by \
             openssl x509 -inform DER"
                .to_owned(),
        );
    }
    for ((line, certificate), number) in certificates.into_iter().zip(1..) {
        let which = format!("has a certificate number {number} (line {line}) that");
        let certificate = certificate
            .map_err(|_| format!("{which} is not Base64: copy it again, or take it out"))?;
        store.add(certificate).map_err(|error| {
            let problem = match &error {
                rustls::Error::InvalidCertificate(reason) => {
                    tls_failure::certificate_problem(reason)
                }
                other => tls_failure::sentence(other),
            };
            format!("{which} cannot be used: it {problem}")
        })?;
    }
    Ok(())
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

type Certificate = Result<CertificateDer<'static>, pem::Error>;

/// The certificates of a PEM file, each with the line on which it begins. A PEM parser passes over what
/// it does not know; here each line that somebody may have meant to begin or end a certificate has to do
/// so. Keys and parameters are no one's trust: they may stand beside the certificates.
fn certificates(text: &str) -> Result<Vec<(usize, Certificate)>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().flat_map(|line| line.split('\r'));
    let mut begins = Vec::new();
    let mut is_open = false;
    for (line, number) in lines.map(str::trim).zip(1..) {
        if !is_about_a_certificate(line) {
            continue;
        }
        if line != if is_open { END } else { BEGIN } {
            return Err(misplaced(number));
        }
        if !is_open {
            begins.push(number);
        }
        is_open = !is_open;
    }
    if let (true, Some(line)) = (is_open, begins.last()) {
        return Err(misplaced(*line));
    }
    let certificates = text.split(BEGIN).skip(1).map(|rest| {
        let base64 = rest.split(END).next().unwrap_or_default();
        CertificateDer::from_pem_slice(format!("{BEGIN}\n{base64}\n{END}").as_bytes())
    });
    Ok(begins.into_iter().zip(certificates).collect())
}

fn misplaced(line: usize) -> String {
    format!(
        "has a BEGIN or END of a certificate on line {line} that cannot be used: each has to stand on \
         a line of its own, as {BEGIN} or {END}, and an END has to follow each BEGIN; openssl x509 \
         -in FILE turns other forms into this one"
    )
}

/// Whether a line begins or ends a certificate, or what certificates are packed in, whatever its
/// hyphens and case.
fn is_about_a_certificate(line: &str) -> bool {
    const KINDS: [&str; 6] = [
        "CERTIFICATE",
        "TRUSTED CERT",
        "NEW CERT",
        "X509 C",
        "PKCS7",
        "CMS",
    ];

    let line = line.to_ascii_uppercase();
    ["BEGIN ", "END "].iter().any(|word| {
        let mut labels = line.split(word).skip(1);
        labels.any(|label| KINDS.iter().any(|kind| label.starts_with(kind)))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Roots, certificates, root_store};

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    fn count(text: &str) -> usize {
        let certificates = certificates(text).expect(text);
        assert!(certificates.iter().all(|(_, it)| it.is_ok()), "{text}");
        certificates.len()
    }

    #[test]
    fn each_certificate_counts() {
        assert_eq!(count(""), 0);
        assert_eq!(count(ONE), 1);
        assert_eq!(count(&format!("\u{feff}{ONE}")), 1);
        assert_eq!(count(&format!("About it\n{ONE}\n# and\n{ONE}{ONE}")), 3);
        assert_eq!(count(&ONE.repeat(2).replace('\n', "\r\n")), 2);
        assert_eq!(count(&ONE.repeat(2).replace('\n', "\r")), 2);
        assert_eq!(count(&ONE.repeat(2).replace('\n', " \n\t ")), 2);
        assert_eq!(count(ONE.trim_end()), 1);
        let key = ONE.replace("CERTIFICATE", "RSA PRIVATE KEY");
        assert_eq!(count(&format!("{key}{ONE}{key}")), 1);
    }

    #[test]
    fn a_certificate_that_would_be_missed_is_refused() {
        let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
        for bad in [
            format!("{}{ONE}", ONE.trim_end()),
            format!("# {ONE}"),
            format!("x{ONE}"),
            format!("-{ONE}"),
            format!("{begin}AAAA\n{end}\n"),
            format!("{begin}\nAAAA{end}\n"),
            format!("{begin} AAAA {end}\n"),
            format!("{begin}\nAAAA\n"),
            format!("{begin}\nAAAA\n{ONE}"),
            format!("AAAA\n{end}\n"),
            format!("{ONE}{end}\n"),
            format!("{begin}\nAAAA\n-----END PRIVATE KEY-----\n"),
            ONE.replace("-----", "----"),
            ONE.replace("BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE----"),
            ONE.replace("-----", "—"),
            ONE.to_lowercase(),
            ONE.replace("CERTIFICATE", "Certificate"),
            ONE.replace("CERTIFICATE", "CERTIFICATE "),
            ONE.replace("CERTIFICATE", "X509 CERTIFICATE"),
            ONE.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
            ONE.replace("CERTIFICATE", "CERTIFICATE REQUEST"),
            ONE.replace("CERTIFICATE", "NEW CERTIFICATE REQUEST"),
            ONE.replace("CERTIFICATE", "X509 CRL"),
            ONE.replace("CERTIFICATE", "PKCS7"),
        ] {
            for text in [bad.clone(), format!("{ONE}{bad}"), format!("{bad}{ONE}")] {
                let is_bad = match certificates(&text) {
                    Ok(certificates) => certificates.iter().any(|(_, it)| it.is_err()),
                    Err(_) => true,
                };
                assert!(is_bad, "{text}");
            }
        }
    }

    #[test]
    fn clients_share_what_they_trust() {
        let [one, other] = [Roots::Bundled; 2].map(|roots| root_store(roots).expect("built in"));
        assert!(Arc::ptr_eq(&one, &other));
    }
}
