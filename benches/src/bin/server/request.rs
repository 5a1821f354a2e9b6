//! Where a request ends.

use anyhow::{Context, Result, ensure};

/// One request with a `content-length`, as far as it has come.
#[derive(Default)]
pub struct Request {
    bytes: Vec<u8>,
    length: Option<usize>,
}

impl Request {
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether it is whole with what was read.
    pub fn add(&mut self, read: &[u8]) -> Result<bool> {
        self.bytes.extend_from_slice(read);
        if self.length.is_none() {
            self.length = length(&self.bytes)?;
        }
        let Some(length) = self.length else {
            return Ok(false);
        };
        ensure!(
            self.bytes.len() <= length,
            "the client sent more than its request"
        );
        Ok(self.bytes.len() == length)
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.length = None;
    }
}

/// The length of head and body, once the head is there.
fn length(request: &[u8]) -> Result<Option<usize>> {
    let Some(head) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head_text = std::str::from_utf8(&request[..head])?;
    let (_, length) = head_text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("the request has no content-length")?;
    Ok(Some(head + 4 + length.parse::<usize>()?))
}
