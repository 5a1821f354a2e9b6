//! A client: it checks a message, sends it, reads the answer, and tries again exactly where that
//! cannot deliver twice.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::http::header::{HeaderMap, HeaderName, RETRY_AFTER};
use ureq::http::{Response, Uri};

use crate::headers::Headers;
use crate::message;
use crate::options::{CallOptions, ClientOptions};
use crate::outcome::{self, Answer, Body, Status};
use crate::per_process::PerProcess;
use crate::reply::{MAX_RESPONSE_BYTES, Refusal, Reply};
use crate::secrets::Secrets;
use crate::transport::{Call, Failure, IdleLimits, Interrupted, Pool, Progress, Route};

/// How much of an answer is read. The API's own has about a hundred bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The first pause before a retry is at most this long; each further one at most twice the last.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(8);

/// The same for a busy API: half of it at least, and four times the last, which is WhatsApp's own
/// advice where it limits the rate (4^X seconds for the Xth retry).
const FIRST_BUSY_BACKOFF: Duration = Duration::from_secs(2);

/// What comes on top of a delay that the API named, at random: up to this, or up to a tenth of the
/// delay where that is more.
const LEAST_JITTER: Duration = Duration::from_millis(250);

pub(crate) struct Client {
    url: Uri,
    headers: Arc<Headers>,
    secrets: Secrets,
    options: CallOptions,
    idle_limits: IdleLimits,
    route: Arc<Route>,
    pools: PerProcess<Pool>,
    is_shut_down: AtomicBool,
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
        let password = options.route.proxy.as_ref().and_then(|it| it.password());
        let secrets = Secrets::new([Some(api_key), password].into_iter().flatten());

        Ok(Client {
            url: options.url,
            headers: Arc::new(headers),
            secrets,
            options: options.call,
            idle_limits: options.idle_limits,
            route: Arc::new(options.route),
            pools: PerProcess::new(),
            is_shut_down: AtomicBool::new(false),
        })
    }

    pub(crate) fn options(&self) -> CallOptions {
        self.options
    }

    /// Sends a message; blocks until its outcome is known.
    pub(crate) fn send(&self, message: &str, options: CallOptions) -> Reply {
        let deadline = Instant::now() + options.timeout;
        let problems = message::check(message, options.validation);
        if !problems.is_empty() {
            return Refusal::Message(problems).into();
        }
        let begun = self
            .pool()
            .and_then(|pool| Ok((pool, pool.begin_call(deadline)?)));
        match begun {
            Ok((pool, call)) => self.send_until(pool, &call, message, options),
            Err(failure) => Refusal::NotSent(failure).into(),
        }
    }

    /// Ends the calls in flight; later ones end at once.
    pub(crate) fn shut_down(&self) {
        self.is_shut_down.store(true, Ordering::SeqCst);
        if let Some(pool) = self.pools.get() {
            pool.shut_down();
        }
    }

    /// This process's connections, made by its first call.
    fn pool(&self) -> Result<&Pool, Failure> {
        let pool = self
            .pools
            .get_or_try_make(|| Pool::new(&self.route, &self.headers, self.idle_limits))?;
        // A shut-down that came before the pool was made did not reach it.
        if self.is_shut_down.load(Ordering::SeqCst) {
            pool.shut_down();
        }
        Ok(pool)
    }

    fn send_until(
        &self,
        pool: &Pool,
        call: &Call<'_>,
        message: &str,
        options: CallOptions,
    ) -> Reply {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut reply = self.attempt(pool, call, message, options);
            reply.attempts = attempts;
            if !reply.is_retryable() || attempts > options.max_retries {
                return reply;
            }
            let again = Instant::now().checked_add(pause(attempts, &reply));
            let Some(again) = again.filter(|again| *again < call.limits.deadline) else {
                return reply;
            };
            match call.limits.sleep_until(again) {
                Ok(()) => {}
                Err(Interrupted::ShutDown) => return reply.given_up(&Failure::ShutDown),
                Err(_) => return reply,
            }
        }
    }

    fn attempt(&self, pool: &Pool, call: &Call<'_>, message: &str, options: CallOptions) -> Reply {
        let lane = pool.take();
        lane.attempt
            .begin(&call.limits, options.connect_timeout, message.len());
        let response = lane
            .agent
            .post(self.url.clone())
            .send(message.as_bytes())
            .map(receive)
            .map_err(Failure::from);
        let progress = lane.attempt.progress();
        let server_keeps_it = response.as_ref().ok().and_then(|it| it.keep_alive);
        pool.put_back(lane, server_keeps_it);

        match (response, progress) {
            (Ok(Received { answer, .. }), Progress::Sent) => self.read(&answer),
            (Ok(Received { answer, .. }), Progress::Incomplete | Progress::CutShort) => {
                self.read_early(&answer)
            }
            (Err(failure), progress) => {
                let (verdict, message) = outcome::unanswered(&failure, progress == Progress::Sent);
                Reply::new(verdict, message)
            }
        }
    }

    /// The reply to an answer that came before the whole request had left. Only a refusal can be an
    /// answer to that; anything else may be another message's.
    fn read_early(&self, answer: &Answer) -> Reply {
        let reply = self.read(answer);
        if reply.status.is_refusal() {
            return reply;
        }
        let failure = Failure::Early {
            http_status: answer.http_status,
        };
        let (verdict, message) = outcome::unanswered(&failure, false);
        Reply::new(verdict, message)
    }

    /// The reply to an answer, by the table of outcomes.
    fn read(&self, answer: &Answer) -> Reply {
        let said = answer.said();
        let row = outcome::row(answer, &said);
        let message = match said.message {
            Some(message) => self.secrets.redact(&message),
            None => row.sentence(answer),
        };
        Reply {
            request_id: said.request_id.map(|id| self.secrets.redact(&id)),
            http_status: Some(answer.http_status),
            retry_after: answer.retry_after,
            response: (!said.is_documented).then(|| self.excerpt(answer.bytes())),
            ..Reply::new(row.verdict, message)
        }
    }

    /// The beginning of an answer, as text.
    fn excerpt(&self, answer: &[u8]) -> String {
        let text = self.secrets.redact(&String::from_utf8_lossy(answer));
        let end = text.floor_char_boundary(MAX_RESPONSE_BYTES);
        text.get(..end).unwrap_or_default().to_owned()
    }
}

/// An answer, and how long the server keeps the connection that it came over.
struct Received {
    answer: Answer,
    keep_alive: Option<Duration>,
}

/// Reads the whole of an answer, or as much as comes.
fn receive(response: Response<ureq::Body>) -> Received {
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
        answer: Answer {
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

/// How long to wait after so many attempts. Always with a random part, so that hosts which failed
/// together do not come back together.
fn pause(attempts: u32, reply: &Reply) -> Duration {
    let retries = (attempts - 1).min(16);
    match (reply.retry_after, reply.status) {
        (Some(delay), _) => delay.saturating_add(random((delay / 10).max(LEAST_JITTER))),
        (None, Status::Busy) => {
            let limit = FIRST_BUSY_BACKOFF.saturating_mul(4u32.saturating_pow(retries));
            limit / 2 + random(limit / 2)
        }
        (None, _) => random((FIRST_BACKOFF * 2u32.pow(retries)).min(MAX_BACKOFF)),
    }
}

/// Anything up to a limit. From the system each time: a generator of our own would go on alike in
/// each child of a fork.
fn random(limit: Duration) -> Duration {
    let share = getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX));
    limit.mul_f64(share)
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
    use std::time::Duration;

    use super::Client;
    use crate::options::ClientOptions;
    use crate::outcome::Status;
    use crate::reply::Reply;

    #[test]
    fn no_debug_output_has_a_secret() {
        let options = ClientOptions::parse(Some(
            r#"{"proxy": "http://user:proxy-secret@127.0.0.1:3128"}"#,
        ))
        .expect("sound options");
        let options_text = format!("{options:#?}");
        let client = Client::new("key-secret", "workspace", options).expect("a client");
        let pool_text = format!("{:#?}", client.pool().expect("a pool"));
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

    fn failed(status: Status, retry_after: Option<Duration>) -> Reply {
        Reply {
            retry_after,
            ..Reply::new(status.retryable(), "")
        }
    }

    /// The shortest and the longest of many pauses.
    fn pauses(attempts: u32, reply: &Reply) -> (Duration, Duration) {
        let pauses = (0..1000).map(|_| super::pause(attempts, reply));
        pauses.fold((Duration::MAX, Duration::ZERO), |(least, most), pause| {
            (least.min(pause), most.max(pause))
        })
    }

    /// That they lie between these two, and come near to both.
    fn assert_spread(attempts: u32, reply: &Reply, least: Duration, most: Duration) {
        let (shortest, longest) = pauses(attempts, reply);
        let tenth = (most - least) / 10;
        let case = format!("{shortest:?} to {longest:?} after {attempts} attempts");
        assert!(shortest >= least && shortest < least + tenth, "{case}");
        assert!(longest <= most && longest > most - tenth, "{case}");
    }

    #[test]
    fn pause_doubles_up_to_a_limit() {
        for (attempts, limit) in [
            (1, 250),
            (2, 500),
            (3, 1000),
            (6, 8000),
            (7, 8000),
            (100, 8000),
        ] {
            let limit = Duration::from_millis(limit);
            for status in [Status::NotSent, Status::Rejected] {
                assert_spread(attempts, &failed(status, None), Duration::ZERO, limit);
            }
        }
    }

    #[test]
    fn pause_for_a_busy_api_is_four_times_the_last() {
        for (attempts, seconds) in [(1, 1), (2, 4), (3, 16), (4, 64)] {
            let least = Duration::from_secs(seconds);
            assert_spread(attempts, &failed(Status::Busy, None), least, least * 2);
        }
        let (shortest, _) = pauses(u32::MAX, &failed(Status::Busy, None));
        assert!(shortest > Duration::from_secs(86400));
    }

    #[test]
    fn pause_is_never_shorter_than_the_api_asks_and_always_longer_at_random() {
        for (delay, jitter) in [
            (0, 250),
            (1000, 250),
            (2500, 250),
            (5000, 500),
            (60_000, 6000),
        ] {
            let [delay, jitter] = [delay, jitter].map(Duration::from_millis);
            for status in [Status::Busy, Status::Rejected] {
                for attempts in [1, 5] {
                    let reply = failed(status, Some(delay));
                    assert_spread(attempts, &reply, delay, delay + jitter);
                }
            }
        }
        let endless = failed(Status::Busy, Some(Duration::MAX));
        assert_eq!(super::pause(1, &endless), Duration::MAX);
    }
}
