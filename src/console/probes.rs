//! What monitoring and load balancers ask: figures, and whether the daemon lives and is ready.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;

use super::{Inside, figures, process};
use crate::metrics::{self, Figures};
use crate::readiness::Stage;

/// What the format of figures is called.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The handlers of this file.
pub fn routes() -> axum::Router<Arc<Inside>> {
    // Of what has a route, everything but GET and HEAD is answered with 405.
    axum::Router::new()
        .route("/metrics", get(tell_metrics))
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(tell_readiness))
}

async fn tell_readiness(State(inside): State<Arc<Inside>>) -> (StatusCode, String) {
    let stage = inside.readiness.stage();
    let status = match stage {
        Stage::Ready => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{}\n", stage.name()))
}

type Text = ([(HeaderName, &'static str); 1], String);

async fn tell_metrics(State(inside): State<Arc<Inside>>) -> Result<Text, StatusCode> {
    // For one at a time.
    let _gathering = inside.gathering.lock().await;
    let mut figures = Figures::default();
    inside.router.measure(&mut figures).await;
    metrics::measure_bytes(&mut figures);
    figures.set(&metrics::STAGE, &[inside.readiness.stage().name()], 1.0);
    // The system is asked, which may take longer than others should wait.
    let text = tokio::task::spawn_blocking(move || {
        process::measure(&mut figures);
        figures::encode(figures)
    });
    match text.await {
        Ok(Ok(text)) => Ok(([(CONTENT_TYPE, OPEN_METRICS)], text)),
        _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
