//! What the page shows: the latest messages, each with its fate.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::bounded::{Latest, shortened};
use super::post_back::{Delivery, Hook};

/// How many messages are kept for the page, and how much memory they may take.
const MOST_MESSAGES: usize = 200;
const MOST_BYTES: usize = 32 << 20;

/// The same of what is told of one message.
const MOST_POST_BACKS: usize = 20;
const MOST_TAPS: usize = 20;
const MOST_POST_BACK_BYTES: usize = 8 * 1024;

/// A message's fields that a customer would see, or that tell the messages apart.
#[derive(Clone, Serialize, Deserialize)]
pub struct Shown {
    recipient: String,
    phone_id: String,
    interactive: Interactive,
}

#[derive(Clone, Serialize, Deserialize)]
struct Interactive {
    header: Option<Header>,
    body: Text,
    footer: Option<Text>,
    action: Action,
}

#[derive(Clone, Serialize, Deserialize)]
struct Header {
    r#type: String,
    text: Option<String>,
    image: Option<Media>,
    video: Option<Media>,
    document: Option<Media>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Media {
    link: Option<String>,
    id: Option<String>,
    filename: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Text {
    text: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Action {
    buttons: Vec<Button>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Button {
    reply: ButtonReply,
}

#[derive(Clone, Serialize, Deserialize)]
struct ButtonReply {
    title: String,
}

impl Shown {
    /// Nothing, where the body is no message.
    pub fn read(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }
}

/// A message that came, for the page.
#[derive(Clone, Serialize)]
pub struct Message {
    number: u64,
    at: String,
    /// The request and the response as they went over the wire, the key masked.
    request: String,
    response: String,
    is_accepted: bool,
    has_post_back_url: bool,
    shown: Option<Shown>,
    /// The indexes of the buttons that were tapped on the page.
    taps: Vec<usize>,
    post_backs: Vec<PostBack>,
    /// How many there were before the first of `post_backs`.
    forgotten_post_backs: usize,
}

#[derive(Clone, Serialize)]
struct PostBack {
    at: String,
    status: &'static str,
    remark: String,
    outcome: String,
    body: String,
}

/// What is known of a message when its response goes out.
pub struct Arrival {
    pub request: String,
    pub response: String,
    pub shown: Option<Shown>,
    pub is_accepted: bool,
    pub hook: Option<Hook>,
}

struct Kept {
    message: Message,
    hook: Option<Hook>,
    /// The version in which it was last changed.
    version: u64,
}

/// The page's memory. Each change makes a new version, for which the page's connections wait.
pub struct Messages {
    kept: Mutex<Latest<Kept>>,
    version: watch::Sender<u64>,
}

/// Why an order cannot be carried out.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    NoSuchMessage,
    NotAccepted,
    NoPostBackUrl,
    NoSuchButton,
}

impl Messages {
    pub fn new() -> Self {
        Self {
            kept: Mutex::new(Latest::new(MOST_MESSAGES, MOST_BYTES)),
            version: watch::Sender::new(0),
        }
    }

    /// Keeps a message, and returns its number.
    pub fn add(&self, arrival: Arrival) -> u64 {
        let mut kept = self.lock();
        let number = self.next_version();
        let bytes = arrival.request.len() * 2
            + arrival.response.len()
            + arrival.hook.as_ref().map_or(0, Hook::bytes)
            + MOST_POST_BACKS * MOST_POST_BACK_BYTES / 8;
        kept.push(
            Kept {
                message: Message {
                    number,
                    at: now(),
                    request: arrival.request,
                    response: arrival.response,
                    is_accepted: arrival.is_accepted,
                    has_post_back_url: arrival.hook.is_some(),
                    shown: arrival.shown,
                    taps: Vec::new(),
                    post_backs: Vec::new(),
                    forgotten_post_backs: 0,
                },
                hook: arrival.hook,
                version: number,
            },
            bytes,
        );
        number
    }

    /// Where the post-backs of a message go.
    pub fn hook(&self, number: u64) -> Result<Hook, Refusal> {
        self.change(number, |kept| hook_of(kept))?
    }

    /// Marks a button as tapped.
    pub fn tap(&self, number: u64, button: usize) -> Result<Hook, Refusal> {
        self.change(number, |kept| {
            let hook = hook_of(kept)?;
            let shown = kept.message.shown.as_ref();
            let buttons = shown.map_or(0, |shown| shown.interactive.action.buttons.len());
            if button >= buttons {
                return Err(Refusal::NoSuchButton);
            }
            let taps = &mut kept.message.taps;
            if taps.len() < MOST_TAPS {
                taps.push(button);
            }
            Ok(hook)
        })?
    }

    /// Adds what became of a post-back, whose texts hold no key.
    pub fn told(&self, number: u64, delivery: Delivery) {
        let told = PostBack {
            at: now(),
            status: delivery.status,
            remark: delivery.remark,
            outcome: shortened(&delivery.outcome, MOST_POST_BACK_BYTES),
            body: shortened(&delivery.body, MOST_POST_BACK_BYTES),
        };
        // One that was forgotten meanwhile is not missed.
        let _ = self.change(number, |kept| {
            let message = &mut kept.message;
            message.post_backs.push(told);
            if message.post_backs.len() > MOST_POST_BACKS {
                message.post_backs.remove(0);
                message.forgotten_post_backs += 1;
            }
        });
    }

    /// What has changed since a version, and the version that this makes.
    pub fn since(&self, version: u64) -> (Vec<Message>, u64) {
        let kept = self.lock();
        let changed = kept.iter().filter(|kept| kept.version > version);
        let changed = changed.map(|kept| kept.message.clone()).collect();
        (changed, *self.version.borrow())
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn change<R>(&self, number: u64, change: impl FnOnce(&mut Kept) -> R) -> Result<R, Refusal> {
        let mut messages = self.lock();
        let kept = messages
            .iter_mut()
            .find(|kept| kept.message.number == number)
            .ok_or(Refusal::NoSuchMessage)?;
        let result = change(kept);
        kept.version = self.next_version();
        Ok(result)
    }

    /// To be called with the lock held, so that no change is missed in between.
    fn next_version(&self) -> u64 {
        let mut version = 0;
        self.version.send_modify(|current| {
            *current += 1;
            version = *current;
        });
        version
    }

    fn lock(&self) -> MutexGuard<'_, Latest<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hook_of(kept: &Kept) -> Result<Hook, Refusal> {
    if !kept.message.is_accepted {
        return Err(Refusal::NotAccepted);
    }
    kept.hook.clone().ok_or(Refusal::NoPostBackUrl)
}

fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
