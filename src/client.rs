//! A client: it checks a message, sends it, reads the answer, and tries again exactly where that
//! cannot deliver twice.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::http::header::{HeaderMap, HeaderName, RETRY_AFTER};
use ureq::http::{self, Uri};

use crate::backoff;
use crate::cancel::CancelToken;
use crate::headers::Headers;
use crate::message;
use crate::options::{CallOptions, ClientOptions};
use crate::outcome::{self, Body, Response};
use crate::per_process::PerProcess;
use crate::rate_limit::{RateLimit, RateLimited};
use crate::reply::{Refusal, Reply};
use crate::secrets::{Ending, Secrets};
use crate::status::Status;
use crate::transport::{
    Call, Failure, IdleLimits, Interrupted, Pool, Progress, Proxy, Route, Trace,
};
use crate::tries::Try;

/// How much of an answer is read. The API's own has about a hundred bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

pub(crate) struct Client {
    url: Uri,
    headers: Arc<Headers>,
    secrets: Secrets,
    options: CallOptions,
    messages_per_second: Option<f64>,
    idle_limits: IdleLimits,
    route: Arc<Route>,
    process_states: PerProcess<ProcessState>,
    is_shut_down: AtomicBool,
}

/// What a host asks for in one call.
pub(crate) struct Request<'a> {
    pub(crate) message: &'a str,
    pub(crate) options_json: Option<&'a str>,
    pub(crate) cancel: Option<Arc<CancelToken>>,
}

/// What a client has in each process: parent and child of a fork share none of it.
struct ProcessState {
    pool: Pool,
    rate_limit: Option<RateLimit>,
}

/// What comes after an attempt.
enum Next {
    /// Another, after such a pause.
    Again(Duration),
    /// None: its reply is the call's.
    Keep,
    /// None, although its reply asked for one.
    GiveUp(Failure),
}

impl Client {
    /// The error names the argument or the option.
    pub(crate) fn new(
        api_key: &str,
        workspace_id: &str,
        options: ClientOptions,
    ) -> Result<Self, String> {
        let user_agent = options.user_agent.as_deref();
        let headers = Headers::new(api_key, workspace_id, user_agent)?;
        let proxy = options.route.proxy.iter();
        let secrets = proxy.flat_map(Proxy::secrets);
        let secrets = Secrets::new(secrets.chain([api_key.to_owned()]));

        Ok(Client {
            url: options.url,
            headers: Arc::new(headers),
            secrets,
            options: options.call,
            messages_per_second: options.messages_per_second,
            idle_limits: options.idle_limits,
            route: Arc::new(options.route),
            process_states: PerProcess::new(),
            is_shut_down: AtomicBool::new(false),
        })
    }

    /// Sends a message; blocks until its outcome is known. A request that cannot be read is a call, too,
    /// and is counted.
    pub(crate) fn send(&self, request: Result<Request<'_>, Refusal>) -> Reply {
        let began = Instant::now();
        let state = match self.process_state() {
            Ok(state) => state,
            Err(failure) => return Refusal::NotSent(failure).into(),
        };
        let reply = request
            .and_then(|request| self.check_and_send(state, &request, began))
            .unwrap_or_else(Reply::from);
        state.pool.counts.call(reply.status, began.elapsed());
        reply
    }

    /// Ends the calls in flight; later ones end at once.
    pub(crate) fn shut_down(&self) {
        self.is_shut_down.store(true, Ordering::SeqCst);
        if let Some(state) = self.process_states.get() {
            state.pool.shut_down();
        }
    }

    /// The counts since the client was made in this process, as JSON.
    pub(crate) fn stats(&self) -> Result<String, Failure> {
        let state = self.process_state()?;
        // Only a key that is no string could fail to be written.
        Ok(serde_json::to_string(&state.pool.stats()).unwrap_or_default())
    }

    fn process_state(&self) -> Result<&ProcessState, Failure> {
        let state = self.process_states.get_or_try_make(|| {
            Ok::<_, Failure>(ProcessState {
                pool: Pool::new(&self.route, &self.headers, self.idle_limits)?,
                rate_limit: self.messages_per_second.map(RateLimit::new),
            })
        })?;
        // A shut-down that came before the pool was made did not reach it.
        if self.is_shut_down.load(Ordering::SeqCst) {
            state.pool.shut_down();
        }
        Ok(state)
    }

    fn check_and_send(
        &self,
        state: &ProcessState,
        request: &Request<'_>,
        began: Instant,
    ) -> Result<Reply, Refusal> {
        let options = self
            .options
            .parse(request.options_json)
            .map_err(Refusal::Argument)?;
        let problems = message::check(request.message, options.validation);
        if !problems.is_empty() {
            return Err(Refusal::Message(problems));
        }
        let call = state.pool.begin_call(began, began + options.timeout)?;
        let cancel = request.cancel.as_ref();
        let _watch = cancel.map(|token| token.watch(&call.limits.interrupt));
        Ok(self.send_until(state, &call, request.message, options))
    }

    fn send_until(
        &self,
        state: &ProcessState,
        call: &Call<'_>,
        message: &str,
        options: CallOptions,
    ) -> Reply {
        if let Err(limited) = state.take_turn(call) {
            return limited.into();
        }
        let mut tries = Vec::new();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let at = options.tries.then(|| call.began.elapsed());
            let (mut reply, trace) = self.attempt(&state.pool, call, message, options);
            reply.attempts = attempts;
            if let (Some(at), Some(trace)) = (at, trace) {
                tries.push(Try::new(
                    at,
                    trace,
                    reply.status,
                    reply.http_status,
                    &reply.message,
                ));
            }
            reply = match state.next(call, &reply, attempts <= options.max_retries) {
                Next::Again(pause) => {
                    if let Some(last) = tries.last_mut() {
                        last.pauses(pause);
                    }
                    continue;
                }
                Next::Keep => reply,
                Next::GiveUp(failure) => reply.not_sent(&failure),
            };
            reply.tries = tries;
            return reply;
        }
    }

    fn attempt(
        &self,
        pool: &Pool,
        call: &Call<'_>,
        message: &str,
        options: CallOptions,
    ) -> (Reply, Option<Trace>) {
        pool.counts.attempts.increase();
        let pooled = pool.take();
        pooled.attempt.begin(
            &call.limits,
            options.connect_timeout,
            message.len(),
            options.tries,
        );
        let response = pooled
            .agent
            .post(self.url.clone())
            .send(message.as_bytes())
            .map(receive)
            .map_err(Failure::from);
        let progress = pooled.attempt.progress();
        let trace = pooled.attempt.take_trace();
        let server_keeps_it = response.as_ref().ok().and_then(|it| it.keep_alive);
        pool.put_back(pooled, server_keeps_it);

        let reply = match (response, progress) {
            (Ok(Received { response, .. }), Progress::Sent) => self.read(&response),
            (Ok(Received { response, .. }), Progress::Incomplete | Progress::Aborted) => {
                self.read_early(&response)
            }
            (Err(failure), progress) => {
                let (verdict, message) = outcome::unanswered(&failure, progress == Progress::Sent);
                Reply::new(verdict, message)
            }
        };
        (reply, trace)
    }

    /// The reply to an answer that came before the whole request had left. Only a refusal can be an
    /// answer to that; anything else may be another message's.
    fn read_early(&self, response: &Response) -> Reply {
        let reply = self.read(response);
        if reply.status.is_refusal() {
            return reply;
        }
        reply.not_sent(&Failure::Early {
            http_status: response.http_status,
        })
    }

    /// The reply to an answer, by the table of outcomes.
    fn read(&self, response: &Response) -> Reply {
        let body = response.body();
        let row = outcome::row(response, &body);
        let message = match body.message {
            Some(message) if !message.trim().is_empty() => {
                self.secrets.redact(message, Ending::Whole)
            }
            _ => row.sentence(response),
        };
        Reply {
            request_id: body
                .request_id
                .map(|id| self.secrets.redact(id, Ending::Whole)),
            http_status: Some(response.http_status),
            retry_after: response.retry_after,
            response: (!body.is_documented).then(|| {
                let (bytes, ending) = match &response.body {
                    Body::Whole(bytes) => (bytes, Ending::Whole),
                    Body::Broken(bytes, _) => (bytes, Ending::BrokenOff),
                };
                self.secrets.redact(String::from_utf8_lossy(bytes), ending)
            }),
            ..Reply::new(row.verdict, message)
        }
    }
}

impl ProcessState {
    /// Waits for the turn of an attempt, where the client has a rate limit.
    fn take_turn(&self, call: &Call<'_>) -> Result<(), RateLimited> {
        match &self.rate_limit {
            Some(rate_limit) => rate_limit.take_turn(&call.limits),
            None => call.limits.check().map_err(RateLimited::Interrupted),
        }
    }

    fn next(&self, call: &Call<'_>, reply: &Reply, may_retry: bool) -> Next {
        if !reply.is_retryable() {
            return Next::Keep;
        }
        // Who ended the call does not want the message sent, though it could be.
        if let Err(raised @ Interrupted::Raised(_)) = call.limits.check() {
            return Next::GiveUp(raised.into());
        }
        if !may_retry {
            return Next::Keep;
        }
        let now = Instant::now();
        let pause = backoff::pause(reply);
        let again = now.checked_add(pause);
        let Some(again) = again.filter(|again| *again < call.limits.deadline) else {
            return Next::Keep;
        };
        let waited = call
            .limits
            .sleep_until(again)
            .map_err(RateLimited::Interrupted);
        match waited.and_then(|()| self.take_turn(call)) {
            Ok(()) => {
                self.pool.counts.retries.increase();
                Next::Again(now.elapsed())
            }
            Err(RateLimited::Interrupted(raised @ Interrupted::Raised(_))) => {
                Next::GiveUp(raised.into())
            }
            Err(_) => Next::Keep,
        }
    }
}

impl From<RateLimited> for Reply {
    fn from(limited: RateLimited) -> Self {
        match limited {
            RateLimited::TooLate(delay) => Reply {
                retry_after: Some(delay),
                ..Reply::new(
                    Status::ZX_BUSY.retryable(),
                    "the message was not sent: the turn that messages_per_second gives it comes \
                     later than timeout_ms allows",
                )
            },
            RateLimited::Interrupted(interrupted) => Refusal::NotSent(interrupted.into()).into(),
        }
    }
}

/// An answer, and how long the server keeps the connection that it came over.
struct Received {
    response: Response,
    keep_alive: Option<Duration>,
}

/// Reads the whole of an answer, or as much as comes.
fn receive(response: http::Response<ureq::Body>) -> Received {
    let (head, body) = response.into_parts();
    let mut bytes = Vec::with_capacity(512);
    let read = body
        .into_reader()
        .take(MAX_ANSWER_BYTES as u64 + 1)
        .read_to_end(&mut bytes);
    let body = match read {
        Err(error) => Body::Broken(bytes, Failure::from(error).to_string()),
        Ok(_) if bytes.len() > MAX_ANSWER_BYTES => {
            Body::Broken(bytes, "it is longer than 1 MiB".to_owned())
        }
        Ok(_) => Body::Whole(bytes),
    };
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    Received {
        keep_alive: fields(&head.headers, KEEP_ALIVE, outcome::keep_alive).min(),
        response: Response {
            http_status: head.status.as_u16(),
            retry_after: fields(&head.headers, RETRY_AFTER, outcome::retry_after).max(),
            body,
        },
    }
}

/// What the fields of that name say.
fn fields<T>(
    headers: &HeaderMap,
    name: HeaderName,
    read: fn(&str) -> Option<T>,
) -> impl Iterator<Item = T> {
    let fields = headers.get_all(name).into_iter();
    fields.filter_map(move |field| read(field.to_str().ok()?))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.url)
            .field("headers", &self.headers)
            .field("options", &self.options)
            .field("idle_limits", &self.idle_limits)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Client;
    use crate::options::ClientOptions;

    #[test]
    fn no_debug_output_has_a_secret() {
        let options = ClientOptions::parse(Some(
            r#"{"proxy": "http://user:proxy-secret@127.0.0.1:3128"}"#,
        ))
        .expect("sound options");
        let options_text = format!("{options:#?}");
        let client = Client::new("key-secret", "workspace", options).expect("a client");
        let pool_text = format!("{:#?}", client.process_state().expect("a pool").pool);
        let headers_text = format!("{:#?}", client.headers);
        for text in [
            options_text,
            pool_text,
            headers_text,
            format!("{client:#?}"),
        ] {
            assert!(text.contains("127.0.0.1") || text.contains("Headers"));
            assert!(!text.contains("-secret"), "{text}");
        }
    }
}
