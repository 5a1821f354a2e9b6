//! What must appear in no reply.

/// The API key and a proxy's password, in every spelling in which an answer may repeat them.
pub(crate) struct Secrets {
    /// The longest first, as one may hold another.
    spellings: Vec<String>,
}

impl Secrets {
    pub(crate) fn new<'s>(secrets: impl Iterator<Item = &'s str>) -> Self {
        let mut spellings: Vec<String> = secrets.flat_map(spellings).collect();
        spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        Secrets { spellings }
    }

    /// What came from the network, without the secrets that it may repeat.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for spelling in &self.spellings {
            if text.contains(spelling) {
                text = text.replace(spelling, "***");
            }
        }
        text
    }
}

/// A secret as it is, and as a JSON string would hold it.
fn spellings(secret: &str) -> Vec<String> {
    let escaped = serde_json::to_string(secret).unwrap_or_default();
    let inside = escaped
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match inside {
        Some(inside) if inside != secret => vec![secret.to_owned(), inside.to_owned()],
        _ => vec![secret.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn a_secret_is_cut_out_however_the_answer_spells_it() {
        let secrets = Secrets::new(["short", r#"a"key"#, "not so short"].into_iter());
        let answer = r#"a"key, a\"key, not so short and short"#;
        assert_eq!(secrets.redact(answer), "***, ***, *** and ***");
    }
}
