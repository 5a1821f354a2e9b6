//! The rules of a message, as one table that the check and the schema both read.
//!
//! The outermost fields are the endpoint's own: its page states their names, types and presence.
//! What is inside `interactive` is WhatsApp's, from the Cloud API's reference of interactive
//! reply-buttons messages.

use super::formats::{NO_OUTER_SPACE, PHONE_NUMBER, WEB_URL};
use super::rule::Rule::{Anything, Array, Constant, Object, OneOf, Text};
use super::rule::{
    ANY_TEXT, Field, Limit, NOT_EMPTY, characters, either, of_type, optional, required, unnamed,
};

pub(super) static MESSAGE: Field = unnamed(Object(&[
    required("recipient", Text(ANY_TEXT.in_format(&PHONE_NUMBER))).says(
        "Recipient",
        "The phone number to send to: country code first, digits only.",
        &["919876543210"],
    ),
    required("phone_id", Text(NOT_EMPTY)).says(
        "Phone ID",
        "The Phone ID of the WhatsApp Business account that sends.",
        &["123456789012345"],
    ),
    required("interactive", Object(INTERACTIVE)).says(
        "Content",
        "The reply-buttons message, as the WhatsApp Cloud API defines it.",
        &[],
    ),
    optional("post_back_url", Text(ANY_TEXT.in_format(&WEB_URL))).says(
        "Post-back URL",
        "Where Zixflow posts a notification each time the message's status changes.",
        &["https://example.com/whatsapp/status"],
    ),
    optional("post_back_data", Text(ANY_TEXT)).says(
        "Post-back data",
        "Handed back in those notifications, to correlate them.",
        &["order-1042"],
    ),
]))
.says(
    "Reply-buttons message",
    "A WhatsApp message with buttons to reply with.",
    &[],
);

/// The same fields, of which no more is known than the endpoint's own page says.
pub(super) static OUTERMOST: Field = unnamed(Object(&[
    required("recipient", Text(ANY_TEXT)),
    required("phone_id", Text(ANY_TEXT)),
    required("interactive", Object(&[])),
    optional("post_back_url", Text(ANY_TEXT)),
    optional("post_back_data", Text(ANY_TEXT)),
]));

/// What the rules do not know.
pub(super) static ANYTHING: Field = unnamed(Anything);

static INTERACTIVE: &[Field] = &[
    required("type", Constant("button")).says("Type", "The kind of interactive message.", &[]),
    optional("header", Object(HEADER)).says("Header", "Shown above the text.", &[]),
    required("body", Object(BODY)).says("Body", "The text of the message.", &[]),
    optional("footer", Object(FOOTER)).says("Footer", "Shown below the text.", &[]),
    required("action", Object(ACTION)).says("Action", "The replies to choose from.", &[]),
];

static HEADER: &[Field] = &[
    required("type", OneOf(&["text", "image", "video", "document"])).says(
        "Type",
        "What the header holds.",
        &[],
    ),
    of_type("text", Text(characters(1, 60).plain())).says("Text", "The headline.", &["Your order"]),
    of_type("image", Object(MEDIA)).says("Image", "The picture.", &[]),
    of_type("video", Object(MEDIA)).says("Video", "The video.", &[]),
    of_type("document", Object(DOCUMENT)).says("Document", "The file.", &[]),
];

static MEDIA: &[Field] = &[LINK, MEDIA_ID];

static DOCUMENT: &[Field] = &[
    LINK,
    MEDIA_ID,
    optional("filename", Text(NOT_EMPTY)).says(
        "File name",
        "What the recipient sees the file called; \"Untitled\" without it.",
        &["Menu.pdf"],
    ),
];

const LINK: Field = either("link", Text(ANY_TEXT.in_format(&WEB_URL))).says(
    "Link",
    "The http or https URL that WhatsApp fetches it from.",
    &["https://example.com/menu.jpg"],
);

const MEDIA_ID: Field = either("id", Text(NOT_EMPTY)).says(
    "Media ID",
    "The ID that WhatsApp gave to it when it was uploaded.",
    &["2762702990552401"],
);

static BODY: &[Field] = &[required("text", Text(characters(1, 1024))).says(
    "Text",
    "The text of the message.",
    &["Your order is ready. Shall we bring it?"],
)];

static FOOTER: &[Field] = &[required("text", Text(characters(0, 60))).says(
    "Text",
    "A line in small print.",
    &["Acme Pizza"],
)];

static ACTION: &[Field] = &[required(
    "buttons",
    Array(
        Limit {
            at_least: 1,
            at_most: 3,
        },
        &BUTTON,
    ),
)
.says(
    "Buttons",
    "The replies that the recipient can choose from.",
    &[],
)];

static BUTTON: Field = unnamed(Object(&[
    required("type", Constant("reply")).says("Type", "The kind of button.", &[]),
    required("reply", Object(REPLY)).says("Reply", "The reply that the button sends.", &[]),
]))
.says("Button", "One reply.", &[]);

static REPLY: &[Field] = &[
    required(
        "id",
        Text(characters(1, 256).in_format(&NO_OUTER_SPACE).distinct()),
    )
    .says(
        "ID",
        "Tells which button was chosen; the recipient does not see it.",
        &["bring-it"],
    ),
    required("title", Text(characters(1, 20).distinct().plain())).says(
        "Title",
        "What the button says.",
        &["Yes, please"],
    ),
];
