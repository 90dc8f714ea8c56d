//! What hyper answers by itself, before any router sees a request, is a status without a body: 400, 414 or 431. It cannot be told
//! to say more, so the answer is replaced where it is written.

use crate::problem::{Problem, ProblemType};

/// The head of such an answer is shorter.
const MAX_HEAD: usize = 512;

/// Where in `bytes` such an answer begins, which ends them, and the problem document instead.
pub(super) fn find(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let tail = &bytes[bytes.len().saturating_sub(MAX_HEAD)..];
    // A cheap look first: almost no answer ends with its head.
    if !tail.ends_with(b"\r\n\r\n") {
        return None;
    }
    let begins = |window: &[u8]| window == b"HTTP/1.1 " || window == b"HTTP/1.0 ";
    let in_tail = tail.windows(9).rposition(begins)?;
    let head = std::str::from_utf8(&tail[in_tail..]).ok()?;
    let mut lines = head.trim_end().split("\r\n");
    let status_line = lines.next()?;
    let problem = problem(status_line.get(9..12)?)?;
    let headers: Vec<&str> = lines.collect();
    let is_empty = |line: &&str| line.eq_ignore_ascii_case("content-length: 0");
    if !headers.iter().any(is_empty) {
        return None;
    }
    let body = problem.to_json();
    let mut replacement = format!("{status_line}\r\ncontent-type: application/problem+json\r\n");
    for line in headers.iter().filter(|line| !is_empty(line)) {
        replacement.push_str(line);
        replacement.push_str("\r\n");
    }
    replacement.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    Some((bytes.len() - tail.len() + in_tail, replacement.into_bytes()))
}

fn problem(status: &str) -> Option<Problem> {
    let (problem_type, detail) = match status {
        "400" => {
            (ProblemType::MALFORMED_REQUEST, "the request line or a header breaks the rules of HTTP/1.1")
        }
        "414" => (ProblemType::URI_TOO_LONG, "the request's target is longer than is read here"),
        "431" => {
            (ProblemType::HEADERS_TOO_LARGE, "the request has more or longer headers than are read here")
        }
        _ => return None,
    };
    Some(Problem::new(problem_type, detail))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const REFUSAL: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";

    #[test]
    fn a_refusal_becomes_a_problem_document() {
        let (at, replacement) = find(REFUSAL.as_bytes()).unwrap();
        let replacement = String::from_utf8(replacement).unwrap();
        let (head, body) = replacement.split_once("\r\n\r\n").unwrap();
        assert_eq!(at, 0);
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        for line in ["content-type: application/problem+json", "connection: close", "date: now"] {
            assert!(head.contains(line), "{head}");
        }
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
        assert!(body.contains(r#""type":"/problems/headers-too-large""#), "{body}");
    }

    #[test]
    fn it_is_found_behind_an_earlier_answer() {
        let earlier = format!("HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\n{}", "x".repeat(600));
        let (at, _) = find(format!("{earlier}{REFUSAL}").as_bytes()).unwrap();
        assert_eq!(at, earlier.len());
    }

    #[test]
    fn other_answers_stay() {
        for answer in [
            "HTTP/1.1 204 No Content\r\ndate: now\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 7\r\n\r\n{\"a\":1}",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\n\r\n\r\n",
            "HTTP/1.1 400",
            "",
            "\r\n\r\n",
        ] {
            assert_eq!(find(answer.as_bytes()), None, "{answer:?}");
        }
    }
}
