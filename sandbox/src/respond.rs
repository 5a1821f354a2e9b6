//! From an answer to the bytes that go out.

use std::io;
use std::time::Duration;

use http_body_util::channel::{Channel, Sender};
use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::CONTENT_LENGTH;
use hyper::{Response, StatusCode};

use super::answer::Answer;

pub type AnswerBytes = Either<Full<Bytes>, Channel<Bytes>>;

pub fn too_long() -> io::Result<Response<AnswerBytes>> {
    let message = "The body is longer than 1 MiB.";
    at_once(Answer::refusal(StatusCode::PAYLOAD_TOO_LARGE, message).closing())
}

pub fn too_slow() -> io::Result<Response<AnswerBytes>> {
    let message = "The body took too long to come.";
    at_once(Answer::refusal(StatusCode::REQUEST_TIMEOUT, message).closing())
}

pub fn at_once(answer: Answer) -> io::Result<Response<AnswerBytes>> {
    respond(answer, |body| Either::Left(Full::new(body)))
}

pub fn byte_by_byte(answer: Answer, takes: Duration) -> io::Result<Response<AnswerBytes>> {
    respond(answer, |bytes| {
        let (sender, body) = Channel::new(1);
        tokio::spawn(trickle(sender, bytes, takes));
        Either::Right(body)
    })
}

async fn trickle(mut sender: Sender<Bytes>, bytes: Bytes, takes: Duration) {
    let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    for index in 0..bytes.len() {
        tokio::time::sleep(takes / count).await;
        if sender.send_data(bytes.slice(index..=index)).await.is_err() {
            return;
        }
    }
}

fn respond(
    answer: Answer,
    body: impl FnOnce(Bytes) -> AnswerBytes,
) -> io::Result<Response<AnswerBytes>> {
    let mut response = Response::builder()
        .status(answer.status)
        .header(CONTENT_LENGTH, answer.body.len());
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response
        .body(body(Bytes::from(answer.body)))
        .map_err(io::Error::other)
}
