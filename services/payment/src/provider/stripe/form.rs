//! The parameters of a request, as `application/x-www-form-urlencoded`: Stripe takes no JSON.

use std::fmt::Display;

use reqwest::Url;

#[derive(Clone, Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// `name` may be nested, such as `metadata[order_id]`.
    pub(super) fn with(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.0.push((name.into(), value.to_string()));
        self
    }

    pub(super) fn with_some(self, name: impl Into<String>, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The query of a URL has the same form as a body.
    pub(super) fn append_to(&self, url: &mut Url) {
        if !self.0.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.0);
        }
    }

    pub(super) fn body(&self, url: &Url) -> String {
        let mut url = url.clone();
        url.set_query(None);
        self.append_to(&mut url);
        url.query().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_separates_pairs_is_escaped() {
        let url = Url::parse("http://127.0.0.1/v1/refunds?x=y").unwrap();
        let form = Form::default()
            .with("metadata[order_id]", "a&b=c d+é\n")
            .with_some("no", None::<u32>)
            .with("amount", 5);
        assert_eq!(form.body(&url), "metadata%5Border_id%5D=a%26b%3Dc+d%2B%C3%A9%0A&amount=5");
        assert_eq!(Form::default().body(&url), "");
    }
}
