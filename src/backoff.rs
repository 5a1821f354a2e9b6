//! How long to wait before a message is sent again.

use std::time::Duration;

use crate::reply::Reply;
use crate::status::Status;

/// The first pause before a retry is at most this long; each further one at most twice the last.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(8);

/// The same for a busy API: half of it at least, and four times the last, which is WhatsApp's own
/// advice where it limits the rate (4^X seconds for the Xth retry).
const FIRST_BUSY_BACKOFF: Duration = Duration::from_secs(2);

/// What comes on top of a delay that the API named, at random: up to this, or up to a tenth of the
/// delay where that is more.
const LEAST_JITTER: Duration = Duration::from_millis(250);

/// How long to wait after an attempt that came to this. Always with a random part, so that hosts which failed
/// together do not come back together.
pub(crate) fn pause(reply: &Reply) -> Duration {
    let retries = reply.attempts.saturating_sub(1).min(16);
    match (reply.retry_after, reply.status) {
        (Some(delay), _) => delay.saturating_add(random((delay / 10).max(LEAST_JITTER))),
        (None, Status::ZX_BUSY) => {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::pause;
    use crate::reply::Reply;
    use crate::status::Status;

    fn failed(status: Status, retry_after: Option<Duration>) -> Reply {
        Reply {
            attempts: 1,
            retry_after,
            ..Reply::new(status.retryable(), "")
        }
    }

    /// The shortest and the longest of many pauses.
    fn pauses(attempts: u32, reply: Reply) -> (Duration, Duration) {
        let reply = Reply { attempts, ..reply };
        let pauses = (0..1000).map(|_| pause(&reply));
        pauses.fold((Duration::MAX, Duration::ZERO), |(least, most), pause| {
            (least.min(pause), most.max(pause))
        })
    }

    /// That they lie between these two, and come near to both.
    fn assert_spread(attempts: u32, reply: Reply, least: Duration, most: Duration) {
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
            for status in [Status::ZX_NOT_SENT, Status::ZX_REJECTED] {
                assert_spread(attempts, failed(status, None), Duration::ZERO, limit);
            }
        }
    }

    #[test]
    fn pause_for_a_busy_api_is_four_times_the_last() {
        for (attempts, seconds) in [(1, 1), (2, 4), (3, 16), (4, 64)] {
            let least = Duration::from_secs(seconds);
            assert_spread(attempts, failed(Status::ZX_BUSY, None), least, least * 2);
        }
        let (shortest, _) = pauses(u32::MAX, failed(Status::ZX_BUSY, None));
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
            for status in [Status::ZX_BUSY, Status::ZX_REJECTED] {
                for attempts in [1, 5] {
                    let reply = failed(status, Some(delay));
                    assert_spread(attempts, reply, delay, delay + jitter);
                }
            }
        }
        let endless = failed(Status::ZX_BUSY, Some(Duration::MAX));
        assert_eq!(pause(&endless), Duration::MAX);
    }
}
