//! What the sandbox does with a request: the endpoint's checks in their order, then whatever the
//! recipient's number asks for.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use serde::Serialize;

use super::Config;
use super::bounded::Latest;
use super::check::{self, Message};
use super::post_back::{Hook, Update};
use super::recipients::{Behaviour, behaviour_of};
use super::wire::Request;

pub const PATH: &str = "/api/ingest/whatsapp/v1/message/interactive/reply-buttons/send";

const BAD_GATEWAY_PAGE: &str = "<html>\n<head><title>502 Bad Gateway</title></head>\n\
    <body><h1>502 Bad Gateway</h1></body>\n</html>\n";

const FORBIDDEN_PAGE: &str = "<html>\n<head><title>Request blocked</title></head>\n\
    <body><h1>403 Forbidden</h1><p>This request was blocked by the firewall.</p></body>\n</html>\n";

const BYTE_ORDER_MARK: char = '\u{feff}';

/// How many bodies that were turned away are remembered.
const MOST_TURNED_AWAY: usize = 4096;

/// What goes back to the client, and what follows once the message is accepted.
pub struct Verdict {
    pub reply: Reply,
    pub accepted: Option<Accepted>,
}

/// A message that is queued: who wants to know what becomes of it, and what does.
pub struct Accepted {
    pub hook: Option<Hook>,
    pub updates: Vec<Update>,
}

pub enum Reply {
    AtOnce(ApiResponse),
    ByteByByte(ApiResponse),
    /// The connection stays open, and nothing comes.
    Silence,
    /// The connection is closed, and nothing came.
    HangUp,
}

pub struct ApiResponse {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, &'static str)>,
    pub body: String,
}

#[derive(Serialize)]
struct ApiResponseBody<'a> {
    success: bool,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl ApiResponse {
    pub fn refusal(status: StatusCode, message: &str) -> Self {
        Self::json(status, false, message, None)
    }

    fn accepted(request_id: &str) -> Self {
        let message = "Message accepted and queued.";
        Self::json(StatusCode::ACCEPTED, true, message, Some(request_id))
    }

    fn page(status: StatusCode, body: &str) -> Self {
        Self {
            status,
            headers: vec![(CONTENT_TYPE, "text/html")],
            body: body.to_owned(),
        }
    }

    fn unavailable() -> Self {
        let message = "The service is not available: try again in a second.";
        Self::refusal(StatusCode::SERVICE_UNAVAILABLE, message).with(RETRY_AFTER, "1")
    }

    fn too_many_requests() -> Self {
        let message = "Too many requests: try again in a second.";
        Self::refusal(StatusCode::TOO_MANY_REQUESTS, message).with(RETRY_AFTER, "1")
    }

    fn json(status: StatusCode, success: bool, message: &str, request_id: Option<&str>) -> Self {
        let body = ApiResponseBody {
            success,
            message,
            request_id,
        };
        Self {
            status,
            headers: vec![(CONTENT_TYPE, "application/json")],
            body: serde_json::to_string(&body).expect("text and a bool are always JSON"),
        }
    }

    /// As some servers write JSON, which takes a byte order mark to be a part of UTF-8.
    fn marked(mut self) -> Self {
        self.body.insert(0, BYTE_ORDER_MARK);
        self
    }

    /// Tells the client that the connection ends here.
    pub fn closing(self) -> Self {
        self.with(CONNECTION, "close")
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// The endpoint: who may use it, and what it remembers between requests.
pub struct Endpoint {
    api_key: String,
    workspace_id: String,
    notify_after: Duration,
    notify_late: Duration,
    turned_away: Mutex<Latest<u64>>,
    /// Bodies are told apart by their hash: they can be long.
    hashes: RandomState,
}

impl Endpoint {
    pub fn new(config: &Config) -> Self {
        Self {
            api_key: config.api_key.clone(),
            workspace_id: config.workspace_id.clone(),
            notify_after: config.notify_after,
            notify_late: config.notify_late,
            turned_away: Mutex::new(Latest::new(MOST_TURNED_AWAY, usize::MAX)),
            hashes: RandomState::new(),
        }
    }

    pub fn decide(&self, request: &Request) -> Verdict {
        match self.accept(request) {
            Ok(message) => self.behave(request, message),
            Err(refusal) => Verdict {
                reply: Reply::AtOnce(refusal),
                accepted: None,
            },
        }
    }

    fn accept(&self, request: &Request) -> Result<Message, ApiResponse> {
        if request.path != PATH {
            let message = format!("There is nothing here. The endpoint is {PATH}.");
            return Err(ApiResponse::refusal(StatusCode::NOT_FOUND, &message));
        }
        if request.method != "POST" {
            let message = "The endpoint takes POST only.";
            let refusal = ApiResponse::refusal(StatusCode::METHOD_NOT_ALLOWED, message);
            return Err(refusal.with(ALLOW, "POST"));
        }
        self.authorize(request)?;
        let content_type = request.header("content-type").unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            let message = "The content-type must be application/json.";
            return Err(ApiResponse::refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                message,
            ));
        }
        check::check(&request.body)
            .map_err(|problem| ApiResponse::refusal(StatusCode::BAD_REQUEST, &problem))
    }

    fn authorize(&self, request: &Request) -> Result<(), ApiResponse> {
        for (header, expected) in [
            ("x-api-key", &self.api_key),
            ("x-workspace-id", &self.workspace_id),
        ] {
            let problem = match request.header(header) {
                Some(given) if given == expected => continue,
                Some(_) => format!("{header} is wrong."),
                None => format!("{header} is missing."),
            };
            return Err(ApiResponse::refusal(StatusCode::UNAUTHORIZED, &problem));
        }
        Ok(())
    }

    fn behave(&self, request: &Request, message: Message) -> Verdict {
        let refuse = |response| Verdict {
            reply: Reply::AtOnce(response),
            accepted: None,
        };
        let behaviour = behaviour_of(&message.recipient);
        match behaviour {
            Behaviour::Unauthorized => refuse(ApiResponse::refusal(
                StatusCode::UNAUTHORIZED,
                "This recipient is always refused as if the credentials were wrong.",
            )),
            Behaviour::Reject => refuse(ApiResponse::refusal(
                StatusCode::BAD_REQUEST,
                "This recipient is always rejected.",
            )),
            Behaviour::Busy => refuse(ApiResponse::too_many_requests()),
            Behaviour::BusyOnce if self.turn_away(&request.body) => {
                refuse(ApiResponse::too_many_requests())
            }
            Behaviour::BadGateway => {
                refuse(ApiResponse::page(StatusCode::BAD_GATEWAY, BAD_GATEWAY_PAGE))
            }
            Behaviour::Firewall => refuse(ApiResponse::page(StatusCode::FORBIDDEN, FORBIDDEN_PAGE)),
            Behaviour::Unavailable => refuse(ApiResponse::unavailable()),
            Behaviour::Silence => Verdict {
                reply: Reply::Silence,
                accepted: None,
            },
            Behaviour::Accept
            | Behaviour::AcceptThenFail
            | Behaviour::BusyOnce
            | Behaviour::HangUp
            | Behaviour::SlowResponse
            | Behaviour::MarkedResponse
            | Behaviour::PostBackTwice
            | Behaviour::PostBacksOutOfOrder
            | Behaviour::PostBackLate => self.queue(message, behaviour),
        }
    }

    fn queue(&self, message: Message, behaviour: Behaviour) -> Verdict {
        let request_id = fresh_request_id();
        let response = ApiResponse::accepted(&request_id);
        let reply = match behaviour {
            Behaviour::HangUp => Reply::HangUp,
            Behaviour::SlowResponse => Reply::ByteByByte(response),
            Behaviour::MarkedResponse => Reply::AtOnce(response.marked()),
            _ => Reply::AtOnce(response),
        };
        let hook = message.post_back_url.map(|url| {
            Hook::new(
                url,
                &self.workspace_id,
                request_id,
                message.recipient,
                message.post_back_data,
            )
        });
        let updates = self.updates(behaviour);
        Verdict {
            reply,
            accepted: Some(Accepted { hook, updates }),
        }
    }

    /// What becomes of an accepted message, in the order in which its sender is told.
    fn updates(&self, behaviour: Behaviour) -> Vec<Update> {
        let (soon, late) = (self.notify_after, self.notify_late);
        let delivered = Update::new("delivered", soon);
        match behaviour {
            Behaviour::AcceptThenFail => {
                vec![Update::new("failed", soon).because("Message undeliverable")]
            }
            Behaviour::PostBackTwice => vec![delivered.clone(), delivered],
            Behaviour::PostBacksOutOfOrder => vec![
                Update::new("read", soon),
                Update::new("sent", soon / 3).told_after(soon),
                Update::new("delivered", soon * 2 / 3).told_after(soon),
            ],
            Behaviour::PostBackLate => {
                vec![Update::new("delivered", Duration::ZERO).told_after(late)]
            }
            _ => vec![delivered],
        }
    }

    /// Whether this body is due to be turned away: the first time, the third, and so on.
    fn turn_away(&self, body: &[u8]) -> bool {
        let hash = self.hashes.hash_one(body);
        let mut turned_away = self
            .turned_away
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let was_turned_away = turned_away.iter().any(|known| *known == hash);
        if was_turned_away {
            turned_away.retain(|known| *known != hash);
        } else {
            turned_away.push(hash, 0);
        }
        !was_turned_away
    }
}

/// A random UUID, version 4.
fn fresh_request_id() -> String {
    let random = fastrand::u128(..);
    let versioned = random & !(0xf << 76) | (0x4 << 76);
    let uuid = versioned & !(0x3 << 62) | (0x2 << 62);
    let digits = format!("{uuid:032x}");
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}
