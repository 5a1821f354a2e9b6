//! The notifications that follow an accepted message, posted to the message's `post_back_url`.

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
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Error;

const DEADLINE: Duration = Duration::from_secs(5);

/// Beyond 2^53, as Zixflow's own are: a receiver that reads one into a double corrupts it.
const SMALLEST_MESSAGE_ID: u64 = (1 << 53) + 1;

/// One status that a message comes to have. Times count from its acceptance.
#[derive(Clone)]
pub struct Update {
    pub status: &'static str,
    pub remark: String,
    /// When it has the status.
    pub at: Duration,
    /// When that is told, but not before what stands before it in the list.
    pub told_after: Duration,
}

impl Update {
    pub fn new(status: &'static str, at: Duration) -> Self {
        Self {
            status,
            remark: String::new(),
            at,
            told_after: at,
        }
    }

    pub fn because(mut self, remark: impl Into<String>) -> Self {
        self.remark = remark.into();
        self
    }

    pub fn told_after(mut self, told_after: Duration) -> Self {
        self.told_after = told_after;
        self
    }
}

/// Where the notifications of one message go, and what is the same in all of them.
#[derive(Clone)]
pub struct Hook {
    url: String,
    workspace_id: String,
    message_id: u64,
    request_id: String,
    recipient: String,
    post_back_data: String,
    accepted_at: Timestamp,
}

#[derive(Serialize)]
struct Notification<'a> {
    workspace_id: &'a str,
    r#type: &'static str,
    message_id: u64,
    request_id: &'a str,
    channel: &'static str,
    recipient: &'a str,
    status: &'a str,
    remark: &'a str,
    status_at: &'a str,
    post_back_data: &'a str,
}

/// One post-back, and what became of it.
pub struct Delivery {
    pub url: String,
    pub status: &'static str,
    pub remark: String,
    pub body: String,
    pub outcome: String,
}

impl Delivery {
    /// In a line for a person, with the body below.
    pub fn describe(&self) -> String {
        format!(
            "post-back to {}: {}\n    {}\n",
            self.url, self.outcome, self.body
        )
    }
}

impl Hook {
    pub fn new(
        url: String,
        workspace_id: &str,
        request_id: String,
        recipient: String,
        post_back_data: String,
    ) -> Self {
        Self {
            url,
            workspace_id: workspace_id.to_owned(),
            message_id: fastrand::u64(SMALLEST_MESSAGE_ID..=i64::MAX.unsigned_abs()),
            request_id,
            recipient,
            post_back_data,
            accepted_at: Timestamp::now(),
        }
    }

    /// How much memory it takes, roughly.
    pub fn bytes(&self) -> usize {
        self.url.len() + self.recipient.len() + self.post_back_data.len() + 256
    }

    /// Since the message was accepted.
    pub fn age(&self) -> Duration {
        let age = Timestamp::now().duration_since(self.accepted_at);
        age.try_into().unwrap_or_default()
    }

    /// Posts a notification as soon as it is due.
    pub async fn deliver(&self, update: &Update) -> Delivery {
        tokio::time::sleep(update.told_after.saturating_sub(self.age())).await;
        let at = SignedDuration::try_from(update.at).unwrap_or_default();
        let status_at = format!(
            "{:.9}",
            self.accepted_at
                .saturating_add(at)
                .unwrap_or(self.accepted_at)
        );
        let notification = Notification {
            workspace_id: &self.workspace_id,
            r#type: "delivery_status",
            message_id: self.message_id,
            request_id: &self.request_id,
            channel: "whatsapp",
            recipient: &self.recipient,
            status: update.status,
            remark: &update.remark,
            status_at: &status_at,
            post_back_data: &self.post_back_data,
        };
        let body = serde_json::to_string(&notification).expect("plain fields are always JSON");
        let outcome = match timeout(DEADLINE, post(&self.url, body.clone())).await {
            Ok(Ok(status)) => format!("responded with {status}"),
            Ok(Err(problem)) => problem,
            Err(_) => format!("no response within {} seconds", DEADLINE.as_secs()),
        };
        Delivery {
            url: self.url.clone(),
            status: update.status,
            remark: update.remark.clone(),
            body,
            outcome,
        }
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
