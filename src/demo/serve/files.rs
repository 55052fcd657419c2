//! The page's files, which are in the program itself. A build for development reads them from the sources each time.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use rust_embed::RustEmbed;

use crate::console::tell;

/// The page.
#[derive(RustEmbed)]
#[folder = "src/demo/page"]
struct Page;

/// The folder of the JavaScript client in the documentation, of which nothing else is served.
#[derive(RustEmbed)]
#[folder = "docs/client"]
struct Client;

/// `/`
pub async fn index(headers: HeaderMap) -> Response {
    tell::<Page>("index.html", &headers)
}

/// `/page/…`
pub async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    tell::<Page>(&path, &headers)
}

/// `/donet.js`
pub async fn client(headers: HeaderMap) -> Response {
    tell::<Client>("donet.js", &headers)
}
