//! A certificate for the gateways of a test program, and the authority that signed it.

use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Each as PEM.
pub struct Identity {
    pub authority: String,
    pub certificate: String,
    pub key: String,
}

pub fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let authority_key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_pem = authority
            .self_signed(&authority_key)
            .expect("a certificate");
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()])
            .and_then(|server| server.signed_by(&key, &Issuer::new(authority, authority_key)))
            .expect("a certificate");
        Identity {
            authority: authority_pem.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    })
}
