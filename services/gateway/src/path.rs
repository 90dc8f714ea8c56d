/// A path of these segments, each escaped to what RFC 3986 leaves unreserved.
pub(crate) fn of(segments: &[&str]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        for byte in segment.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    path.push(char::from(byte))
                }
                _ => path.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    #[test]
    fn escapes_what_would_end_a_segment() {
        assert_eq!(super::of(&["v1", "products", "A/b ?é"]), "/v1/products/A%2Fb%20%3F%C3%A9");
    }
}
