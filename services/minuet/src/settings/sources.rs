//! Where settings come from, weakest first: what a running `minuet up` wrote (for tools only), the file, the
//! environment, flags.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::endpoints;
use super::problem::Problem;
use super::tree::{Source, Tree, Value};

const DEFAULT_FILE: &str = "minuet.toml";
const VARIABLES: &str = "MINUET_";
/// A variable of ours that is no setting: where the parts of the local stack are kept.
const PARTS: &str = "MINUET_PARTS";

#[derive(Debug, Default, Clone)]
pub(crate) struct Sources {
    /// `--config`; must exist if given.
    pub(crate) file: Option<PathBuf>,
    pub(crate) environment: Vec<(String, String)>,
    /// Flag (as the user wrote it), key, value.
    pub(crate) flags: Vec<(String, String, String)>,
    /// The folder that `minuet up` writes to, where the command may lean on it.
    pub(crate) up: Option<PathBuf>,
}

pub(super) fn gather(sources: &Sources, problems: &mut Vec<Problem>) -> Tree {
    let mut tree = Tree::default();
    if let Some(up) = &sources.up {
        endpoints::read(up, &mut tree, problems);
    }
    match &sources.file {
        Some(path) => read_file(path, true, &mut tree, problems),
        None => read_file(Path::new(DEFAULT_FILE), false, &mut tree, problems),
    }
    for (name, value) in &sources.environment {
        let source = Source::Environment(name.clone());
        if let Some(path) = path_of_variable(name) {
            tree.insert(&path, Value::Text(value.clone()), &source);
        }
    }
    for (flag, key, value) in &sources.flags {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        let source = Source::Flag(flag.clone());
        if path.iter().any(String::is_empty) {
            let detail = match key.as_str() {
                "" => "takes SECTION.KEY=VALUE, such as order.listen=127.0.0.1:8091".to_owned(),
                key => format!("`{key}` is no setting's name; they look like order.listen"),
            };
            problems.push(Problem::Unreadable { source, detail });
        } else {
            tree.insert(&path, Value::Text(value.clone()), &source);
        }
    }
    tree
}

fn read_file(path: &Path, required: bool, tree: &mut Tree, problems: &mut Vec<Problem>) {
    let source = Source::File(path.to_owned());
    let mut wrong = |detail: String| problems.push(Problem::Unreadable { source: source.clone(), detail });
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !required => return,
        Err(error) => return wrong(format!("cannot be read: {error}")),
    };
    match text.parse::<toml::Table>() {
        Ok(table) => tree.insert_table(&mut vec![], table, &source),
        // The error's own text shows the line, which may hold a password.
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            wrong(format!("line {}: {}", before.matches('\n').count() + 1, error.message()));
        }
    }
}

/// `MINUET_<SECTION>__<KEY>`; below `kafka`, a single underscore stands for a dot.
fn path_of_variable(name: &str) -> Option<Vec<String>> {
    if name == PARTS || minuet_messaging::failpoint::VARIABLES.contains(&name) {
        return None;
    }
    let lower = name.strip_prefix(VARIABLES)?.to_lowercase();
    let path: Vec<String> = match lower.split_once("__") {
        Some(("kafka", key)) => vec!["kafka".to_owned(), key.replace('_', ".")],
        _ => lower.split("__").map(str::to_owned).collect(),
    };
    path.iter().all(|part| !part.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_name_settings() {
        let path = |name| path_of_variable(name).map(|path| path.join("/"));
        assert_eq!(path("MINUET_TOPIC_PREFIX").as_deref(), Some("topic_prefix"));
        assert_eq!(path("MINUET_ORDER__DATABASE_URL").as_deref(), Some("order/database_url"));
        assert_eq!(path("MINUET_KAFKA__BOOTSTRAP_SERVERS").as_deref(), Some("kafka/bootstrap.servers"));
        assert_eq!(
            path("MINUET_PAYMENT__PROVIDER__LATENCY_MS").as_deref(),
            Some("payment/provider/latency_ms")
        );
        assert_eq!(path("MINUET_PARTS"), None);
        assert_eq!(path("PATH"), None);
        assert_eq!(path("MINUET_"), None);
    }
}
