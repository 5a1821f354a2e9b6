//! The page at `/`: what came, as a phone shows it, and buttons that send post-backs by hand.
//!
//! Whoever is on this machine may look. But a page from elsewhere that is open in the same browser
//! may not: it can neither read along, by a name that it makes lead here (`Host`), nor give orders or
//! send messages (`Origin`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::channel::{Channel, Sender};
use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Shared;
use super::endpoint::PATH;
use super::messages::{Message, Messages, Refusal};
use super::post_back::{Hook, Update};
use super::recipients::{MAGIC_RECIPIENTS, MagicRecipient};
use super::respond::ResponseBytes;
use super::wire::Request;

const HTML: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
const ICON: &str = include_str!("page/icon.svg");

/// Nothing but what the sandbox itself serves, and no script but the page's own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const EVENTS: &str = "/events";
const ORDERS: &str = "/orders";

/// Longer remarks are refused.
const MOST_REMARK_CHARACTERS: usize = 500;

/// So that the page learns that the sandbox has gone, and the sandbox that the page has.
const STILL_HERE_EVERY: Duration = Duration::from_secs(15);

/// How a request reached the sandbox.
#[derive(Clone, Copy)]
pub struct Entrance {
    pub scheme: &'static str,
    pub address: SocketAddr,
}

/// An order that the page gives.
#[derive(Deserialize)]
struct Order {
    message: u64,
    #[serde(flatten)]
    what: What,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// The button with this index was tapped.
    Tap(usize),
    Sent(String),
    Delivered(String),
    Read(String),
    Failed(String),
}

/// The page's response to a request, or nothing where the request is none of the page's.
pub fn response(
    shared: &Arc<Shared>,
    request: &Request,
    entrance: Entrance,
) -> Option<Response<ResponseBytes>> {
    let file = match request.path.as_str() {
        "/" => Some((HTML, "text/html; charset=utf-8")),
        "/page.css" => Some((STYLE, "text/css; charset=utf-8")),
        "/page.js" => Some((SCRIPT, "text/javascript; charset=utf-8")),
        "/icon.svg" => Some((ICON, "image/svg+xml")),
        EVENTS | ORDERS => None,
        _ => return None,
    };
    let method = if request.path == ORDERS {
        "POST"
    } else {
        "GET"
    };
    let response = if request.method != method {
        let mut refusal = told(StatusCode::METHOD_NOT_ALLOWED, "This takes another method.");
        let allowed = HeaderValue::from_static(method);
        refusal.headers_mut().insert(ALLOW, allowed);
        refusal
    } else if let Err(problem) = is_from_itself(request, entrance) {
        told(StatusCode::FORBIDDEN, problem)
    } else if let Some((text, media_type)) = file {
        respond(StatusCode::OK, media_type, full(text))
    } else if request.path == EVENTS {
        respond(StatusCode::OK, "text/event-stream", events(shared))
    } else {
        match take_order(shared, request) {
            Ok(()) => told(StatusCode::ACCEPTED, "The post-back is on its way."),
            Err((status, problem)) => told(status, problem),
        }
    };
    Some(response)
}

/// Whether the page itself asks, or a program that is no browser, under a name that is this
/// machine's own.
pub fn is_from_itself(request: &Request, entrance: Entrance) -> Result<(), &'static str> {
    let host = request.header("host").unwrap_or_default();
    let origin = request.header("origin");
    // Another machine's program may know this one by any name. A browser that posts says its origin.
    let is_from_afar = request.path == PATH && !entrance.address.ip().to_canonical().is_loopback();
    if !(is_from_afar && origin.is_none() || is_own(host, entrance)) {
        return Err("This Host is not the sandbox's own.");
    }
    let gives_orders = request.path == ORDERS;
    let own_origin = format!("{}://{host}", entrance.scheme);
    if origin.is_none() && gives_orders || origin.is_some_and(|origin| origin != own_origin) {
        return Err("This Origin is not the sandbox's own page.");
    }
    // Where somebody follows a link to the page, it is another site's; that may be.
    let site = request.header("sec-fetch-site").unwrap_or("same-origin");
    let may_be_linked = request.path == "/";
    if !may_be_linked && !matches!(site, "same-origin" | "none") {
        return Err("This is for the sandbox's own page.");
    }
    Ok(())
}

fn is_own(host: &str, entrance: Entrance) -> bool {
    let Ok(uri) = format!("http://{host}/").parse::<Uri>() else {
        return false;
    };
    // Neither a user nor a path may stand in it.
    let Some(authority) = uri.authority() else {
        return false;
    };
    if *authority != host || host.contains('@') {
        return false;
    }
    let usual_port = if entrance.scheme == "https" { 443 } else { 80 };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let is_own_name = match address.parse::<IpAddr>() {
        Ok(address) => address == entrance.address.ip().to_canonical(),
        Err(_) => {
            name.eq_ignore_ascii_case("localhost")
                && entrance.address.ip().to_canonical().is_loopback()
        }
    };
    is_own_name && authority.port_u16().unwrap_or(usual_port) == entrance.address.port()
}

type Problem = (StatusCode, &'static str);

fn take_order(shared: &Arc<Shared>, request: &Request) -> Result<(), Problem> {
    let content_type = request.header("content-type").unwrap_or_default();
    if content_type != "application/json" {
        let problem = "An order is application/json.";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, problem));
    }
    let order: Order = serde_json::from_slice(&request.body)
        .map_err(|_| (StatusCode::BAD_REQUEST, "This is no order that is known."))?;
    let (hook, update) = carry_out(&shared.messages, &order)?;
    let (shared, number) = (Arc::clone(shared), order.message);
    tokio::spawn(async move {
        shared.tell(number, &hook, &update).await;
    });
    Ok(())
}

fn carry_out(messages: &Messages, order: &Order) -> Result<(Hook, Update), Problem> {
    let (status, remark) = match &order.what {
        What::Tap(_) => ("clicked", ""),
        What::Sent(remark) => ("sent", remark.as_str()),
        What::Delivered(remark) => ("delivered", remark.as_str()),
        What::Read(remark) => ("read", remark.as_str()),
        What::Failed(remark) => ("failed", remark.as_str()),
    };
    if remark.chars().nth(MOST_REMARK_CHARACTERS).is_some() {
        return Err((StatusCode::BAD_REQUEST, "The remark is too long."));
    }
    let hook = match order.what {
        What::Tap(button) => messages.tap(order.message, button),
        _ => messages.hook(order.message),
    };
    let hook = hook.map_err(|refusal| match refusal {
        Refusal::NoSuchMessage => (
            StatusCode::NOT_FOUND,
            "The sandbox no longer has this message.",
        ),
        Refusal::NoSuchButton => (StatusCode::BAD_REQUEST, "There is no such button."),
        Refusal::NotAccepted => (
            StatusCode::CONFLICT,
            "The message was not accepted, so nothing comes after it.",
        ),
        Refusal::NoPostBackUrl => (StatusCode::CONFLICT, "The message has no post_back_url."),
    })?;
    let update = Update::new(status, hook.age()).because(remark);
    Ok((hook, update))
}

/// What a page needs that was just opened, or that was cut off for a while.
#[derive(Serialize)]
struct Welcome<'a> {
    /// Another one than the last: the sandbox was started anew.
    run: u64,
    workspace_id: &'a str,
    recipients: &'a [MagicRecipient],
    messages: Vec<Message>,
}

fn events(shared: &Arc<Shared>) -> ResponseBytes {
    let (sender, body) = Channel::new(1);
    tokio::spawn(stream_events(Arc::clone(shared), sender));
    Either::Right(body)
}

/// Ends when the page has gone. A page that reads slowly skips what was changed again meanwhile.
async fn stream_events(shared: Arc<Shared>, mut sender: Sender<Bytes>) {
    let mut changes = shared.messages.changes();
    let (messages, mut version) = shared.messages.since(0);
    let welcome = Welcome {
        run: shared.run,
        workspace_id: &shared.workspace_id,
        recipients: &MAGIC_RECIPIENTS,
        messages,
    };
    let mut event = event("welcome", &welcome);
    while sender.send_data(event.into()).await.is_ok() {
        event = next_event(&shared.messages, &mut changes, &mut version).await;
    }
}

async fn next_event(
    messages: &Messages,
    changes: &mut watch::Receiver<u64>,
    version: &mut u64,
) -> String {
    loop {
        changes.mark_unchanged();
        let (changed, now) = messages.since(*version);
        *version = now;
        if !changed.is_empty() {
            return event("messages", &changed);
        }
        if timeout(STILL_HERE_EVERY, changes.changed()).await.is_err() {
            return ": still here\n\n".to_owned();
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> String {
    let data = serde_json::to_string(data).expect("text and numbers are always JSON");
    format!("event: {name}\ndata: {data}\n\n")
}

fn told(status: StatusCode, message: &str) -> Response<ResponseBytes> {
    let body = json!({ "message": message }).to_string();
    respond(status, "application/json", full(body))
}

fn full(text: impl Into<Bytes>) -> ResponseBytes {
    Either::Left(Full::new(text.into()))
}

fn respond(
    status: StatusCode,
    media_type: &'static str,
    body: ResponseBytes,
) -> Response<ResponseBytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let same_origin = HeaderName::from_static("cross-origin-resource-policy");
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (same_origin, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
