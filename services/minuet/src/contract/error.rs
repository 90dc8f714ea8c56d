use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ContractError {
    #[error("{given} is no application of the shop; there are {}", .known.join(", "))]
    Application { given: String, known: Vec<String> },
    #[error("the schema or the example of an event cannot be read")]
    Yaml(#[from] serde_yaml_ng::Error),
    #[error("the OpenAPI document cannot be written as JSON")]
    OpenApi(#[source] serde_json::Error),
    #[error("{} cannot be written", .path.display())]
    Write { path: PathBuf, source: std::io::Error },
}
