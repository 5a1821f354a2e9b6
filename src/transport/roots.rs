//! Whom to trust: Mozilla's authorities, the machine's, and those of a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use once_cell::race::OnceBox;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::{CertificateResult, ErrorKind};

use super::pool::with_descriptors;
use super::tls_failure;
use crate::sys::{environment, is_out_of_descriptors};

/// A bundle of every authority there is has a quarter of a megabyte.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Where the trusted authorities come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Roots {
    /// Mozilla's, built in.
    #[default]
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
    let read = || {
        if environment::is_trusted() {
            rustls_native_certs::load_native_certs()
        } else {
            without_environment()
        }
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
    let mut text = Vec::new();
    with_descriptors(
        || File::open(file),
        |opened| opened.as_ref().is_err_and(is_out_of_descriptors),
    )
    .and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut text))
    .map_err(|error| format!("could not be read ({error})"))?;
    if text.len() > MAX_FILE_BYTES {
        return Err("is longer than 16 MiB, which no file of certificates is".to_owned());
    }
    let sections = sections(&String::from_utf8_lossy(&text))?;
    if sections.is_empty() {
        return Err(
            "holds no certificate in PEM (-----BEGIN CERTIFICATE-----); one in DER becomes PEM by \
             openssl x509 -inform DER"
                .to_owned(),
        );
    }
    for (index, section) in sections.iter().enumerate() {
        let certificate = || format!("certificate number {} (line {})", index + 1, section.line);
        let der = CertificateDer::from_pem_slice(section.text.as_bytes()).map_err(|_| {
            let which = certificate();
            format!("has a {which} that is not Base64: copy it again, or take it out")
        })?;
        store.add(der).map_err(|error| {
            let problem = match &error {
                rustls::Error::InvalidCertificate(reason) => {
                    tls_failure::certificate_problem(reason)
                }
                other => tls_failure::account(other).sentence,
            };
            format!("has a {} that cannot be used: it {problem}", certificate())
        })?;
    }
    Ok(())
}

/// One certificate's lines, markers included.
struct Section {
    /// Where it begins, counted from 1.
    line: usize,
    text: String,
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// The certificates of a PEM file. A PEM parser passes over what it does not understand; this tells
/// each marker that such a parser would not see. Keys and parameters are no one's trust: they may
/// stand beside the certificates, and are passed over.
fn sections(text: &str) -> Result<Vec<Section>, String> {
    let mut sections = Vec::new();
    let mut open: Option<(&str, Section)> = None;
    let text = text.trim_start_matches('\u{feff}');
    for (index, line) in text.lines().flat_map(|line| line.split('\r')).enumerate() {
        let (number, line) = (index + 1, line.trim());
        let markers = markers(line);
        if markers == 0 {
            if let Some((_, section)) = &mut open {
                section.text.push_str(line);
                section.text.push('\n');
            }
            continue;
        }
        let begins = label(line, BEGIN);
        let ends = label(line, END);
        match (begins, ends, open.take()) {
            (Some(label), _, None) if markers == 1 => {
                let text = format!("{line}\n");
                open = Some((label, Section { line: number, text }));
            }
            (_, Some(label), Some((begun, mut section))) if markers == 1 && label == begun => {
                section.text.push_str(line);
                if is_certificate(label)? {
                    sections.push(section);
                }
            }
            _ if markers > 1 || (begins.is_none() && ends.is_none()) => {
                return Err(format!(
                    "has a BEGIN or END that shares line {number} with something else: each has to \
                     stand on a line of its own, with five hyphens on either side"
                ));
            }
            (_, _, Some((_, section))) => return Err(unfinished(&section)),
            (_, _, None) => {
                return Err(format!(
                    "has an END on line {number} without a BEGIN before it: copy the certificate \
                     again"
                ));
            }
        }
    }
    match open {
        Some((_, section)) => Err(unfinished(&section)),
        None => Ok(sections),
    }
}

fn unfinished(section: &Section) -> String {
    format!(
        "has a BEGIN on line {} whose END is missing or says something else: copy it again",
        section.line
    )
}

/// How many markers a line has that anyone may have meant, whatever their hyphens and their case.
fn markers(line: &str) -> usize {
    let line = line.to_ascii_uppercase();
    let count = |ways: [&str; 2]| ways.map(|way| line.matches(way).count()).into_iter().max();
    count([BEGIN, "BEGIN CERTIFICATE"]).unwrap_or(0) + count([END, "END CERTIFICATE"]).unwrap_or(0)
}

/// What a line that is nothing but a marker says it marks.
fn label<'l>(line: &'l str, marker: &str) -> Option<&'l str> {
    let label = line.strip_prefix(marker)?.strip_suffix("-----")?;
    (!label.contains('-')).then_some(label)
}

/// Whether a section is a certificate. What is about trust and cannot be used is refused, as it
/// would be missed.
fn is_certificate(label: &str) -> Result<bool, String> {
    match label {
        "CERTIFICATE" => Ok(true),
        "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Err(format!(
            "has a {label}, a form of OpenSSL's own: openssl x509 -in FILE makes it a CERTIFICATE"
        )),
        "X509 CRL" => Err(
            "has a list of revoked certificates (X509 CRL), which is not looked at: take it out"
                .to_owned(),
        ),
        "PKCS7" | "CMS" => Err(format!(
            "has certificates packed as {label}: openssl pkcs7 -print_certs -in FILE unpacks them"
        )),
        label if label.ends_with("CERTIFICATE REQUEST") => Err(
            "has a request for a certificate (CERTIFICATE REQUEST), not the certificate that was \
             made from it"
                .to_owned(),
        ),
        label if label.to_ascii_uppercase().contains("CERTIFICATE") => {
            Err("has a certificate that is not marked as CERTIFICATE, letter for letter".to_owned())
        }
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Roots, root_store, sections};

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    fn count(text: &str) -> usize {
        sections(text).map(|sections| sections.len()).expect(text)
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
                assert!(sections(&text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn clients_share_what_they_trust() {
        let [one, other] = [Roots::Bundled; 2].map(|roots| root_store(roots).expect("built in"));
        assert!(Arc::ptr_eq(&one, &other));
    }
}
