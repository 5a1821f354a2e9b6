//! How fast a client's attempts may leave: evenly, and in the order in which they came.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::mutex::Mutex;
use crate::sys::Interrupt;
use crate::transport::{Failure, Limits};

pub(crate) struct RateLimit {
    interval: Duration,
    queue: Mutex<Queue>,
}

struct Queue {
    /// When the next attempt may leave.
    next: Instant,
    /// The first of them waits for that time, and each other one for its turn to be the first.
    waiting: VecDeque<Arc<Interrupt>>,
}

impl RateLimit {
    pub(crate) fn new(messages_per_second: f64) -> Self {
        RateLimit {
            interval: Duration::from_secs_f64(1.0 / messages_per_second),
            queue: Mutex::new(Queue {
                next: Instant::now(),
                waiting: VecDeque::new(),
            }),
        }
    }

    /// Waits for a turn. One that comes too late is not waited for; one that is given up passes to the
    /// next call in the queue.
    pub(crate) fn take_turn(&self, limits: &Limits) -> Result<(), Failure> {
        limits.check()?;
        let mut queue = self.queue.lock();
        let now = Instant::now();
        let before = u32::try_from(queue.waiting.len()).unwrap_or(u32::MAX);
        let turns_before = self.interval.saturating_mul(before);
        let delay = queue.next.saturating_duration_since(now);
        let delay = delay.saturating_add(turns_before);
        if delay >= limits.deadline.saturating_duration_since(now) {
            return Err(Failure::RateLimit(delay));
        }
        queue.waiting.push_back(Arc::clone(&limits.interrupt));
        drop(queue);

        let waited = self.wait_in_queue(limits);
        let mut queue = self.queue.lock();
        let is_other = |call: &Arc<Interrupt>| !Arc::ptr_eq(call, &limits.interrupt);
        queue.waiting.retain(is_other);
        if waited.is_ok() {
            queue.next = Instant::now() + self.interval;
        }
        let first = queue.waiting.front().map(Arc::clone);
        drop(queue);
        if let Some(first) = first {
            first.wake();
        }
        waited
    }

    fn wait_in_queue(&self, limits: &Limits) -> Result<(), Failure> {
        let is_this = |call: &Arc<Interrupt>| Arc::ptr_eq(call, &limits.interrupt);
        let next = || self.queue.lock().next;
        limits
            .wait_while_not(|| self.queue.lock().waiting.front().is_some_and(is_this))
            .and_then(|()| limits.sleep_until(next()))
            .map_err(|failure| match failure {
                Failure::Deadline => {
                    Failure::RateLimit(next().saturating_duration_since(Instant::now()))
                }
                failure => failure,
            })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::RateLimit;
    use crate::sys::Cause;
    use crate::transport::{Failure, Limits};

    fn limits() -> Limits {
        Limits::until(Instant::now() + Duration::from_secs(20))
    }

    /// Lets `calls` queue up one after the other; each notes its number when it has its turn.
    fn queue_up(rate_limit: &RateLimit, calls: &[Limits], after: impl FnOnce()) -> Vec<usize> {
        let turns = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for (number, limits) in calls.iter().enumerate() {
                let turns = &turns;
                scope.spawn(move || {
                    if rate_limit.take_turn(limits).is_ok() {
                        turns.lock().expect("no panic").push(number);
                    }
                });
                let had_turn = || turns.lock().expect("no panic").len();
                while rate_limit.queue.lock().waiting.len() + had_turn() <= number {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            after();
        });
        turns.into_inner().expect("no panic")
    }

    fn busy_rate_limit(messages_per_second: f64) -> RateLimit {
        let rate_limit = RateLimit::new(messages_per_second);
        assert!(rate_limit.take_turn(&limits()).is_ok());
        rate_limit
    }

    #[test]
    fn turns_go_to_whoever_came_first() {
        let calls: Vec<Limits> = (0..5).map(|_| limits()).collect();
        assert_eq!(
            queue_up(&busy_rate_limit(10.0), &calls, || {}),
            [0, 1, 2, 3, 4]
        );
    }

    #[test]
    fn whoever_is_interrupted_leaves_the_turn_to_the_others() {
        let rate_limit = busy_rate_limit(1.0);
        let calls: Vec<Limits> = (0..5).map(|_| limits()).collect();
        let began = Instant::now();
        let turns = queue_up(&rate_limit, &calls, || {
            for number in [0, 2, 3] {
                calls[number].interrupt.raise(Cause::Cancelled);
            }
        });
        assert_eq!(turns, [1, 4]);
        // Two turns, and not five.
        assert!(began.elapsed() < Duration::from_millis(4900));
    }

    #[test]
    fn whoever_was_interrupted_before_takes_no_turn() {
        let rate_limit = RateLimit::new(0.1);
        let cancelled = limits();
        cancelled.interrupt.raise(Cause::Cancelled);
        let over = Limits {
            deadline: Instant::now(),
            ..limits()
        };
        for limits in [cancelled, over] {
            let turn = rate_limit.take_turn(&limits);
            assert!(matches!(turn, Err(Failure::Stopped(_) | Failure::Deadline)));
        }
        let began = Instant::now();
        assert!(rate_limit.take_turn(&limits()).is_ok());
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn turn_is_not_waited_for_where_it_comes_too_late() {
        let rate_limit = RateLimit::new(0.1);
        assert!(rate_limit.take_turn(&limits()).is_ok());
        let short = Limits {
            deadline: Instant::now() + Duration::from_millis(400),
            ..limits()
        };
        let Err(Failure::RateLimit(delay)) = rate_limit.take_turn(&short) else {
            panic!("it is too late");
        };
        assert!(delay > Duration::from_secs(1) && delay <= Duration::from_secs(10));
        assert!(rate_limit.queue.lock().waiting.is_empty());
    }
}
