//! The modules of a crate, read from its tokens: which modules there are, what each defines and imports, and which paths it
//! mentions. Code under `#[cfg(test)]` is left out. Macros are read like other code, so a path inside `info!(...)` counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::tokens::{end_of_item, is_cfg_test, is_punct, is_word};

/// `[]` is the root of the crate, `["relay", "wave"]` is `crate::relay::wave`.
pub(crate) type ModulePath = Vec<String>;

#[derive(Default)]
pub(crate) struct Module {
    /// Relative to the folder of the crate's root file. Inline modules have the file that contains them.
    pub(crate) file: PathBuf,
    pub(crate) children: BTreeSet<String>,
    pub(crate) items: BTreeSet<String>,
    /// The name in this module, and the path it was imported by.
    pub(crate) imports: BTreeMap<String, Vec<String>>,
    /// `use a::b::*`: the path before the star.
    pub(crate) globs: Vec<Vec<String>>,
    pub(crate) mentions: Vec<Mention>,
}

/// A path that the code of a module names.
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// By a `use`, and whether that is public.
    pub(crate) import: Option<Visibility>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    Private,
    Public,
}

pub(crate) type Modules = BTreeMap<ModulePath, Module>;

/// Reads a crate from its root file (`src/lib.rs`).
pub(crate) fn read(root: &Path) -> Modules {
    let mut reader = Reader { folder: root.parent().expect("a folder").to_owned(), modules: Modules::new() };
    reader.file(PathBuf::from(root.file_name().expect("a file name")), Vec::new());
    reader.modules
}

struct Reader {
    folder: PathBuf,
    modules: Modules,
}

impl Reader {
    fn file(&mut self, file: PathBuf, path: ModulePath) {
        let text = fs::read_to_string(self.folder.join(&file)).expect("a source file");
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.modules.entry(path.clone()).or_default().file = file;
        self.tokens(&tokens.into_iter().collect::<Vec<_>>(), &path);
    }

    fn module(&mut self, path: &[String]) -> &mut Module {
        self.modules.get_mut(path).expect("a module is entered before it is read")
    }

    fn tokens(&mut self, tokens: &[TokenTree], path: &ModulePath) {
        let mut at = 0;
        while at < tokens.len() {
            at = self.token(tokens, at, path);
        }
    }

    /// Reads what begins at `at`; answers with where the next thing begins.
    fn token(&mut self, tokens: &[TokenTree], at: usize, path: &ModulePath) -> usize {
        match &tokens[at] {
            TokenTree::Punct(sign) if sign.as_char() == '#' => match tokens.get(at + 1) {
                Some(TokenTree::Group(group)) if is_cfg_test(group) => end_of_item(tokens, at + 2),
                _ => at + 1,
            },
            TokenTree::Group(group) => {
                self.tokens(&group.stream().into_iter().collect::<Vec<_>>(), path);
                at + 1
            }
            TokenTree::Ident(word) => self.word(&word.to_string(), tokens, at, path),
            TokenTree::Punct(_) | TokenTree::Literal(_) => at + 1,
        }
    }

    fn word(&mut self, word: &str, tokens: &[TokenTree], at: usize, path: &ModulePath) -> usize {
        match word {
            // `impl Trait + use<'a>` is no import.
            "use" if !is_punct(tokens.get(at + 1), '<') => {
                let end = (at..tokens.len()).find(|&i| is_punct(tokens.get(i), ';')).unwrap_or(tokens.len());
                let visibility = visibility(&tokens[..at]);
                self.imports(&tokens[at + 1..end], Vec::new(), visibility, path);
                return end + 1;
            }
            "mod" => {
                if let Some(TokenTree::Ident(name)) = tokens.get(at + 1) {
                    self.child(&name.to_string(), tokens.get(at + 2), path);
                    return at + 3;
                }
            }
            "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" => {
                if let Some(TokenTree::Ident(name)) = tokens.get(at + 1) {
                    self.module(path).items.insert(name.to_string());
                    return at + 2;
                }
            }
            "macro_rules" => {
                if let Some(TokenTree::Ident(name)) = tokens.get(at + 2) {
                    self.module(path).items.insert(name.to_string());
                    return at + 3;
                }
            }
            _ => {}
        }
        self.mention(tokens, at, path)
    }

    fn child(&mut self, name: &str, body: Option<&TokenTree>, path: &ModulePath) {
        let mut child = path.clone();
        child.push(name.to_owned());
        let parent = self.module(path);
        parent.children.insert(name.to_owned());
        if let Some(TokenTree::Group(body)) = body {
            let file = parent.file.clone();
            self.modules.entry(child.clone()).or_default().file = file;
            self.tokens(&body.stream().into_iter().collect::<Vec<_>>(), &child);
            return;
        }
        let mut folder: PathBuf = path.iter().collect();
        folder.push(name);
        let flat = folder.with_extension("rs");
        let file = if self.folder.join(&flat).exists() { flat } else { folder.join("mod.rs") };
        self.file(file, child);
    }

    /// A path that begins at `at`, if it does not go on from a value or another path.
    fn mention(&mut self, tokens: &[TokenTree], at: usize, path: &ModulePath) -> usize {
        let continues = at > 0 && (is_punct(tokens.get(at - 1), '.') || is_punct(tokens.get(at - 1), ':'));
        // `name: Type` ends in a colon too, but not in two.
        let continues =
            continues && (is_punct(tokens.get(at - 1), '.') || at > 1 && is_punct(tokens.get(at - 2), ':'));
        let line = tokens[at].span().start().line;
        let (names, end) = names(tokens, at);
        if !continues {
            self.module(path).mentions.push(Mention { path: names, line, import: None });
        }
        end
    }

    fn imports(
        &mut self,
        tree: &[TokenTree],
        mut before: Vec<String>,
        visibility: Visibility,
        path: &ModulePath,
    ) {
        let mut alias = None;
        let Some(first) = tree.first() else { return };
        let line = first.span().start().line;
        let mut at = 0;
        while at < tree.len() {
            match &tree[at] {
                TokenTree::Ident(word) if word == "as" => {
                    alias = tree.get(at + 1).map(ToString::to_string);
                    at += 1;
                }
                TokenTree::Ident(word) => before.push(word.to_string()),
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in inner.split(|token| is_punct(Some(token), ',')) {
                        self.imports(branch, before.clone(), visibility, path);
                    }
                    return;
                }
                TokenTree::Punct(sign) if sign.as_char() == '*' => {
                    self.module(path).globs.push(before.clone());
                    self.module(path).mentions.push(Mention { path: before, line, import: Some(visibility) });
                    return;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
        // `use a::b::{self, c}`
        if before.len() > 1 && before.last().is_some_and(|last| last == "self") {
            before.pop();
        }
        if let Some(name) = alias.or_else(|| before.last().cloned()) {
            self.module(path).imports.insert(name, before.clone());
        }
        self.module(path).mentions.push(Mention { path: before, line, import: Some(visibility) });
    }
}

/// `a::b::c` from `at` on: `[a, b, c]`, and where it ends.
fn names(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut names = Vec::new();
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        names.push(name.to_string());
        at += 1;
        if is_punct(tokens.get(at), ':')
            && is_punct(tokens.get(at + 1), ':')
            && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_)))
        {
            at += 2;
        } else {
            break;
        }
    }
    (names, at)
}

/// What stands before `use`: nothing, `pub`, or `pub(crate)`.
fn visibility(before: &[TokenTree]) -> Visibility {
    let last = match before.last() {
        Some(TokenTree::Group(scope)) if scope.delimiter() == Delimiter::Parenthesis => {
            before.len().checked_sub(2)
        }
        _ => before.len().checked_sub(1),
    };
    if is_word(last.and_then(|at| before.get(at)), &["pub"]) {
        Visibility::Public
    } else {
        Visibility::Private
    }
}
