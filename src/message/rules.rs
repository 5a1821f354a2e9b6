//! The rules of a message, as one table that the check and the schema both read.
//!
//! The outermost fields are the endpoint's own: its page states their names, types and presence.
//! What is inside `interactive` is WhatsApp's, from the Cloud API's reference of interactive
//! reply-buttons messages.

use crate::json::{Spelling, Type};
use Rule::{Array, ByType, Constant, ExactlyOne, Object, Text};

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
    optional("post_back_url", Text(ANY_TEXT)).says(
        "Post-back URL",
        "Where Zixflow posts a notification each time the message's status changes.",
        &["https://example.com/whatsapp/status"],
    ),
    optional("post_back_data", Text(ANY_TEXT)).says(
        "Post-back data",
        "Handed back in those notifications, so that they can be told apart.",
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

static INTERACTIVE: &[Field] = &[
    required("type", Constant("button")).says("Type", "The kind of interactive message.", &[]),
    optional("header", ByType(HEADER)).says("Header", "What stands above the text.", &[]),
    required("body", Object(BODY)).says("Body", "What the message says.", &[]),
    optional("footer", Object(FOOTER)).says("Footer", "What stands below the text.", &[]),
    required("action", Object(ACTION)).says("Action", "What the recipient can do.", &[]),
];

static HEADER: &[Field] = &[
    required("text", Object(TEXT_HEADER)).says("Text", "A headline.", &[]),
    required("image", Object(IMAGE_HEADER)).says("Image", "A picture.", &[]),
    required("video", Object(VIDEO_HEADER)).says("Video", "A film.", &[]),
    required("document", Object(DOCUMENT_HEADER)).says("Document", "A file to open.", &[]),
];

static TEXT_HEADER: &[Field] = &[
    header_type("text"),
    required("text", Text(characters(1, 60))).says("Text", "The headline.", &["Your order"]),
];

static IMAGE_HEADER: &[Field] = &[
    header_type("image"),
    required("image", ExactlyOne(MEDIA)).says("Image", "The picture.", &[]),
];

static VIDEO_HEADER: &[Field] = &[
    header_type("video"),
    required("video", ExactlyOne(MEDIA)).says("Video", "The film.", &[]),
];

static DOCUMENT_HEADER: &[Field] = &[
    header_type("document"),
    required("document", ExactlyOne(MEDIA)).says("Document", "The file.", &[]),
];

const fn header_type(name: &'static str) -> Field {
    required("type", Constant(name)).says("Type", "What the header holds.", &[])
}

static MEDIA: &[Field] = &[
    optional("link", Text(ANY_TEXT.in_format(&WEB_LINK))).says(
        "Link",
        "The http or https URL that WhatsApp fetches it from.",
        &["https://example.com/menu.jpg"],
    ),
    optional("id", Text(NOT_EMPTY)).says(
        "Media ID",
        "The ID that WhatsApp gave to it when it was uploaded.",
        &["2762702990552401"],
    ),
];

static BODY: &[Field] = &[required("text", Text(characters(1, 1024))).says(
    "Text",
    "The text of the message.",
    &["Your order is ready. Shall we bring it?"],
)];

static FOOTER: &[Field] = &[required("text", Text(characters(1, 60))).says(
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
    required("reply", Object(REPLY)).says("Reply", "What the button answers.", &[]),
]))
.says("Button", "One reply.", &[]);

static REPLY: &[Field] = &[
    required(
        "id",
        Text(characters(1, 256).in_format(&TRIMMED).distinct()),
    )
    .says(
        "ID",
        "Tells which button was chosen; the recipient does not see it.",
        &["bring-it"],
    ),
    required("title", Text(characters(1, 20).distinct())).says(
        "Title",
        "What the button says.",
        &["Yes, please"],
    ),
];

static PHONE_NUMBER: Format = Format {
    holds: |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
    pattern: "^[0-9]+$",
    wanted: "must be the phone number in digits only, country code first, \
             without +, spaces or dashes, such as 919876543210",
};

static WEB_LINK: Format = Format {
    holds: |text| {
        after_web_scheme(text).is_some_and(|rest| {
            !rest.is_empty()
                && !rest.starts_with(['/', '?', '#', ':', '@'])
                && !rest.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
        })
    },
    pattern: r"^[Hh][Tt][Tt][Pp][Ss]?://[^\u0000-\u0020\u007F\/?#:@][^\u0000-\u0020\u007F]*$",
    wanted: "must be an absolute http or https URL without spaces, \
             such as https://example.com/menu.jpg",
};

static TRIMMED: Format = Format {
    // An empty text is the length's business.
    holds: |text| !text.starts_with(char::is_whitespace) && !text.ends_with(char::is_whitespace),
    // Unicode's White_Space, spelled out: what \s means differs from one dialect to the next.
    pattern: concat!(
        r"^(?:[^\u0009-\u000D\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]",
        r"(?:[\s\S]*",
        r"[^\u0009-\u000D\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]",
        r")?)?$",
    ),
    wanted: "must not begin or end with white space",
};

/// What follows `http://` or `https://`, in upper or lower case.
pub(super) fn after_web_scheme(text: &str) -> Option<&str> {
    ["https://", "http://"].into_iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// A value that has a name in the object around it, or none: the message itself, an array's item.
pub(super) struct Field {
    pub(super) name: &'static str,
    /// The name as it stands in a message, and what its value begins with.
    pub(super) spelling: Spelling,
    pub(super) opening: u8,
    pub(super) required: bool,
    pub(super) rule: Rule,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) examples: &'static [&'static str],
}

// A tag of its own, and not one hidden in a rule's fields: it is looked at for each value.
#[repr(u8)]
pub(super) enum Rule {
    Constant(&'static str),
    Text(TextRule),
    Object(&'static [Field]),
    /// An object that holds one of these fields and not another of them.
    ExactlyOne(&'static [Field]),
    /// An object whose `type` is the name of one of these, which says what else it holds.
    ByType(&'static [Field]),
    /// How many items, and what each of them is.
    Array(Limit, &'static Field),
}

pub(super) struct TextRule {
    /// Counts Unicode code points: WhatsApp was measured to count characters, not bytes.
    pub(super) length: Limit,
    pub(super) format: Option<&'static Format>,
    /// Differs from the texts in the same field of an array's other items.
    pub(super) is_distinct: bool,
}

/// WhatsApp's, where there is an upper one.
pub(super) struct Limit {
    pub(super) at_least: usize,
    pub(super) at_most: usize,
}

/// One format, said for the check, for the schema and for a person.
pub(super) struct Format {
    pub(super) holds: fn(&str) -> bool,
    /// A regular expression of ECMA-262 that says exactly what `holds` does.
    pub(super) pattern: &'static str,
    pub(super) wanted: &'static str,
}

const fn required(name: &'static str, rule: Rule) -> Field {
    Field {
        name,
        spelling: Spelling::of(name),
        opening: rule.opening(),
        required: true,
        rule,
        title: "",
        description: "",
        examples: &[],
    }
}

const fn optional(name: &'static str, rule: Rule) -> Field {
    Field {
        required: false,
        ..required(name, rule)
    }
}

const fn unnamed(rule: Rule) -> Field {
    required("", rule)
}

const ANY_TEXT: TextRule = characters(0, usize::MAX);
const NOT_EMPTY: TextRule = characters(1, usize::MAX);

const fn characters(at_least: usize, at_most: usize) -> TextRule {
    TextRule {
        length: Limit { at_least, at_most },
        format: None,
        is_distinct: false,
    }
}

impl TextRule {
    const fn in_format(self, format: &'static Format) -> Self {
        Self {
            format: Some(format),
            ..self
        }
    }

    const fn distinct(self) -> Self {
        Self {
            is_distinct: true,
            ..self
        }
    }
}

impl Field {
    const fn says(
        self,
        title: &'static str,
        description: &'static str,
        examples: &'static [&'static str],
    ) -> Self {
        Self {
            title,
            description,
            examples,
            ..self
        }
    }
}

impl Rule {
    const fn opening(&self) -> u8 {
        match self {
            Constant(_) | Text(_) => b'"',
            Object(_) | ExactlyOne(_) | ByType(_) => b'{',
            Array(..) => b'[',
        }
    }

    pub(super) fn json_type(&self) -> Type {
        match self {
            Constant(_) | Text(_) => Type::String,
            Object(_) | ExactlyOne(_) | ByType(_) => Type::Object,
            Array(..) => Type::Array,
        }
    }
}
