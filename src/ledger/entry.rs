//! What an entry says, and what may happen to it. No disk, no clock and no lock: those are told.
//!
//! A call holds its key from before it looks for an entry until its outcome is written.
//!
//! | outcome | what a call with the key finds |
//! | --- | --- |
//! | none yet, its call lives | a call under way, for whose outcome it waits |
//! | none, its call is gone | an unknown outcome: the message may have left |
//! | one | what the status says: queued, unknown, or not queued for sure |
//!
//! Time is Unix time in milliseconds, by the machine's clock.

use super::Status;

pub(crate) type Digest = [u8; 32];

/// What the ledger knows of a message that may have been sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) message: Digest,
    pub(crate) post_back_data: Option<Digest>,
    pub(crate) began_at: i64,
    /// None until its call ends, and where it was lost.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) request_id: Option<String>,
    /// What the newest post-back told, and since when that was so.
    pub(crate) post_back: Option<(String, Option<i64>)>,
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
    /// What a call with a message finds, where another call has the key or none. The error: another
    /// message has it.
    pub(crate) fn find(&self, message: &Digest, is_live: bool) -> Result<Standing, Standing> {
        match self.standing(is_live) {
            // What was not queued may be corrected.
            standing if standing == Standing::Free || self.message == *message => Ok(standing),
            standing => Err(standing),
        }
    }

    pub(crate) fn standing(&self, is_live: bool) -> Standing {
        match &self.outcome {
            Some(outcome) => outcome.standing(),
            None if is_live => Standing::Live,
            None => Standing::Unknown,
        }
    }

    /// Its call ended. Queued is final: a post-back may have told that meanwhile.
    pub(crate) fn end(&mut self, outcome: Outcome, request_id: Option<String>) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            self.request_id = request_id;
        }
    }

    /// Whether a post-back without a known `request_id` can be of this message.
    pub(crate) fn can_be_of(&self, status_at: i64) -> bool {
        self.request_id.is_none() && self.began_at <= status_at
    }

    /// A post-back tells that the message was queued. Returns whether that was unknown.
    pub(crate) fn settle(
        &mut self,
        request_id: &str,
        post_back: (String, Option<i64>),
        now: i64,
        is_live: bool,
    ) -> bool {
        let before = self.standing(is_live);
        self.request_id.get_or_insert_with(|| request_id.to_owned());
        let is_late = |last: &(_, Option<i64>)| last.1.zip(post_back.1).is_some_and(|(a, b)| a > b);
        if !self.post_back.as_ref().is_some_and(is_late) {
            self.post_back = Some(post_back);
        }
        if before != Standing::Queued {
            self.outcome = Some(Outcome {
                status: Status::ZX_OK,
                retryable: false,
                http_status: None,
                at: now,
            });
        }
        before == Standing::Unknown
    }

    /// When it was known whether the message was queued, if it is.
    pub(crate) fn settled_at(&self) -> Option<i64> {
        let outcome = self.outcome.as_ref();
        let settled = outcome.filter(|outcome| outcome.standing() != Standing::Unknown);
        settled.map(|outcome| outcome.at)
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

    fn outcome(status: Status) -> Outcome {
        Outcome {
            status,
            retryable: false,
            http_status: None,
            at: 20,
        }
    }

    fn entry(outcome: Option<Outcome>) -> Entry {
        Entry {
            message: [1; 32],
            post_back_data: Some([2; 32]),
            began_at: 10,
            outcome,
            request_id: None,
            post_back: None,
        }
    }

    /// Each entry, whether a call has its key, and what it comes to.
    fn all() -> Vec<(Entry, bool, Standing)> {
        let mut all = vec![
            (entry(None), true, Standing::Live),
            (entry(None), false, Standing::Unknown),
        ];
        for status in (0..).map_while(Status::from_repr) {
            let standing = match status {
                Status::ZX_OK => Standing::Queued,
                Status::ZX_OUTCOME_UNKNOWN | Status::ZX_INTERNAL => Standing::Unknown,
                _ => Standing::Free,
            };
            // Who only looks has the key, too.
            for is_live in [false, true] {
                all.push((entry(Some(outcome(status))), is_live, standing));
            }
        }
        assert_eq!(all.len(), 2 + 2 * 9);
        all
    }

    #[test]
    fn entry_comes_to_what_its_call_and_its_outcome_say() {
        for (entry, is_live, standing) in all() {
            assert_eq!(entry.standing(is_live), standing, "{entry:?}");
        }
    }

    #[test]
    fn only_a_message_that_was_not_queued_may_give_its_key_to_another() {
        for (entry, is_live, standing) in all() {
            assert_eq!(entry.find(&[1; 32], is_live), Ok(standing));
            let another = match standing {
                Standing::Free => Ok(standing),
                standing => Err(standing),
            };
            assert_eq!(entry.find(&[3; 32], is_live), another, "{entry:?}");
        }
    }

    #[test]
    fn only_an_entry_without_an_outcome_is_ended() {
        for (before, _, _) in all() {
            let mut after = before.clone();
            after.end(outcome(Status::ZX_REJECTED), Some("r".to_owned()));
            assert_eq!(after != before, before.outcome.is_none(), "{before:?}");
        }
    }

    #[test]
    fn a_post_back_makes_queued_what_was_unknown_and_queued_is_final() {
        for (mut entry, is_live, standing) in all() {
            let told = |status: &str, at| (status.to_owned(), Some(at));
            let settled = entry.settle("r", told("delivered", 25), 30, is_live);
            assert_eq!(settled, standing == Standing::Unknown, "{entry:?}");
            assert_eq!(entry.standing(false), Standing::Queued);
            let before = entry.clone();
            // One that comes late.
            assert!(!entry.settle("another", told("sent", 24), 40, false));
            entry.end(outcome(Status::ZX_BUSY), None);
            assert_eq!(entry, before);
        }
    }

    #[test]
    fn a_post_back_by_its_data_is_of_a_message_that_began_before_and_has_no_request_id() {
        for (mut entry, _, _) in all() {
            assert!(entry.can_be_of(10) && !entry.can_be_of(9), "{entry:?}");
            entry.request_id = Some("r".to_owned());
            assert!(!entry.can_be_of(10), "{entry:?}");
        }
    }

    #[test]
    fn what_is_unknown_or_under_way_is_not_settled() {
        for (entry, _, standing) in all() {
            let is_settled = matches!(standing, Standing::Free | Standing::Queued);
            assert_eq!(entry.settled_at(), is_settled.then_some(20), "{entry:?}");
        }
    }
}
