//! The states of an entry, and what may happen to it. No disk, no clock and no lock: those are told.
//!
//! | state | what a call with the key finds |
//! | --- | --- |
//! | `Waiting`, its call lives | a call under way, for whose outcome it waits |
//! | `Waiting`, its call is gone | nothing: the message cannot have left |
//! | `UnderWay`, its call lives | a call under way, for whose outcome it waits |
//! | `UnderWay`, its call is gone | an unknown outcome: the message may have left |
//! | `Ended` | what the status says: queued, unknown, or not queued for sure |
//! | `Forgotten` | nothing: somebody decided that the message may be sent again |
//!
//! Time is Unix time in milliseconds, by the machine's clock.

use super::Status;

/// Names a call: the place of its lock, which is held for as long as the call lives.
pub(crate) type Call = i64;

pub(crate) type Digest = [u8; 32];

/// What the ledger knows of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) message: Digest,
    pub(crate) post_back_data: Option<Digest>,
    pub(crate) began_at: i64,
    pub(crate) state: State,
    pub(crate) request_id: Option<String>,
    /// What the newest post-back told, and since when that was so.
    pub(crate) post_back: Option<(String, Option<i64>)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// A call waits for its turn to send.
    Waiting(Call),
    /// A call sends: from here on the message may have been queued.
    UnderWay(Call),
    Ended(Outcome),
    Forgotten {
        at: i64,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    pub(crate) retryable: bool,
    pub(crate) http_status: Option<u16>,
    pub(crate) at: i64,
}

/// What an entry comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Not queued for sure: a call may send.
    Free,
    /// Another call will tell.
    Live,
    Unknown,
    Queued,
}

impl Entry {
    /// What a call with a message finds. The error: another message has the key.
    pub(crate) fn find(
        &self,
        message: &Digest,
        is_live: impl Fn(Call) -> bool,
    ) -> Result<Standing, Standing> {
        match self.standing(is_live) {
            // What was not queued may be corrected.
            standing if standing == Standing::Free || self.message == *message => Ok(standing),
            standing => Err(standing),
        }
    }

    pub(crate) fn standing(&self, is_live: impl Fn(Call) -> bool) -> Standing {
        match &self.state {
            State::Waiting(call) | State::UnderWay(call) if is_live(*call) => Standing::Live,
            State::UnderWay(_) => Standing::Unknown,
            State::Waiting(_) | State::Forgotten { .. } => Standing::Free,
            State::Ended(outcome) => outcome.standing(),
        }
    }

    /// The call ended. Queued is final, and so is what another call began meanwhile: returns whether
    /// it still was the call's entry.
    pub(crate) fn end(&mut self, call: Call, outcome: Outcome, request_id: Option<String>) -> bool {
        let is_own = matches!(self.state, State::Waiting(it) | State::UnderWay(it) if it == call);
        if is_own {
            self.state = State::Ended(outcome);
            self.request_id = request_id;
        }
        is_own
    }

    /// Whether a post-back without a known `request_id` can be of this message.
    pub(crate) fn can_be_of(&self, status_at: i64) -> bool {
        let has_begun = !matches!(self.state, State::Waiting(_) | State::Forgotten { .. });
        has_begun && self.request_id.is_none() && self.began_at <= status_at
    }

    /// A post-back tells that the message was queued. Returns whether that was unknown.
    pub(crate) fn settle(
        &mut self,
        request_id: &str,
        post_back: (String, Option<i64>),
        now: i64,
        is_live: impl Fn(Call) -> bool,
    ) -> bool {
        let before = self.standing(is_live);
        self.request_id.get_or_insert_with(|| request_id.to_owned());
        let is_late = |last: &(_, Option<i64>)| last.1.zip(post_back.1).is_some_and(|(a, b)| a > b);
        if !self.post_back.as_ref().is_some_and(is_late) {
            self.post_back = Some(post_back);
        }
        if before != Standing::Queued {
            self.state = State::Ended(Outcome {
                status: Status::ZX_OK,
                retryable: false,
                http_status: None,
                at: now,
            });
        }
        before == Standing::Unknown
    }

    /// The message may be sent again, if its outcome is unknown. Returns what the entry came to before.
    pub(crate) fn forget(&mut self, now: i64, is_live: impl Fn(Call) -> bool) -> Standing {
        let before = self.standing(is_live);
        if before == Standing::Unknown {
            self.state = State::Forgotten { at: now };
        }
        before
    }

    /// When it was settled, unless it still has to be.
    pub(crate) fn settled_at(&self) -> Option<i64> {
        match &self.state {
            State::Ended(outcome) if outcome.standing() != Standing::Unknown => Some(outcome.at),
            State::Forgotten { at } => Some(*at),
            // Whatever becomes of its call, nothing was sent until now.
            State::Waiting(_) => Some(self.began_at),
            State::Ended(_) | State::UnderWay(_) => None,
        }
    }
}

impl Outcome {
    /// A new status has to say here what it means.
    fn standing(&self) -> Standing {
        match self.status {
            Status::ZX_OK => Standing::Queued,
            Status::ZX_OUTCOME_UNKNOWN | Status::ZX_INTERNAL => Standing::Unknown,
            Status::ZX_INVALID_ARGUMENT
            | Status::ZX_INVALID_MESSAGE
            | Status::ZX_UNAUTHORIZED
            | Status::ZX_REJECTED
            | Status::ZX_BUSY
            | Status::ZX_NOT_SENT => Standing::Free,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call = 7;

    fn ended(status: Status) -> State {
        State::Ended(Outcome {
            status,
            retryable: false,
            http_status: None,
            at: 20,
        })
    }

    fn entry(state: State) -> Entry {
        Entry {
            message: [1; 32],
            post_back_data: Some([2; 32]),
            began_at: 10,
            state,
            request_id: None,
            post_back: None,
        }
    }

    /// Each state, whether its call lives, and what it comes to.
    fn all() -> Vec<(State, bool, Standing)> {
        let mut all = vec![
            (State::Waiting(CALL), true, Standing::Live),
            (State::Waiting(CALL), false, Standing::Free),
            (State::UnderWay(CALL), true, Standing::Live),
            (State::UnderWay(CALL), false, Standing::Unknown),
            (State::Forgotten { at: 20 }, false, Standing::Free),
        ];
        let statuses = (0..).map_while(Status::from_repr);
        all.extend(statuses.map(|status| {
            let standing = match status {
                Status::ZX_OK => Standing::Queued,
                Status::ZX_OUTCOME_UNKNOWN | Status::ZX_INTERNAL => Standing::Unknown,
                _ => Standing::Free,
            };
            (ended(status), false, standing)
        }));
        assert_eq!(all.len(), 5 + 9);
        all
    }

    #[test]
    fn entry_comes_to_what_its_call_and_its_outcome_say() {
        for (state, is_live, standing) in all() {
            assert_eq!(
                entry(state.clone()).standing(|_| is_live),
                standing,
                "{state:?}"
            );
        }
    }

    #[test]
    fn only_a_message_that_was_not_queued_may_give_its_key_to_another() {
        for (state, is_live, standing) in all() {
            let entry = entry(state.clone());
            assert_eq!(entry.find(&[1; 32], |_| is_live), Ok(standing));
            let another = match standing {
                Standing::Free => Ok(standing),
                standing => Err(standing),
            };
            assert_eq!(entry.find(&[3; 32], |_| is_live), another, "{state:?}");
        }
    }

    #[test]
    fn the_call_that_began_ends_an_entry_and_no_other_does() {
        for (state, _, _) in all() {
            let State::Ended(outcome) = ended(Status::ZX_REJECTED) else {
                unreachable!()
            };
            let before = entry(state.clone());
            let mut after = before.clone();
            after.end(CALL + 1, outcome.clone(), Some("r".to_owned()));
            assert_eq!(after, before);
            after.end(CALL, outcome, Some("r".to_owned()));
            let is_its_own = matches!(state, State::Waiting(_) | State::UnderWay(_));
            assert_eq!(after != before, is_its_own, "{state:?}");
        }
    }

    #[test]
    fn a_post_back_makes_queued_what_was_unknown_and_queued_is_final() {
        for (state, is_live, standing) in all() {
            let mut entry = entry(state.clone());
            let told = |status: &str, at| (status.to_owned(), Some(at));
            let settled = entry.settle("r", told("delivered", 25), 30, |_| is_live);
            assert_eq!(settled, standing == Standing::Unknown, "{state:?}");
            assert_eq!(entry.standing(|_| false), Standing::Queued);
            let before = entry.clone();
            // One that comes late.
            assert!(!entry.settle("another", told("sent", 24), 40, |_| false));
            assert_eq!(entry.forget(40, |_| false), Standing::Queued);
            entry.end(
                CALL,
                Outcome {
                    status: Status::ZX_BUSY,
                    retryable: true,
                    http_status: None,
                    at: 50,
                },
                None,
            );
            assert_eq!(entry, before);
        }
    }

    #[test]
    fn only_what_is_unknown_is_forgotten() {
        for (state, is_live, standing) in all() {
            let mut entry = entry(state.clone());
            let before = entry.clone();
            assert_eq!(entry.forget(30, |_| is_live), standing);
            if standing == Standing::Unknown {
                assert_eq!(entry.state, State::Forgotten { at: 30 });
            } else {
                assert_eq!(entry, before, "{state:?}");
            }
        }
    }

    #[test]
    fn a_post_back_by_its_data_is_of_a_message_that_began_before_and_has_no_request_id() {
        for (state, _, _) in all() {
            let mut entry = entry(state.clone());
            let has_begun = !matches!(state, State::Waiting(_) | State::Forgotten { .. });
            assert_eq!(entry.can_be_of(10), has_begun, "{state:?}");
            assert!(!entry.can_be_of(9), "{state:?}");
            entry.request_id = Some("r".to_owned());
            assert!(!entry.can_be_of(10), "{state:?}");
        }
    }

    #[test]
    fn what_is_unknown_or_under_way_is_not_settled() {
        for (state, _, _) in all() {
            let settled_at = entry(state.clone()).settled_at();
            let expected = match state {
                State::Ended(Outcome { status, .. }) => {
                    let is_unknown =
                        matches!(status, Status::ZX_OUTCOME_UNKNOWN | Status::ZX_INTERNAL);
                    (!is_unknown).then_some(20)
                }
                State::Forgotten { .. } => Some(20),
                State::Waiting(_) => Some(10),
                State::UnderWay(_) => None,
            };
            assert_eq!(settled_at, expected, "{state:?}");
        }
    }
}
