//! ureq as it comes: its defaults, and a timeout as any user would set.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use zixflow_benches::{HEADERS, Reply};

fn main() {
    zixflow_benches::drive(|arguments| {
        let roots: Vec<Certificate> = arguments
            .certificates()
            .iter()
            .map(|certificate| Certificate::from_der(certificate).to_owned())
            .collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .build();
        let agent: Agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        let url = arguments.url();
        let message = arguments.message.clone();
        move || {
            let mut request = agent.post(&url);
            for (name, value) in HEADERS {
                request = request.header(name, value);
            }
            let mut response = request.send(&message).expect("a response");
            let body = response.body_mut().read_to_vec().expect("a body");
            Reply::assert_accepted(&body);
        }
    });
}
