//! Settings as they were given, before they have types: a tree of names, each leaf with the place it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where a setting was given. Later ones in this list win.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// What a running `minuet up` wrote.
    Up(PathBuf),
    File(PathBuf),
    Environment(String),
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Up(path) | Source::File(path) => path.display().fmt(f),
            Source::Environment(name) | Source::Flag(name) => f.write_str(name),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Table(Tree),
    Leaf(Leaf),
}

#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) value: Value,
    pub(super) source: Source,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Has the type that the file gave it.
    Typed(toml::Value),
    /// From the environment or a flag: what it is depends on who reads it.
    Text(String),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tree(pub(super) BTreeMap<String, Node>);

impl Tree {
    /// Replaces what an earlier source said.
    pub(super) fn insert(&mut self, path: &[String], value: Value, source: &Source) {
        let (first, rest) = match path {
            [] => return,
            [section, first, rest @ ..] if section == KAFKA && !rest.is_empty() => {
                let name = rest.iter().fold(first.clone(), |name, part| format!("{name}.{part}"));
                return self.insert(&[section.clone(), name], value, source);
            }
            [first, rest @ ..] => (first, rest),
        };
        if rest.is_empty() {
            let leaf = Leaf { value, source: source.clone() };
            self.0.insert(first.clone(), Node::Leaf(leaf));
            return;
        }
        match self.0.entry(first.clone()).or_insert_with(|| Node::Table(Tree::default())) {
            Node::Table(table) => table.insert(rest, value, source),
            leaf @ Node::Leaf(_) => {
                let mut table = Tree::default();
                table.insert(rest, value, source);
                *leaf = Node::Table(table);
            }
        }
    }

    pub(super) fn insert_table(&mut self, at: &mut Vec<String>, table: toml::Table, source: &Source) {
        for (name, value) in table {
            at.push(name);
            match value {
                toml::Value::Table(inner) => self.insert_table(at, inner, source),
                other => self.insert(at, Value::Typed(other), source),
            }
            at.pop();
        }
    }

    /// Where the setting, or anything below it, was given.
    pub(super) fn source(&self, path: &str) -> Option<&Source> {
        if let Some(node) = self.0.get(path) {
            return node.source();
        }
        let (first, rest) = path.split_once('.')?;
        match self.0.get(first)? {
            Node::Leaf(leaf) => Some(&leaf.source),
            Node::Table(table) => table.source(rest),
        }
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let (section, name) = path.split_once('.')?;
        match self.0.get(section)? {
            Node::Table(table) => match table.0.get(name)? {
                Node::Leaf(Leaf {
                    value: Value::Text(text) | Value::Typed(toml::Value::String(text)),
                    ..
                }) => Some(text),
                Node::Leaf(_) | Node::Table(_) => None,
            },
            Node::Leaf(_) => None,
        }
    }
}

impl Node {
    fn source(&self) -> Option<&Source> {
        match self {
            Node::Leaf(leaf) => Some(&leaf.source),
            Node::Table(table) => table.0.values().find_map(Node::source),
        }
    }
}

/// librdkafka's names are one level with dots in them: `[kafka] bootstrap.servers = ...` is `kafka` / `bootstrap.servers`.
const KAFKA: &str = "kafka";
