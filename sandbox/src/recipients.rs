//! The magic recipients: numbers that make the sandbox behave in one documented way each, as the
//! test cards of a payment API do. The table drives the behaviour, `--help` and the tests.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Accept,
    AcceptThenFail,
    Unauthorized,
    Reject,
    BusyOnce,
    Busy,
    BadGateway,
    Silence,
    HangUp,
    SlowResponse,
    Firewall,
    Unavailable,
    MarkedResponse,
    PostBackTwice,
    PostBacksOutOfOrder,
    PostBackLate,
}

#[derive(Serialize)]
pub struct MagicRecipient {
    pub number: &'static str,
    #[serde(skip)]
    pub behaviour: Behaviour,
    pub what_happens: &'static str,
    /// What the library reports under its default options.
    pub status: &'static str,
}

pub const MAGIC_RECIPIENTS: [MagicRecipient; 16] = [
    MagicRecipient {
        number: "15550100001",
        behaviour: Behaviour::Accept,
        what_happens: "accepted, and later `delivered`; so is every number that is not listed here",
        status: "ZX_OK",
    },
    MagicRecipient {
        number: "15550100002",
        behaviour: Behaviour::AcceptThenFail,
        what_happens: "accepted, and later `failed` with a remark",
        status: "ZX_OK",
    },
    MagicRecipient {
        number: "15550100003",
        behaviour: Behaviour::Unauthorized,
        what_happens: "401, as if the credentials were wrong",
        status: "ZX_UNAUTHORIZED",
    },
    MagicRecipient {
        number: "15550100004",
        behaviour: Behaviour::Reject,
        what_happens: "400 with `success` false",
        status: "ZX_REJECTED",
    },
    MagicRecipient {
        number: "15550100005",
        behaviour: Behaviour::BusyOnce,
        what_happens: "429 with `Retry-After: 1`, then accepted: the same body is turned away every other time",
        status: "ZX_OK",
    },
    MagicRecipient {
        number: "15550100006",
        behaviour: Behaviour::Busy,
        what_happens: "429 with `Retry-After: 1`, every time",
        status: "ZX_BUSY",
    },
    MagicRecipient {
        number: "15550100007",
        behaviour: Behaviour::BadGateway,
        what_happens: "502 as an HTML page",
        status: "ZX_OUTCOME_UNKNOWN",
    },
    MagicRecipient {
        number: "15550100008",
        behaviour: Behaviour::Silence,
        what_happens: "no response: not accepted, and the connection stays open until the client gives up",
        status: "ZX_OUTCOME_UNKNOWN",
    },
    MagicRecipient {
        number: "15550100009",
        behaviour: Behaviour::HangUp,
        what_happens: "accepted, and later `delivered`, but the connection is closed without a response",
        status: "ZX_OUTCOME_UNKNOWN",
    },
    MagicRecipient {
        number: "15550100010",
        behaviour: Behaviour::SlowResponse,
        what_happens: "accepted, and later `delivered`; the response takes 12 seconds, byte by byte",
        status: "ZX_OK",
    },
    MagicRecipient {
        number: "15550100011",
        behaviour: Behaviour::Firewall,
        what_happens: "403 as a firewall's HTML page: not the API's word, and the credentials are fine",
        status: "ZX_REJECTED",
    },
    MagicRecipient {
        number: "15550100012",
        behaviour: Behaviour::Unavailable,
        what_happens: "503 with `success` false, every time",
        status: "ZX_BUSY",
    },
    MagicRecipient {
        number: "15550100013",
        behaviour: Behaviour::MarkedResponse,
        what_happens: "accepted, and later `delivered`; the response begins with a byte order mark",
        status: "ZX_OK",
    },
    MagicRecipient {
        number: "15550100014",
        behaviour: Behaviour::PostBackTwice,
        what_happens: "accepted, and later `delivered`, which is posted twice",
        status: "ZX_OK",
    },
    MagicRecipient {
        number: "15550100015",
        behaviour: Behaviour::PostBacksOutOfOrder,
        what_happens: "accepted, and later `read`, `sent` and `delivered`, posted in this order",
        status: "ZX_OK",
    },
    MagicRecipient {
        number: "15550100016",
        behaviour: Behaviour::PostBackLate,
        what_happens: "accepted, and `delivered` at once, which is posted 10 seconds late",
        status: "ZX_OK",
    },
];

/// What the sandbox does with a message to `recipient`.
pub fn behaviour_of(recipient: &str) -> Behaviour {
    MAGIC_RECIPIENTS
        .iter()
        .find(|magic| magic.number == recipient)
        .map_or(Behaviour::Accept, |magic| magic.behaviour)
}

/// The table as Markdown, so that `--help` and the README can show the same text.
pub fn table() -> String {
    let mut table = String::from("| recipient | what happens | status |\n| --- | --- | --- |\n");
    for magic in &MAGIC_RECIPIENTS {
        table += &format!(
            "| `{}` | {} | `{}` |\n",
            magic.number, magic.what_happens, magic.status
        );
    }
    table
}
