//! `reqwest::blocking`, with the same TLS provider as the other contenders in Rust.

use std::time::Duration;

use reqwest::Certificate;
use reqwest::blocking::Client;
use zixflow_benches::{HEADERS, Reply};

fn main() {
    zixflow_benches::drive(|arguments| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("no other provider is installed");
        let roots = arguments
            .certificates()
            .into_iter()
            .map(|certificate| Certificate::from_der(&certificate).expect("a certificate"));
        let client = Client::builder()
            .tls_certs_only(roots)
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        let url = arguments.url();
        let message = arguments.message.clone();
        move || {
            let mut request = client.post(&url).body(message.clone());
            for (name, value) in HEADERS {
                request = request.header(name, value);
            }
            let body = request.send().and_then(|response| response.bytes());
            Reply::assert_accepted(&body.expect("a response"));
        }
    });
}
