//! A client: it checks a message, sends it, reads the answer, and tries again exactly where that
//! cannot deliver twice.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::http::header::RETRY_AFTER;
use ureq::http::{Response, Uri};

use crate::headers::Headers;
use crate::message;
use crate::options::{CallOptions, ClientOptions};
use crate::outcome::{self, Answer, Body, Status};
use crate::per_process::PerProcess;
use crate::reply::{MAX_RESPONSE_BYTES, Refusal, Reply};
use crate::secrets::Secrets;
use crate::transport::{Failure, Interrupted, Keep, Lane, Limits, Pool, Progress, Proxy, Route};

/// How much of an answer is read. The API's own has about a hundred bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The first pause before a retry is at most this long; each further one at most twice the last.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(8);

pub(crate) struct Client {
    url: Uri,
    headers: Arc<Headers>,
    secrets: Secrets,
    options: CallOptions,
    keep: Keep,
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
        let proxy = options.route.proxy.iter();
        let secrets = proxy.flat_map(Proxy::secrets);
        let secrets = Secrets::new(secrets.chain([api_key.to_owned()]));

        Ok(Client {
            url: options.url,
            headers: Arc::new(headers),
            secrets,
            options: options.call,
            keep: options.keep,
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
        if self.is_shut_down.load(Ordering::SeqCst) {
            return Refusal::NotSent(Failure::ShutDown).into();
        }
        match self.pool() {
            Ok(pool) => self.send_until(pool, message, options, deadline),
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
    pub(crate) fn pool(&self) -> Result<&Pool, Failure> {
        let pool = self
            .pools
            .get_or_try_make(|| Pool::new(&self.route, &self.headers, self.keep))?;
        // A shut-down that came before the pool was made did not reach it.
        if self.is_shut_down.load(Ordering::SeqCst) {
            pool.shut_down();
        }
        Ok(pool)
    }

    fn send_until(
        &self,
        pool: &Pool,
        message: &str,
        options: CallOptions,
        deadline: Instant,
    ) -> Reply {
        let limits = Limits {
            deadline,
            shut_down: pool.alarm(),
        };
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut reply = self.attempt(pool, message, options, deadline);
            reply.attempts = attempts;
            if !reply.is_retryable() || attempts > options.max_retries {
                return reply;
            }
            let pause = backoff(attempts).max(reply.retry_after.unwrap_or_default());
            if pause >= deadline.saturating_duration_since(Instant::now()) {
                return reply;
            }
            match limits.sleep(pause) {
                Ok(()) => {}
                Err(Interrupted::ShutDown) => {
                    return Reply {
                        attempts,
                        ..Refusal::NotSent(Failure::ShutDown).into()
                    };
                }
                Err(_) => return reply,
            }
        }
    }

    fn attempt(
        &self,
        pool: &Pool,
        message: &str,
        options: CallOptions,
        deadline: Instant,
    ) -> Reply {
        let lane = pool.take();
        lane.exchange
            .begin(deadline, options.connect_timeout, message.len());
        let answer = self.exchange(&lane, message);
        let progress = lane.exchange.state().progress;
        pool.put_back(lane);
        match (answer, progress) {
            (Ok(answer), _) => self.read(answer),
            (Err(failure), Progress::Sent) => outcome_unknown(&failure),
            (Err(failure), Progress::Incomplete | Progress::CutShort) => {
                Refusal::NotSent(failure).into()
            }
        }
    }

    fn exchange(&self, lane: &Lane, message: &str) -> Result<Answer, Failure> {
        let response = lane.agent.post(self.url.clone()).send(message.as_bytes())?;
        Ok(receive(response))
    }

    /// The reply to an answer, by the table of outcomes.
    fn read(&self, answer: Answer) -> Reply {
        let said = answer.said();
        let verdict = outcome::verdict(&answer, said.success);
        let message = match said.message {
            Some(message) => self.secrets.redact(&message),
            None => explanation(verdict.status, &answer),
        };
        Reply {
            request_id: said.request_id.map(|id| self.secrets.redact(&id)),
            http_status: Some(answer.http_status),
            retry_after: answer.retry_after,
            response: (!said.is_documented).then(|| self.excerpt(answer.bytes())),
            ..Reply::new(verdict, message)
        }
    }

    /// The beginning of an answer, as text.
    fn excerpt(&self, answer: &[u8]) -> String {
        let text = self.secrets.redact(&String::from_utf8_lossy(answer));
        let end = text.floor_char_boundary(MAX_RESPONSE_BYTES);
        text.get(..end).unwrap_or_default().to_owned()
    }
}

/// Reads the whole of an answer, or as much as comes.
fn receive(response: Response<ureq::Body>) -> Answer {
    let (head, body) = response.into_parts();
    let retry_after = head
        .headers
        .get(RETRY_AFTER)
        .and_then(|field| field.to_str().ok())
        .and_then(outcome::retry_after);
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
    Answer {
        http_status: head.status.as_u16(),
        retry_after,
        body,
    }
}

/// Full jitter: anything up to a limit that doubles with each attempt, so that hosts which failed
/// together do not come back together.
fn backoff(attempts: u32) -> Duration {
    let doublings = (attempts - 1).min(16);
    let limit = (FIRST_BACKOFF * 2u32.pow(doublings)).min(MAX_BACKOFF);
    limit.mul_f64(fastrand::f64())
}

fn outcome_unknown(failure: &Failure) -> Reply {
    Reply::new(
        Status::OutcomeUnknown.definite(),
        format!(
            "the message may have been queued: it was sent, but no answer came, as {failure}; \
             before you send it again, wait for a notification at its post_back_url"
        ),
    )
}

/// A sentence for an answer that has none.
fn explanation(status: Status, answer: &Answer) -> String {
    let code = answer.http_status;
    match (status, &answer.body) {
        (Status::Ok, _) => "accepted and queued".to_owned(),
        (Status::Unauthorized, _) => format!(
            "the API refused the credentials (HTTP {code}): check the API key and workspace ID"
        ),
        (Status::Busy, _) => {
            format!("the API is busy and did not take the message (HTTP {code}): send it later")
        }
        (Status::Rejected, _) if (300..=399).contains(&code) => format!(
            "the API answered with a redirect (HTTP {code}), which is never followed: check base_url"
        ),
        (Status::Rejected, _) => format!("the API did not queue the message (HTTP {code})"),
        (_, Body::Broken(_, reason)) => format!(
            "the message may have been queued: the API's answer (HTTP {code}) broke off, as \
             {reason}"
        ),
        (_, Body::Whole(_)) => {
            format!("the message may have been queued: the API's answer (HTTP {code}) does not say")
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.url)
            .field("headers", &self.headers)
            .field("options", &self.options)
            .field("keep", &self.keep)
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

    #[test]
    fn backoff_doubles_up_to_a_limit() {
        for attempts in [1, 2, 3, 6, 7, 100] {
            let limit = super::MAX_BACKOFF
                .min(super::FIRST_BACKOFF.saturating_mul(1 << (attempts - 1).min(16)));
            let longest = (0..1000).map(|_| super::backoff(attempts)).max();
            let longest = longest.expect("a thousand");
            assert!(longest <= limit, "{longest:?} after {attempts} attempts");
            assert!(longest > limit / 2, "{longest:?} after {attempts} attempts");
        }
    }
}
