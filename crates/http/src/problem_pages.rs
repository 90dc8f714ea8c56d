use std::future::ready;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::problem::{Problem, ProblemType};

/// `GET /problems/{slug}` for the common types and a server's `own`: the address in `type` of each problem document answers with what
/// the type means and what to do. JSON (`type`, `title`, `status`, `remedy`), or a page where `Accept` names `text/html`.
/// `GET /problems` lists all of them.
pub fn problem_pages<S: Clone + Send + Sync + 'static>(own: &'static [ProblemType]) -> Router<S> {
    let all: Arc<[ProblemType]> = ProblemType::COMMON.iter().chain(own).copied().collect();
    let known = Arc::clone(&all);
    let one = move |Path(slug): Path<String>, headers: HeaderMap| {
        ready(match known.iter().find(|known| known.slug() == slug) {
            Some(&known) if wants_page(&headers) => page(&[known]),
            Some(&known) => Json(described(known)).into_response(),
            None => {
                let detail = "no problem type has this name; /problems lists them";
                Problem::new(ProblemType::NOT_FOUND, detail).into_response()
            }
        })
    };
    let list = move |headers: HeaderMap| {
        ready(if wants_page(&headers) {
            page(&all)
        } else {
            let types: Vec<_> = all.iter().copied().map(described).collect();
            Json(json!({ "problems": types })).into_response()
        })
    };
    Router::new().route("/problems", get(list)).route("/problems/{slug}", get(one))
}

fn described(known: ProblemType) -> serde_json::Value {
    json!({
        "type": format!("/problems/{}", known.slug()),
        "title": known.title(),
        "status": known.status().as_u16(),
        "remedy": known.remedy(),
    })
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The texts are constants of programs: nothing in them is markup.
fn page(types: &[ProblemType]) -> Response {
    let sections: String = types
        .iter()
        .map(|known| {
            let (slug, title, remedy) = (known.slug(), known.title(), known.remedy());
            let reason = known.status().canonical_reason().unwrap_or_default();
            let status = known.status().as_u16();
            format!("<h2 id=\"{slug}\">{title}</h2>\n<p><code>/problems/{slug}</code>, status {status} {reason}</p>\n<p>{remedy}</p>\n")
        })
        .collect();
    let body = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Problems</title>\n<body>\n{sections}</body></html>\n"
    );
    let mut response = (StatusCode::OK, Html(body)).into_response();
    let policy = HeaderValue::from_static("default-src 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower_service::Service;

    use super::*;

    const OWN: &[ProblemType] =
        &[ProblemType::new(StatusCode::CONFLICT, "too-late", "It is too late", "Come earlier.")];

    async fn ask(path: &str, accept: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(ACCEPT, accept).body(Body::empty()).unwrap();
        let answer = problem_pages::<()>(OWN).call(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn each_type_answers_at_its_address() {
        for known in ProblemType::COMMON.iter().chain(OWN) {
            let path = format!("/problems/{}", known.slug());
            let (status, body) = ask(&path, "application/json").await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(body.contains(known.title()) && body.contains("remedy"), "{body}");
            let (status, page) = ask(&path, "text/html,*/*").await;
            assert!(status == StatusCode::OK && page.contains(known.remedy()), "{page}");
        }
        let (status, body) = ask("/problems/unheard-of", "*/*").await;
        assert!(status == StatusCode::NOT_FOUND && body.contains("/problems lists them"), "{body}");
        let (_, list) = ask("/problems", "*/*").await;
        assert!(list.contains("too-late") && list.contains("not-found"), "{list}");
    }

    #[test]
    fn names_are_given_once_and_texts_are_no_markup() {
        let slugs: BTreeSet<_> = ProblemType::COMMON.iter().map(|known| known.slug()).collect();
        assert_eq!(slugs.len(), ProblemType::COMMON.len());
        for known in ProblemType::COMMON {
            assert!(!format!("{}{}", known.title(), known.remedy()).contains(['<', '&']), "{}", known.slug());
        }
    }
}
