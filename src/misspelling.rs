//! Names that are probably misspelt.

/// A longer name is like none that is known.
const LONGEST_NAME: usize = 64;

/// How much of `given` is wrong, if it may be meant to be `name`: a third of it, and any letter's case.
pub(crate) fn distance(given: &str, name: &str) -> Option<usize> {
    if given.len() > LONGEST_NAME {
        return None;
    }
    let distance = strsim::osa_distance(&given.to_lowercase(), name);
    (3 * distance <= name.len()).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn a_name_is_close_to_what_it_was_meant_to_be() {
        for (given, name, expected) in [
            ("Footer", "footer", 0),
            ("footr", "footer", 1),
            ("fotoer", "footer", 1),
            ("postBackUrl", "post_back_url", 2),
            ("phoneId", "phone_id", 1),
            ("tilte", "title", 1),
            ("ID", "id", 0),
            ("file_name", "filename", 1),
            ("POST_BACK_DATA", "post_back_data", 0),
            ("POST_BACK_DATA", "post_back_url", 4),
        ] {
            assert_eq!(distance(given, name), Some(expected), "{given} is {name}");
        }
        let long = "footer".repeat(1000);
        for (given, name) in [
            ("to", "id"),
            ("ids", "id"),
            ("new", "text"),
            ("", "id"),
            ("url", "reply"),
            (&*long, "footer"),
        ] {
            assert_eq!(distance(given, name), None, "{given} is not {name}");
        }
    }
}
