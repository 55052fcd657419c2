//! The files of the page, which are in the program itself.
//!
//! A build for development reads them from the folder of the sources each time, so that somebody who works on them sees what he
//! has changed.

use std::any::TypeId;
use std::collections::HashMap;
use std::io::Write as _;

use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use rust_embed::{EmbeddedFile, RustEmbed};

/// The folder.
#[derive(RustEmbed)]
#[folder = "src/console/page"]
struct Files;

/// What each kind of file is called, and whether it becomes smaller when it is compressed.
const KINDS: [(&str, &str, bool); 9] = [
    ("css", "text/css; charset=utf-8", true),
    ("html", "text/html; charset=utf-8", true),
    ("js", "text/javascript; charset=utf-8", true),
    ("json", "application/json", true),
    ("md", "text/plain; charset=utf-8", true),
    ("svg", "image/svg+xml", true),
    ("txt", "text/plain; charset=utf-8", true),
    ("woff2", "font/woff2", false),
    // Licences.
    ("", "text/plain; charset=utf-8", true),
];

/// A hash of what is in a file.
type Hash = [u8; 32];

/// Files as they have been compressed when somebody asked for them first, by the type of their folder and their path.
type Compressed = HashMap<(TypeId, String), (Hash, Bytes)>;
static COMPRESSED: Mutex<Option<Compressed>> = Mutex::new(None);

/// `/`
pub async fn index(headers: HeaderMap) -> Response {
    tell::<Files>("index.html", &headers)
}

/// `/page/…`
pub async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    tell::<Files>(&path, &headers)
}

/// A file of a folder.
pub fn tell<F: RustEmbed + 'static>(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = F::get(path) else {
        return (StatusCode::NOT_FOUND, "there is no such file\n").into_response();
    };
    let end = path.rsplit_once('.').map_or("", |(_, end)| end);
    let (_, kind, shrinks) = KINDS
        .iter()
        .find(|(known, ..)| *known == end || known.is_empty())
        .expect("the last is for all");
    let hash = file.metadata.sha256_hash();
    let tag = tag_of(hash);
    let has_it =
        has(headers, IF_NONE_MATCH, |named| named == "*" || named.trim_start_matches("W/") == tag);
    let is_compressed = *shrinks && has(headers, ACCEPT_ENCODING, accepts_gzip);
    let mut response = match (has_it, is_compressed) {
        (true, _) => StatusCode::NOT_MODIFIED.into_response(),
        (false, true) => Body::from(compressed::<F>(path, hash, &file)).into_response(),
        (false, false) => Body::from(file.data.into_owned()).into_response(),
    };
    let said = response.headers_mut();
    said.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // It may be kept, and is asked for again each time: another daemon may have another one.
    said.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    said.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    said.insert(ETAG, HeaderValue::from_str(&tag).expect("it is made of digits"));
    if !has_it && is_compressed {
        said.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn tag_of(hash: Hash) -> String {
    let half: [u8; 16] = hash[..16].try_into().expect("it is twice as long");
    // Compressed or not it is the same file, but not the same bytes.
    format!("\"{:032x}\"", u128::from_be_bytes(half))
}

/// Whether one of what a header lists is meant.
fn has(headers: &HeaderMap, name: axum::http::HeaderName, is_it: impl Fn(&str) -> bool) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| is_it(item.trim()))
}

fn accepts_gzip(coding: &str) -> bool {
    let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
    let is_refused = || weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
    ["gzip", "*"].contains(&name.trim()) && !is_refused()
}

fn compressed<F: 'static>(path: &str, hash: Hash, file: &EmbeddedFile) -> Bytes {
    let key = (TypeId::of::<F>(), path.to_owned());
    let mut all = COMPRESSED.lock();
    let all = all.get_or_insert_default();
    if let Some((_, bytes)) = all.get(&key).filter(|(known, _)| *known == hash) {
        return bytes.clone();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(&file.data).and_then(|()| encoder.finish());
    let bytes = Bytes::from(written.expect("a vector takes everything"));
    all.insert(key, (hash, bytes.clone()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_does_not_want_it_compressed_gets_it_as_it_is() {
        for (accepted, is_compressed) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("*", true),
            ("deflate", false),
            ("gzip;q=0", false),
            ("", false),
        ] {
            let headers =
                [(ACCEPT_ENCODING, HeaderValue::from_static(accepted))].into_iter().collect();
            assert_eq!(has(&headers, ACCEPT_ENCODING, accepts_gzip), is_compressed, "{accepted}");
        }
    }

    #[test]
    fn every_kind_of_file_that_there_is_has_a_name() {
        for path in Files::iter() {
            let end = path.rsplit_once('.').map_or("", |(_, end)| end);
            let is_licence = path.contains("LICENSE");
            assert!(
                is_licence || KINDS.iter().any(|(known, ..)| *known == end && !end.is_empty()),
                "{path}"
            );
        }
    }
}
