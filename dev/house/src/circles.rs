//! Import circles among the modules of a crate.
//!
//! **Granularity.** A node is a file. An edge leads from a file to the file that *defines* what it names: re-exports are
//! followed: `crate::Thing` leads to the file that has `struct Thing`, not to `lib.rs`. Two kinds of edges do not count:
//! - A module that declares a child (`mod child;`) or re-exports it (`pub use child::Thing;`) does not use it.
//! - A child may use what its ancestors define, the crate's root included. Rust splits one module into children that way: they see
//!   its private parts. A parent that calls its child, which takes the parent's type, is one part in two files.
//!
//! All other edges count: a circle among siblings, or from one folder into another and back, is a knot.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::modules::{self, Module, ModulePath, Modules, Visibility};

/// Files of one crate that need each other in a circle, with the edges among them.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    /// Relative to the folder of the root file.
    pub files: BTreeSet<PathBuf>,
    edges: Vec<Edge>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: PathBuf,
    line: usize,
    to: PathBuf,
    by: String,
}

/// One line per edge: `relay.rs:12 -> context.rs (crate::store::context::ServiceContext)`.
impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Edge { from, line, to, by } in &self.edges {
            writeln!(f, "  {}:{line} -> {} ({by})", from.display(), to.display())?;
        }
        Ok(())
    }
}

/// The circles of the crate with this root file (`src/lib.rs`), the largest first.
pub fn circles(root: &Path) -> Vec<Circle> {
    let modules = modules::read(root);
    let edges = edges(&modules);
    let mut next: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for edge in &edges {
        next.entry(&edge.from).or_default().insert(&edge.to);
    }
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        next.keys().map(|&from| (from, reachable(from, &next))).collect();
    let mut circles: Vec<Circle> = Vec::new();
    for (&file, there) in &reached {
        if !there.contains(file) || circles.iter().any(|circle| circle.files.contains(file)) {
            continue;
        }
        let is_back = |other: &&&Path| reached.get(**other).is_some_and(|back| back.contains(file));
        let files: BTreeSet<PathBuf> = there.iter().filter(is_back).map(|&file| file.to_owned()).collect();
        let inside = |edge: &&Edge| files.contains(&edge.from) && files.contains(&edge.to);
        let edges = edges.iter().filter(inside).cloned().collect();
        circles.push(Circle { files, edges });
    }
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.files.len()));
    circles
}

fn reachable<'a>(from: &'a Path, next: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeSet<&'a Path> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        for &to in next.get(file).into_iter().flatten() {
            if seen.insert(to) {
                open.push(to);
            }
        }
    }
    seen
}

/// One edge per pair of files and path, at the first line that has it.
fn edges(modules: &Modules) -> Vec<Edge> {
    let mut edges = BTreeMap::new();
    for (path, module) in modules {
        for mention in &module.mentions {
            let Some(target) = resolve(modules, path, &mention.path, 0) else { continue };
            let Some(to) = target.item_in else { continue };
            let is_ancestor = path.starts_with(&to);
            let is_reexport = mention.import == Some(Visibility::Public) && to.starts_with(path);
            if is_ancestor || is_reexport {
                continue;
            }
            let to = &modules[&to].file;
            if *to == module.file {
                continue;
            }
            let by = mention.path.join("::");
            edges.entry((module.file.clone(), to.clone(), by)).or_insert(mention.line);
        }
    }
    let edges = edges.into_iter().map(|((from, to, by), line)| Edge { from, line, to, by });
    let mut edges: Vec<Edge> = edges.collect();
    edges.sort();
    edges
}

/// What a path leads to within the crate.
struct Target {
    /// The module that defines the item; none if the path ends at a module.
    item_in: Option<ModulePath>,
}

/// More steps than any chain of re-exports has: `use` lines may lead in a circle.
const MAX_REEXPORTS: usize = 16;

/// None: the path leads out of the crate, or names something local.
fn resolve(modules: &Modules, from: &ModulePath, path: &[String], depth: usize) -> Option<Target> {
    if depth > MAX_REEXPORTS {
        return None;
    }
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => walk(modules, Vec::new(), rest, depth),
        "self" => walk(modules, from.clone(), rest, depth),
        "super" => {
            let ups = path.iter().take_while(|name| *name == "super").count();
            let at = from.len().checked_sub(ups).map(|depth| from[..depth].to_vec())?;
            walk(modules, at, &path[ups..], depth)
        }
        _ => {
            let module = &modules[from];
            let knows =
                |module: &Module| module.imports.contains_key(first) || module.children.contains(first);
            let by_glob = || glob(modules, from, module, first, depth).is_some();
            if knows(module) || !module.items.contains(first) && by_glob() {
                walk(modules, from.clone(), path, depth + 1)
            } else {
                None
            }
        }
    }
}

fn parent(path: &ModulePath) -> Option<ModulePath> {
    path.split_last().map(|(_, before)| before.to_vec())
}

/// Follows `path` from a module on.
fn walk(modules: &Modules, mut at: ModulePath, path: &[String], depth: usize) -> Option<Target> {
    for (index, name) in path.iter().enumerate() {
        let module = &modules[&at];
        if module.children.contains(name) {
            at.push(name.clone());
            continue;
        }
        if module.items.contains(name) {
            return Some(Target { item_in: Some(at) });
        }
        if let Some(import) = module.imports.get(name) {
            let mut longer = import.clone();
            // `use time;`: another crate, which has no module of ours behind it.
            if longer.first() == Some(name) && !modules[&at].children.contains(name) {
                return None;
            }
            longer.extend_from_slice(&path[index + 1..]);
            return resolve(modules, &at, &longer, depth + 1);
        }
        if let Some(found) = glob(modules, &at, module, name, depth) {
            return Some(found);
        }
        // A name that only macros make, or a variant by its type's alias.
        return Some(Target { item_in: Some(at) });
    }
    Some(Target { item_in: None })
}

/// Where a name comes from that a module has by `use there::*`.
fn glob(modules: &Modules, at: &ModulePath, module: &Module, name: &String, depth: usize) -> Option<Target> {
    module.globs.iter().find_map(|star| {
        let source = module_of(modules, at, star, depth + 1)?;
        let there = &modules[&source];
        let has =
            there.items.contains(name) || there.imports.contains_key(name) || there.children.contains(name);
        if has { walk(modules, source, std::slice::from_ref(name), depth + 1) } else { None }
    })
}

/// The module that a path names.
fn module_of(modules: &Modules, from: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
    if depth > MAX_REEXPORTS {
        return None;
    }
    let (mut at, mut rest): (ModulePath, &[String]) = match path.first().map(String::as_str) {
        Some("crate") => (Vec::new(), &path[1..]),
        Some("self") => (from.clone(), &path[1..]),
        Some("super") => (parent(from)?, &path[1..]),
        _ => (from.clone(), path),
    };
    while let Some((name, left)) = rest.split_first() {
        if name == "super" {
            at = parent(&at)?;
        } else if modules[&at].children.contains(name) {
            at.push(name.clone());
        } else {
            let mut longer = modules[&at].imports.get(name)?.clone();
            if longer.first() == Some(name) {
                return None;
            }
            longer.extend_from_slice(left);
            return module_of(modules, &at, &longer, depth + 1);
        }
        rest = left;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The circles of a crate with these files.
    fn circles_of(name: &str, files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let folder = std::env::temp_dir().join(format!("minuet-house-{name}-{}", std::process::id()));
        for (file, text) in files {
            let file = folder.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let found = circles(&folder.join("lib.rs"));
        fs::remove_dir_all(&folder).unwrap();
        found
            .iter()
            .map(|circle| circle.files.iter().map(|file| file.display().to_string()).collect())
            .collect()
    }

    #[test]
    fn siblings_that_use_each_other_are_a_circle() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B; fn b() { let _: Option<super::c::C> = None; }"),
            // By the re-export in the root.
            ("c.rs", "use crate::A; pub struct C(A);"),
        ];
        assert_eq!(circles_of("siblings", &files), [["a.rs", "b.rs", "c.rs"]]);
    }

    #[test]
    fn a_path_within_a_macro_counts() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub fn f() { println!(\"{}\", crate::b::g()) }"),
            ("b.rs", "use super::a::{self, f as other}; pub fn g() -> u8 { a::f(); other(); 1 }"),
        ];
        assert_eq!(circles_of("macros", &files), [["a.rs", "b.rs"]]);
    }

    #[test]
    fn a_folder_that_leads_back_into_another_is_a_circle() {
        let files = [
            ("lib.rs", "mod store; mod runtime;"),
            ("store/mod.rs", "mod outbox; pub(crate) use outbox::*;"),
            ("store/outbox.rs", "use crate::runtime::relay::Relay; pub(crate) fn append(_: Relay) {}"),
            ("runtime/mod.rs", "pub(crate) mod relay;"),
            (
                "runtime/relay.rs",
                "use crate::store::append; pub(crate) struct Relay; fn f() { append(Relay) }",
            ),
        ];
        assert_eq!(circles_of("folders", &files), [["runtime/relay.rs", "store/outbox.rs"]]);
    }

    #[test]
    fn a_child_may_use_its_parent_and_tests_may_use_everything() {
        let files = [
            ("lib.rs", "mod a; pub struct Root; fn f() { a::f() }"),
            (
                "a.rs",
                "mod child; pub use child::Child; use crate::Root; pub struct A(Root); pub fn f() { child::g(A) }",
            ),
            (
                "a/child.rs",
                "pub struct Child; pub fn g(_: super::A) {} #[cfg(test)] mod tests { use crate::b::B; }",
            ),
            ("b.rs", "pub struct B(crate::a::A);"),
        ];
        assert_eq!(circles_of("parents", &files), [[""; 0]; 0]);
    }
}
