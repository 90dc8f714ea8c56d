#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("the demo's data are wrong: {detail}")]
    Data { detail: String },
    #[error("the gateway at {gateway} did not answer; is it running, and is --gateway its address?")]
    Gateway { gateway: String, source: reqwest::Error },
    #[error("the shop did not open within {seconds} s: {waits_for} is not known yet")]
    NotOpened { seconds: u64, waits_for: String },
}
