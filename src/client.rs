//! A client: it checks a message, sends it, reads the response, and tries again exactly where that
//! cannot deliver twice.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ureq::http;
use ureq::http::header::{DATE, HOST, HeaderName, RETRY_AFTER};

use crate::backoff;
use crate::cancel::CancelToken;
use crate::counts::Count;
use crate::headers::Headers;
use crate::ledger::{KeyedCall, Ledger};
use crate::message;
use crate::options::{CallOptions, ClientOptions};
use crate::outcome::{self, Response, ResponseBody};
use crate::panics;
use crate::per_process::PerProcess;
use crate::post_back;
use crate::rate_limit::RateLimit;
use crate::reply::Reply;
use crate::secrets::{Ending, Secrets};
use crate::sys::Cause;
use crate::transport::{Attempt, Failure, Limits, Milliseconds, Pool, Proxy, Trace};

/// How much of a response is read. The API's own has about a hundred bytes.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

pub(crate) struct Client {
    options: ClientOptions,
    /// What ureq is given to send, but for the body.
    request: http::Request<()>,
    headers: Arc<Headers>,
    secrets: Secrets,
    ledger: Option<Ledger>,
    process_states: PerProcess<ProcessState>,
    /// Raised by a shut-down. Every call watches it.
    shut_down: CancelToken,
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

/// A call whose options are sound.
struct Call<'a> {
    began: Instant,
    message: &'a str,
    options: CallOptions,
    limits: Limits,
}

impl Client {
    /// The error names the argument or the option.
    pub(crate) fn new(
        api_key: &str,
        workspace_id: &str,
        options: ClientOptions,
    ) -> Result<Self, String> {
        // ureq would write the host anew for each request.
        let host = options.url.authority().map_or("", |it| it.as_str());
        let request = http::Request::post(&options.url).header(HOST, host);
        let request = request.body(()).map_err(|error| error.to_string())?;
        let user_agent = options.user_agent.as_deref();
        let headers = Headers::new(api_key, workspace_id, user_agent)?;
        let proxy = options.route.proxy.iter();
        let secrets = proxy.flat_map(Proxy::secrets);
        let secrets = Secrets::new(secrets.chain([api_key.to_owned()]));
        let ledger = options.ledger.as_deref().map(|path| {
            let days = options.ledger_days;
            Ledger::new(path, days, &options.base_url, workspace_id)
                .map_err(|reason| format!("ledger {path} {reason}"))
        });
        let ledger = ledger.transpose()?;
        Ok(Client {
            options,
            request,
            headers: Arc::new(headers),
            secrets,
            ledger,
            process_states: PerProcess::new(),
            shut_down: CancelToken::new(Cause::ShutDown),
        })
    }

    /// Sends a message; blocks until its outcome is known. The request is read in here: one that cannot
    /// be read is a call, too, and is counted.
    pub(crate) fn send<'a>(&self, read: impl FnOnce() -> Result<Request<'a>, Reply>) -> Reply {
        let state = self.process_state();
        let began = Instant::now();
        let ended = panics::catch(|| {
            let sent = read().and_then(|request| self.check_and_send(state, &request, began));
            sent.unwrap_or_else(|reply| reply)
        });
        let reply = ended.unwrap_or_else(|place| Reply::internal(&place));
        state.pool.counts.call(reply.status, began.elapsed());
        if reply.repeated {
            state.pool.counts.increase(Count::CallsRepeated);
        }
        reply
    }

    /// Reads a post-back, and settles the ledger's entry that it is about.
    pub(crate) fn settle(&self, post_back: &str) -> Result<String, Reply> {
        let ledger = self.ledger()?;
        ledger.settle(post_back::read(post_back)?, &self.limits())
    }

    /// The ledger's entries whose outcome is unknown, as JSON.
    pub(crate) fn unsettled(&self, after: Option<&str>) -> Result<String, Reply> {
        self.ledger()?.unsettled(after, &self.limits())
    }

    /// Lets the next call with a key send.
    pub(crate) fn forget(&self, key: &str) -> Result<Reply, Reply> {
        self.ledger()?.forget(key, &self.limits())
    }

    fn ledger(&self) -> Result<&Ledger, Reply> {
        let none = "the client has no ledger: give zx_client_new() the option ledger";
        let ledger = self.ledger.as_ref();
        ledger.ok_or_else(|| Reply::invalid_argument(none))
    }

    /// For the ledger: its functions send nothing, so a shut-down does not stop them.
    fn limits(&self) -> Limits {
        Limits::until(Instant::now() + self.options.call.timeout())
    }

    /// Ends the calls in flight; later ones end at once.
    pub(crate) fn shut_down(&self) {
        self.shut_down.raise();
        self.process_state().pool.close_idle();
    }

    /// The counts since the client was made in this process, as JSON.
    pub(crate) fn stats(&self) -> String {
        let pool = &self.process_state().pool;
        let under_way = self.shut_down.watcher_count();
        pool.counts.to_json(under_way, pool.idle_count())
    }

    fn process_state(&self) -> &ProcessState {
        self.process_states.get_or_make(|| ProcessState {
            pool: Pool::new(&self.options.route, &self.headers, self.options.idle_limits),
            rate_limit: self.options.messages_per_second.map(RateLimit::new),
        })
    }

    fn check_and_send(
        &self,
        state: &ProcessState,
        request: &Request<'_>,
        began: Instant,
    ) -> Result<Reply, Reply> {
        let options = self.options.call.parse(request.options_json);
        let options = options.map_err(Reply::invalid_argument)?;
        let call = Call {
            began,
            message: request.message,
            limits: Limits::until(began + options.timeout()),
            options,
        };
        let _shut_down = self.shut_down.watch(&call.limits.interrupt);
        let cancel = request.cancel.as_ref();
        let _cancel = cancel.map(|token| token.watch(&call.limits.interrupt));
        if let Some(key) = &call.options.idempotency_key {
            return self.send_once(state, &call, key);
        }
        call.check()?;
        let turn = state.take_turn(&call.limits);
        turn.map_err(|failure| Reply::not_sent(&failure))?;
        Ok(self.send_until(state, &call))
    }

    /// The same with a key.
    #[inline(never)]
    fn send_once(&self, state: &ProcessState, call: &Call<'_>, key: &str) -> Result<Reply, Reply> {
        // What became of it before counts, whatever is wrong with the message now.
        let mut keyed = self.ledger()?.call(key, call.message, &call.limits)?;
        call.check()?;
        let reply = match state.begin(call, &mut keyed) {
            Ok(()) => self.send_until(state, call),
            Err(reply) => reply,
        };
        keyed.end(&reply, &call.limits);
        Ok(reply)
    }

    /// (In place, for a call that is no ledger's to cost what it did without: else its reply is moved.)
    #[inline(always)]
    fn send_until(&self, state: &ProcessState, call: &Call<'_>) -> Reply {
        let mut tries = Vec::new();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (mut reply, trace) = self.attempt(&state.pool, call);
            reply.attempts = attempts;
            if let Some(mut trace) = trace {
                trace.ended(reply.status, reply.http_status, &reply.message);
                tries.push(trace);
            }
            match state.pause_before_retry(call, &reply) {
                Ok(Some(pause)) => {
                    if let Some(last) = tries.last_mut() {
                        last.pause_ms = Some(Milliseconds(pause));
                    }
                    continue;
                }
                // Who ended the call does not want the message sent, though it could be.
                Err(stopped @ Failure::Stopped(_)) => reply = reply.but_not_sent(&stopped),
                // What the last attempt came to says more than that there is no time for another.
                Ok(None) | Err(_) => {}
            }
            reply.tries = tries;
            return reply;
        }
    }

    fn attempt(&self, pool: &Pool, call: &Call<'_>) -> (Reply, Option<Trace>) {
        pool.counts.increase(Count::Attempts);
        let trace = call.options.tries;
        let trace = trace.then(|| Trace::begun(call.began.elapsed()));
        let attempt = Attempt::new(
            &call.limits,
            call.options.connect_timeout(),
            call.message.len(),
            trace,
        );
        let pooled = pool.take(attempt);
        let request = self.request.clone().map(|()| call.message.as_bytes());
        let response = pooled.agent.run(request);
        let response = response.map(receive).map_err(Failure::from);
        let (was_sent, trace) = pooled.attempt.result();
        let server_keeps_it = response.as_ref().ok().and_then(|it| it.keep_alive);
        pool.put_back(pooled, server_keeps_it);
        // A shut-down may have closed what was idle just before that.
        if self.shut_down.is_raised() {
            pool.close_idle();
        }

        let reply = match response {
            Err(failure) => Reply::without_response(&failure, was_sent),
            Ok(response) => match self.read(&response) {
                // To a request that was cut short, only a refusal can be a response; anything else may be
                // another message's.
                reply if !was_sent && !reply.status.is_refusal() => {
                    reply.but_not_sent(&Failure::Early(response.http_status))
                }
                reply => reply,
            },
        };
        (reply, trace)
    }

    /// The reply to a response, by the table of outcomes.
    fn read(&self, response: &Response) -> Reply {
        let (body, ending) = match response.broken_off {
            None => (ResponseBody::read(&response.body), Ending::Whole),
            // It is not known what it says.
            Some(_) => (ResponseBody::default(), Ending::BrokenOff),
        };
        let row = outcome::row(response, &body);
        let id = body.request_id;
        let message = match body.message {
            Some(message) if !message.trim().is_empty() => {
                self.secrets.redact(message, Ending::Whole)
            }
            _ => row.sentence(response),
        };
        Reply {
            request_id: id.map(|id| self.secrets.redact(id, Ending::Whole)),
            http_status: Some(response.http_status),
            retry_after: response.retry_after,
            response: (!body.is_documented).then(|| {
                let text = String::from_utf8_lossy(&response.body);
                self.secrets.redact(text, ending)
            }),
            ..Reply::new(row.verdict, message)
        }
    }
}

impl Call<'_> {
    fn check(&self) -> Result<(), Reply> {
        let problems = message::check(self.message, self.options.validation);
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Reply::invalid("message", problems)),
        }
    }
}

impl ProcessState {
    /// Waits until the first attempt of a call with a key may take a connection. Else the error is the
    /// call's reply.
    fn begin(&self, call: &Call<'_>, keyed: &mut KeyedCall<'_>) -> Result<(), Reply> {
        let not_sent = |failure| Reply::not_sent(&failure);
        self.take_turn(&call.limits).map_err(not_sent)?;
        keyed.begin(&call.limits)?;
        // The disk may have taken its time.
        call.limits.check().map_err(not_sent)
    }

    /// Waits for the turn of an attempt, where the client has a rate limit.
    fn take_turn(&self, limits: &Limits) -> Result<(), Failure> {
        match &self.rate_limit {
            Some(rate_limit) => rate_limit.take_turn(limits),
            None => limits.check(),
        }
    }

    /// Waits before another attempt, and tells how long. `None`: none is to be made; an error: none can.
    /// (In place, as what it belongs to.)
    #[inline(always)]
    fn pause_before_retry(
        &self,
        call: &Call<'_>,
        reply: &Reply,
    ) -> Result<Option<Duration>, Failure> {
        if !reply.is_retryable() {
            return Ok(None);
        }
        call.limits.check()?;
        if reply.attempts > call.options.max_retries {
            return Ok(None);
        }
        let now = Instant::now();
        let again = now.checked_add(backoff::pause(reply));
        let again = again.filter(|again| *again < call.limits.deadline);
        call.limits.sleep_until(again.ok_or(Failure::Deadline)?)?;
        self.take_turn(&call.limits)?;
        self.pool.counts.increase(Count::Retries);
        Ok(Some(now.elapsed()))
    }
}

/// Reads the whole of a response, or as much as comes.
fn receive(response: http::Response<ureq::Body>) -> Response {
    let (head, content) = response.into_parts();
    let mut body = Vec::with_capacity(512);
    let mut content = content.into_reader().take(MAX_RESPONSE_BYTES as u64 + 1);
    let broken_off = match content.read_to_end(&mut body) {
        Err(error) => Some(Failure::from(error).to_string()),
        Ok(length) if length > MAX_RESPONSE_BYTES => Some("it is longer than 1 MiB".to_owned()),
        Ok(_) => None,
    };
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    let fields = |name| {
        let fields = head.headers.get_all::<HeaderName>(name).into_iter();
        fields.filter_map(|field| field.to_str().ok())
    };
    // The API's clock may be another.
    let now = || {
        let date = fields(DATE).find_map(|date| httpdate::parse_http_date(date).ok());
        date.unwrap_or_else(SystemTime::now)
    };
    let retry_after = fields(RETRY_AFTER).filter_map(|it| outcome::retry_after(it, now));
    Response {
        http_status: head.status.as_u16(),
        retry_after: retry_after.max(),
        keep_alive: fields(KEEP_ALIVE).filter_map(outcome::keep_alive).min(),
        body,
        broken_off,
    }
}

#[cfg(test)]
mod tests {
    use super::{Client, Request};
    use crate::options::ClientOptions;
    use crate::status::Status;

    fn client(options: &str) -> Client {
        let options = ClientOptions::parse(Some(options)).expect("sound options");
        Client::new("key-secret", "workspace", options).expect("a client")
    }

    #[test]
    fn no_debug_output_has_a_secret() {
        let client = client(r#"{"proxy": "http://user:proxy-secret@127.0.0.1:3128"}"#);
        let options = format!("{:#?}", client.options);
        assert!(options.contains("127.0.0.1"), "{options}");
        for text in [options, format!("{:#?}", client.headers)] {
            assert!(!text.contains("-secret"), "{text}");
        }
    }

    #[test]
    fn call_that_panics_is_counted() {
        let client = client("{}");
        let reply = client.send(|| panic!());
        assert_eq!(reply.status, Status::ZX_INTERNAL);
        let stats = client.stats();
        assert!(stats.contains(r#""calls":1,"#), "{stats}");
        assert!(stats.contains(r#""calls_internal":1,"#), "{stats}");
    }

    #[test]
    fn client_that_is_shut_down_before_its_first_call_sends_nothing() {
        const MESSAGE: &str = r#"{"recipient":"919876543210","phone_id":"1","interactive":{}}"#;
        let client = client(r#"{"base_url": "http://127.0.0.1:9", "validation": "basic"}"#);
        client.shut_down();
        let reply = client.send(|| {
            Ok(Request {
                message: MESSAGE,
                options_json: None,
                cancel: None,
            })
        });
        assert_eq!(reply.status, Status::ZX_NOT_SENT, "{}", reply.message);
        assert_eq!((reply.attempts, reply.is_retryable()), (0, false));
        assert!(reply.message.ends_with("the client was shut down"));
        let stats = client.stats();
        assert!(stats.contains(r#""calls_not_sent":1,"#), "{stats}");
        assert!(stats.contains(r#""calls_under_way":0,"#), "{stats}");
    }
}
