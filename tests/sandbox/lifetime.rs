//! How a sandbox starts, is reached and ends.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::client::{Response, connect, exchange_bytes, request, to};
use crate::running::Running;
use crate::{config, message, start};
use support::c;
use support::sandbox::recipients::table;
use support::sandbox::{Config, Sandbox};

#[test]
fn https_is_trusted_through_the_ca_file_alone() {
    let sandbox = start();
    let address = sandbox.https_url().expect("HTTPS is on");
    let address = address.trim_start_matches("https://");
    let mut trusting = rustls::RootCertStore::empty();
    let ca_file = sandbox.ca_file().expect("HTTPS has one");
    let ca = CertificateDer::from_pem_file(ca_file).expect("a certificate in PEM");
    trusting.add(ca).expect("an authority");

    for name in ["localhost", "127.0.0.1", "::1"] {
        let request = request(&message("919876543210").to_string());
        let request = request.replace("Host: sandbox", &format!("Host: {address}"));
        let stream = tls(address, name, trusting.clone());
        Response::parse(&exchange_bytes(stream, &request)).accepted();
    }
    let strangers = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for (name, roots) in [("example.com", trusting), ("localhost", strangers)] {
        let error = tls(address, name, roots).write(b"x").expect_err("no trust");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

fn tls(
    address: &str,
    name: &str,
    roots: rustls::RootCertStore,
) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
    rustls::StreamOwned::new(session, TcpStream::connect(address).expect("it listens"))
}

#[test]
fn dropping_it_stops_it_and_takes_its_ca_file_along() {
    let address_of_a_dropped_one = || {
        let sandbox = start();
        let ca_file = sandbox.ca_file().expect("HTTPS has one").to_owned();
        let url = sandbox.http_url().expect("HTTP is on").to_owned();
        let mut waiting = connect(&sandbox);
        let request = to(&sandbox, &request(&message("15550100008").to_string()));
        waiting.write_all(request.as_bytes()).expect("it reads");
        while sandbox.requests().is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        drop(sandbox);
        assert_eq!(waiting.read(&mut [0]).expect("an end"), 0);
        assert!(!ca_file.exists());
        url.trim_start_matches("http://").to_owned()
    };
    // Another test may have been given the port since.
    let is_refused = (0..3).any(|_| {
        TcpStream::connect(address_of_a_dropped_one())
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    });
    assert!(is_refused, "somebody listens");
}

/// Whoever owned it could make clients trust an authority of his own later.
#[test]
fn ca_file_is_new_and_its_users_alone() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let started = |ca_file: Option<PathBuf>| {
        Sandbox::start(Config {
            ca_file,
            ..config()
        })
    };
    let mode = |path: &Path| path.metadata().expect("it is there").mode() & 0o777;

    let sandbox = started(None).expect("a sandbox");
    let own = sandbox.ca_file().expect("HTTPS has one").to_owned();
    assert_eq!(
        (mode(&own), mode(own.parent().expect("one"))),
        (0o600, 0o700)
    );
    drop(sandbox);
    assert!(!own.parent().expect("one").exists());

    // What lies there is replaced, and nobody who has it open sees what comes.
    let path = directory.path().join("ca.pem");
    fs::write(&path, "another's").expect("it is writable");
    fs::set_permissions(&path, Permissions::from_mode(0o666)).expect("it is ours");
    let mut open = File::open(&path).expect("it is there");
    let sandbox = started(Some(path.clone())).expect("a sandbox");
    assert_eq!(sandbox.ca_file(), Some(path.as_path()));
    assert_eq!(mode(&path), 0o600);
    let mut text = String::new();
    open.read_to_string(&mut text).expect("it is open");
    assert_eq!(text, "another's");

    // Neither through a link, which may lead anywhere, nor to what is no file.
    let victim = directory.path().join("victim");
    fs::write(&victim, "untouched").expect("it is writable");
    let link = directory.path().join("link.pem");
    symlink(&victim, &link).expect("it is writable");
    let dangling = directory.path().join("dangling.pem");
    symlink(directory.path().join("new"), &dangling).expect("it is writable");
    for path in [
        link,
        dangling,
        directory.path().to_owned(),
        "/dev/null".into(),
    ] {
        let error = started(Some(path.clone()))
            .err()
            .expect("a refusal")
            .to_string();
        assert!(error.contains("no regular file"), "{error}");
        assert!(error.contains(&*path.to_string_lossy()), "{error}");
    }
    assert_eq!(fs::read(&victim).expect("it is there"), b"untouched");
    assert!(!directory.path().join("new").exists());
}

/// In the directory that everybody writes to, no name is known before.
#[test]
fn ca_file_of_the_command_is_in_a_directory_of_its_own() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut places = Vec::new();
    for _ in 0..2 {
        let mut command = c::sandbox();
        command
            .args(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"])
            .env_remove("XDG_RUNTIME_DIR")
            .env("TMPDIR", directory.path());
        let mut running = Running::start(&mut command);
        let line = running
            .lines()
            .map_while(Result::ok)
            .find(|it| it.contains("CA_FILE"));
        let line = line.expect("it says where its file is");
        let place = line.split('\'').nth(1).expect("in quotes");
        places.push(PathBuf::from(place));
    }
    assert_ne!(places[0], places[1]);
    for place in places {
        let own = place.parent().expect("one");
        assert_eq!(own.parent(), Some(directory.path()), "{}", place.display());
        assert_eq!(own.metadata().expect("it is there").mode() & 0o777, 0o700);
        assert_eq!(place.metadata().expect("it is there").mode() & 0o777, 0o600);
    }
}

#[test]
fn a_taken_address_is_named() {
    let sandbox = start();
    let url = sandbox.http_url().expect("HTTP is on");
    let address = url.trim_start_matches("http://");
    let config = Config {
        http: Some(address.parse().expect("an address")),
        ..config()
    };
    let Err(error) = Sandbox::start(config) else {
        panic!("two sandboxes listen on {address}");
    };
    assert!(error.to_string().contains(address), "{error}");
}

#[test]
fn the_command_explains_itself() {
    let help = c::run(c::sandbox().arg("--help"), b"");
    assert_eq!(help.code(), 0, "{help:?}");
    let defaults = Config::default();
    for default in [
        defaults.api_key,
        defaults.workspace_id,
        defaults.notify_after.as_millis().to_string(),
        defaults.notify_late.as_millis().to_string(),
        defaults.slow_response.as_millis().to_string(),
    ] {
        assert!(help.stdout.contains(&format!("[{default}]")), "{default}");
    }
    assert!(help.stdout.contains(&table()), "{}", help.stdout);
    for (arguments, problem) in [
        (["--no-such", "x"], "no option --no-such"),
        (["--http", "nowhere"], "--http takes an address"),
        (["--slow-response-ms", "soon"], "milliseconds"),
        (["--https", "off"], "--api-key"),
    ] {
        // The last one is in order, but for the empty key that every run here is given.
        let mut command = c::sandbox();
        let refused = c::run(command.args(arguments).args(["--api-key", ""]), b"");
        assert_eq!(refused.code(), 2, "{refused:?}");
        assert!(refused.stderr.contains(problem), "{}", refused.stderr);
    }
}
