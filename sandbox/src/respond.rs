//! From a response to the bytes that go out.

use std::io;
use std::time::Duration;

use http_body_util::channel::{Channel, Sender};
use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::CONTENT_LENGTH;
use hyper::{Response, StatusCode};

use super::endpoint::ApiResponse;

pub type ResponseBytes = Either<Full<Bytes>, Channel<Bytes>>;

pub fn too_long() -> io::Result<Response<ResponseBytes>> {
    let message = "The body is longer than 1 MiB.";
    at_once(ApiResponse::refusal(StatusCode::PAYLOAD_TOO_LARGE, message).closing())
}

pub fn too_slow() -> io::Result<Response<ResponseBytes>> {
    let message = "The body took too long to come.";
    at_once(ApiResponse::refusal(StatusCode::REQUEST_TIMEOUT, message).closing())
}

pub fn at_once(response: ApiResponse) -> io::Result<Response<ResponseBytes>> {
    respond(response, |body| Either::Left(Full::new(body)))
}

pub fn byte_by_byte(response: ApiResponse, takes: Duration) -> io::Result<Response<ResponseBytes>> {
    respond(response, |bytes| {
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
    response: ApiResponse,
    body: impl FnOnce(Bytes) -> ResponseBytes,
) -> io::Result<Response<ResponseBytes>> {
    let mut builder = Response::builder()
        .status(response.status)
        .header(CONTENT_LENGTH, response.body.len());
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    builder
        .body(body(Bytes::from(response.body)))
        .map_err(io::Error::other)
}
