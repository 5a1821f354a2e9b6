//! The outcome of a call, as C sees it.

use serde::{Serialize, Serializer};
use strum::{FromRepr, IntoStaticStr, VariantArray};

/// The statuses, without gaps, in the order of their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromRepr, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
#[allow(non_camel_case_types)]
#[repr(i32)]
// A new one comes last. `is_refusal` says what it means, `outcome::row` when it is given, and the ledger's
// `entry` what it leaves behind; the rest follows.
pub enum Status {
    /// The message was accepted and queued. (Delivery is reported later, to its post_back_url.)
    ZX_OK = 0,
    /// Not queued: a NULL, stale or foreign pointer, text that is not UTF-8, a credential that no
    /// header can carry, or a bad option. Fix the program.
    ZX_INVALID_ARGUMENT = 1,
    /// Not queued: the message breaks a rule; nothing was sent. The reply lists the problems.
    ZX_INVALID_MESSAGE = 2,
    /// Not queued: the API refused the credentials.
    ZX_UNAUTHORIZED = 3,
    /// Not queued: the API responded that it did not queue it.
    ZX_REJECTED = 4,
    /// Not queued: the API turned it away for now, or the next slot under messages_per_second was
    /// after timeout_ms. Try later.
    ZX_BUSY = 5,
    /// Not queued: the API cannot have received the whole request.
    ZX_NOT_SENT = 6,
    /// Perhaps queued: the request went out, and no response settles whether it was. Do not send it
    /// again before you know.
    ZX_OUTCOME_UNKNOWN = 7,
    /// Perhaps queued: a bug in this library.
    ZX_INTERNAL = 8,
}

/// A status, and whether sending again can help and cannot deliver twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    pub(crate) status: Status,
    pub(crate) retryable: bool,
}

impl Status {
    /// As replies spell it: `ok`.
    pub(crate) fn name(self) -> &'static str {
        let name: &str = self.into();
        name.strip_prefix("zx_").unwrap_or(name)
    }

    pub(crate) const fn retryable(self) -> Verdict {
        Verdict {
            status: self,
            retryable: true,
        }
    }

    pub(crate) const fn not_retryable(self) -> Verdict {
        Verdict {
            status: self,
            retryable: false,
        }
    }

    /// Whether it is that of a response which says that the message was not queued.
    pub(crate) const fn is_refusal(self) -> bool {
        match self {
            Status::ZX_UNAUTHORIZED | Status::ZX_REJECTED | Status::ZX_BUSY => true,
            Status::ZX_OK
            | Status::ZX_INVALID_ARGUMENT
            | Status::ZX_INVALID_MESSAGE
            | Status::ZX_NOT_SENT
            | Status::ZX_OUTCOME_UNKNOWN
            | Status::ZX_INTERNAL => false,
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
