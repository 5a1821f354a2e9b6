//! Where a value stands: on the stack, and written out only for what is told of it.

pub(super) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

/// The longest pointer that is told, as JSON spells it. Those to what the rules know are shorter
/// than a third of it; but a key may be half a megabyte long, and have a hundred problems inside.
const MAX_POINTER_BYTES: usize = 192;

impl Path<'_> {
    pub(super) fn depth(&self) -> usize {
        match self {
            Path::Root => 0,
            Path::Key(parent, _) | Path::Index(parent, _) => parent.depth() + 1,
        }
    }

    /// Of the item that the value is or is inside of, in the innermost array.
    pub(super) fn index(&self) -> usize {
        match self {
            Path::Root => 0,
            Path::Key(parent, _) => parent.index(),
            Path::Index(_, index) => *index,
        }
    }

    /// A JSON Pointer (RFC 6901), and whether it is whole: one that would be too long ends early,
    /// at a value around this one.
    pub(super) fn pointer(&self) -> (String, bool) {
        match self {
            Path::Root => (String::new(), true),
            Path::Key(parent, key) => parent.extended(key),
            Path::Index(parent, index) => parent.extended(&index.to_string()),
        }
    }

    fn extended(&self, token: &str) -> (String, bool) {
        let (pointer, is_whole) = self.pointer();
        if !is_whole || token.len() > MAX_POINTER_BYTES {
            return (pointer, false);
        }
        let token = token.replace('~', "~0").replace('/', "~1");
        let longer = format!("{pointer}/{token}");
        if spelt_length(&longer) > MAX_POINTER_BYTES {
            (pointer, false)
        } else {
            (longer, true)
        }
    }
}

fn spelt_length(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len())
}
