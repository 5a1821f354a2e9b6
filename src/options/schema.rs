//! The options as `schema.json` describes them: which there are, and what each may be. A host gets
//! the file as it is, and all that is checked here is read from it.

use once_cell::race::OnceBox;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::json;
use crate::misspelling::distance;
use crate::sys::environment;

/// Some hundred times what all options take. A longer text is refused by the caller, unread.
pub(crate) const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The JSON Schema (draft 2020-12) of `zx_client_new`'s options, and NUL, for a host.
pub(crate) const SCHEMA: &str = concat!(include_str!("schema.json"), "\0");

/// The schema of each option, by its name.
fn properties() -> &'static Map<String, Value> {
    static PROPERTIES: OnceBox<Map<String, Value>> = OnceBox::new();

    PROPERTIES.get_or_init(|| {
        let schema = serde_json::from_str(SCHEMA.trim_end_matches('\0'));
        let mut schema: Map<String, Value> = schema.unwrap_or_default();
        match schema.remove("properties") {
            Some(Value::Object(properties)) => Box::new(properties),
            // Only a mistake in the file could make it unreadable.
            _ => Box::default(),
        }
    })
}

/// Options and their values, each as the schema wants it.
#[derive(Default)]
pub(super) struct Values {
    values: Map<String, Value>,
    /// Options, and the variables that they come from.
    from_environment: Vec<(&'static str, &'static str)>,
}

impl Values {
    /// What is given to a call.
    pub(super) fn of_call(json: Option<&str>) -> Result<Self, String> {
        Values::given(json, |property| property["x-per-call"] == true)
    }

    /// What is given to a client, what the environment says, and the defaults.
    pub(super) fn of_client(json: Option<&str>) -> Result<Self, String> {
        let mut this = Values::given(json, |property| property["x-call-alone"] != true)?;
        for (name, property) in properties() {
            if this.values.contains_key(name) {
                continue;
            }
            // Where there are several, which one holds is decided when the route is known.
            let variables = property["x-environment"].as_array().map(Vec::as_slice);
            if let Some([Value::String(variable)]) = variables
                && let Some(text) = environment::variable(variable)?
            {
                this.from_environment.push((name, variable));
                let value = checked(property, Value::String(text));
                let value = value.map_err(|reason| this.blame(name, &reason))?;
                this.values.insert(name.clone(), value);
            } else if let Some(default) = property.get("default") {
                this.values.insert(name.clone(), default.clone());
            }
        }
        Ok(this)
    }

    fn given(json: Option<&str>, is_allowed: fn(&Value) -> bool) -> Result<Self, String> {
        let mut this = Values::default();
        let mut wrong = None;
        json::members(json.unwrap_or("{}"), |key, value| {
            if wrong.is_none() {
                wrong = this.take(&key, value, is_allowed).err();
            }
        })
        .map_err(|error| describe(&error))?;
        wrong.map_or(Ok(this), Err)
    }

    fn take(
        &mut self,
        key: &str,
        value: &RawValue,
        is_allowed: fn(&Value) -> bool,
    ) -> Result<(), String> {
        let property = properties().get(key);
        let property = property.ok_or_else(|| unknown(key, is_allowed))?;
        if self.values.contains_key(key) {
            return Err(format!("{key} is given twice"));
        }
        // What serde_json cannot hold, such as 1e999, is as wrong as null, which no option may be.
        let value = serde_json::from_str(value.get()).unwrap_or_default();
        let value = checked(property, value);
        let value = value.map_err(|reason| format!("{key} {reason}"))?;
        if !is_allowed(property) {
            let of = match property["x-call-alone"] {
                Value::Bool(true) => "a call: give it to zx_send_reply_buttons_with",
                _ => "the client: give it to zx_client_new",
            };
            return Err(format!("{key} is an option of {of}"));
        }
        self.values.insert(key.to_owned(), value);
        Ok(())
    }

    /// The values in their places, which are named like the options.
    pub(super) fn place<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_value(Value::Object(self.values.clone()))
            // Without serde's reason, which repeats values.
            .map_err(|_| "options_json cannot be read: a bug in libzixflow".to_owned())
    }

    /// The same over others, which hold where nothing is given.
    pub(super) fn place_over<T: DeserializeOwned + serde::Serialize>(
        mut self,
        others: &T,
    ) -> Result<T, String> {
        if let Ok(Value::Object(others)) = serde_json::to_value(others) {
            for (name, value) in others {
                self.values.entry(name).or_insert(value);
            }
        }
        self.place()
    }

    /// A reason that names the option, or the environment variable that it comes from.
    pub(super) fn blame(&self, option: &str, reason: &str) -> String {
        match self.from_environment.iter().find(|it| it.0 == option) {
            Some((_, variable)) => format!("the environment variable {variable} {reason}"),
            None => format!("{option} {reason}"),
        }
    }
}

/// The value, if the option may have it. What only its use can tell of a text is checked there.
fn checked(property: &Value, value: Value) -> Result<Value, String> {
    let [least, most] = ["minimum", "maximum"].map(|edge| property[edge].as_f64());
    let number = value
        .as_f64()
        .filter(|number| (least.unwrap_or(f64::MIN)..=most.unwrap_or(f64::MAX)).contains(number));
    match (property["type"].as_str(), &value, number) {
        (Some("boolean"), Value::Bool(_), _) | (Some("number"), _, Some(_)) => Ok(value),
        // Some serialisers have but one kind of number: 30000.0 is whole.
        (Some("integer"), _, Some(number)) if number.fract() == 0.0 => {
            Ok(Value::from(number as u64))
        }
        (Some("string"), Value::String(text), _) => {
            let words = property["enum"].as_array();
            let most = property["maxLength"].as_u64().unwrap_or(u64::MAX);
            if words.is_some_and(|words| !words.contains(&value)) {
                Err(demand(property))
            } else if text.is_empty() && property["minLength"] == 1 {
                Err("must not be empty".to_owned())
            } else if text.len() as u64 > most {
                Err(format!("is longer than {most} bytes"))
            } else {
                Ok(value)
            }
        }
        _ => Err(demand(property)),
    }
}

fn demand(property: &Value) -> String {
    let edge = |edge| property[edge].as_f64().unwrap_or_default();
    let [least, most] = ["minimum", "maximum"].map(edge);
    match (property["type"].as_str(), property["enum"].as_array()) {
        (Some("boolean"), _) => "must be true or false".to_owned(),
        (Some("integer"), _) => format!("must be a whole number from {least} to {most}"),
        (Some("number"), _) => format!("must be a number from {least} to {most}"),
        (_, None) => "must be a string".to_owned(),
        (_, Some(words)) => {
            let words = words.iter().filter_map(Value::as_str);
            let words: Vec<_> = words.map(|word| format!("{word:?}")).collect();
            format!("must be {}", words.join(" or "))
        }
    }
}

/// What is wrong, and where, but not the text itself: it may hold a proxy's password.
fn describe(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "not a JSON object",
        serde_json::error::Category::Eof => "JSON that ends too soon",
        _ => "not JSON",
    };
    format!(
        "options_json is {what} (line {}, column {}): it must be NULL or an object such as \
         {{\"timeout_ms\": 10000}}",
        error.line(),
        error.column()
    )
}

/// A key is shown only where it may have been meant for an option: anything else in its place may be
/// a secret.
fn unknown(key: &str, is_allowed: fn(&Value) -> bool) -> String {
    const MAX_NAME_BYTES: usize = 40;

    let is_in_name = |byte: u8| byte.is_ascii_alphabetic() || b"_-".contains(&byte);
    let is_a_name = key.len() <= MAX_NAME_BYTES && key.bytes().all(is_in_name);
    let is_close = |name: &String| distance(key, name).is_some();
    let what = if is_a_name || properties().keys().any(is_close) {
        format!("unknown option {key:?}")
    } else {
        "unknown option in options_json".to_owned()
    };
    let allowed = properties().iter().filter(|(_, it)| is_allowed(it));
    let allowed: Vec<&str> = allowed.map(|(name, _)| name.as_str()).collect();
    format!("{what}; valid options: {}", allowed.join(", "))
}
