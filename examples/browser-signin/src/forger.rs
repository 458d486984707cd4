//! A page of somebody else, on another port: it lets the reader's browser send a payment.

use axum::Router;
use axum::http::header;
use axum::response::Html;
use axum::routing::get;

/// The forger's own service. `target` is where the payment goes.
pub(crate) fn router(target: &str) -> Router {
    let page = include_str!("../page/forger.html").replace("TARGET", target);
    let typed = |content_type: &'static str, content: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, content_type)], content) })
    };
    Router::new()
        .route("/", get(move || async move { Html(page.clone()) }))
        .route("/forger.css", typed("text/css", include_str!("../page/forger.css")))
        .route("/forger.js", typed("text/javascript", include_str!("../page/forger.js")))
}
