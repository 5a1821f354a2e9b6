//! The notification that follows an accepted message, posted to the message's `post_back_url`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::http::uri::{Authority, PathAndQuery};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Error;

const DEADLINE: Duration = Duration::from_secs(5);

/// Beyond 2^53, as Zixflow's own are: a receiver that reads one into a double corrupts it.
const SMALLEST_MESSAGE_ID: u64 = (1 << 53) + 1;

pub struct PostBack {
    pub url: String,
    pub notification: Notification,
}

#[derive(Serialize)]
pub struct Notification {
    workspace_id: String,
    r#type: &'static str,
    message_id: u64,
    request_id: String,
    channel: &'static str,
    recipient: String,
    status: &'static str,
    remark: &'static str,
    status_at: String,
    post_back_data: String,
}

impl Notification {
    pub fn new(
        workspace_id: String,
        request_id: String,
        recipient: String,
        post_back_data: String,
        status: &'static str,
        remark: &'static str,
    ) -> Self {
        Self {
            workspace_id,
            r#type: "delivery_status",
            message_id: fastrand::u64(SMALLEST_MESSAGE_ID..=i64::MAX.unsigned_abs()),
            request_id,
            channel: "whatsapp",
            recipient,
            status,
            remark,
            status_at: String::new(),
            post_back_data,
        }
    }
}

impl PostBack {
    /// Waits until the message has got its status, posts the notification, and tells in a line
    /// what became of it.
    pub async fn deliver(mut self, notify_after: Duration) -> String {
        tokio::time::sleep(notify_after).await;
        self.notification.status_at = format!("{:.9}", jiff::Timestamp::now());
        let body = serde_json::to_string(&self.notification).expect("plain fields are always JSON");
        let outcome = match timeout(DEADLINE, post(&self.url, body.clone())).await {
            Ok(Ok(status)) => format!("answered with {status}"),
            Ok(Err(problem)) => problem,
            Err(_) => format!("not answered within {} seconds", DEADLINE.as_secs()),
        };
        format!("post-back to {}: {outcome}\n    {body}\n", self.url)
    }
}

async fn post(url: &str, body: String) -> Result<StatusCode, String> {
    let (uri, address) = loopback_target(url).await?;
    send(&uri, address, body)
        .await
        .map_err(|error| format!("not delivered: {}", chain(&*error)))
}

async fn send(uri: &Uri, address: SocketAddr, body: String) -> Result<StatusCode, Error> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post(uri.path_and_query().map_or("/", PathAndQuery::as_str))
        .header(HOST, uri.authority().map_or("localhost", Authority::as_str))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    Ok(sender.send_request(request).await?.status())
}

/// The sandbox takes URLs from anyone who reaches it, so it must not be led to other machines.
async fn loopback_target(url: &str) -> Result<(Uri, SocketAddr), String> {
    let uri: Uri = url
        .parse()
        .map_err(|error| format!("refused: the URL is broken: {error}"))?;
    if uri.scheme_str() != Some("http") {
        return Err("refused: the sandbox posts back over http:// only".to_owned());
    }
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if !is_loopback {
        return Err("refused: the sandbox posts back to this machine only \
             (localhost, 127.0.0.1 or [::1])"
            .to_owned());
    }
    let address = resolve(host, uri.port_u16().unwrap_or(80))
        .await
        .map_err(|error| format!("not delivered: {error}"))?;
    Ok((uri, address))
}

async fn resolve(host: &str, port: u16) -> io::Result<SocketAddr> {
    lookup_host((host, port))
        .await?
        .find(|address| address.ip().is_loopback())
        .ok_or_else(|| io::Error::other("the name has no loopback address"))
}

/// An error with its causes: hyper's own text leaves out what the operating system said.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
