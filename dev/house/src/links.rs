//! What pages and comments cite: links of Markdown, headings, names of files, numbers of decisions, targets of make.
//!
//! **Paths** (`docs/dance.md`, `services/{order,payment}/src/lib.rs`, `migrations/<service>/`) are looked up in every text file,
//! strings of programs included, from the root of the repository, from the package, or from the file that cites them. Braces are
//! expanded; `*` and `<name>` stand for any text. **Names of files** (`table.rs`, `react/table.rs`) must be the end of some
//! file's path; they are looked up in pages and in comments. So are **identifiers** in backticks (`next_sequence`, `OrderPlaced`,
//! `inbox::CLAIM`): some file that is not a page, and some line that is not a comment, must have their last part.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::files::walk;

/// A citation of something that is not there.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dangling {
    pub file: PathBuf,
    pub line: usize,
    pub cited: String,
}

impl fmt::Display for Dangling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.cited)
    }
}

/// Every citation in the repository that leads nowhere.
pub fn dangling(root: &Path) -> Vec<Dangling> {
    let files = walk(root);
    let mut texts = BTreeMap::new();
    for file in &files {
        // Keys and other bytes are no text.
        if let Ok(text) = fs::read_to_string(root.join(file)) {
            texts.insert(file.as_path(), text);
        }
    }
    let known = Known::new(&files, &texts);
    let mut found: Vec<Dangling> = texts.iter().flat_map(|(file, text)| known.check(file, text)).collect();
    found.sort();
    found
}

/// What may be cited.
struct Known {
    /// Files and folders, by their path from the root.
    paths: BTreeSet<String>,
    /// The first folder of each path.
    tops: BTreeSet<String>,
    /// The anchors of each page, and the headings that they come from.
    headings: BTreeMap<String, Vec<(String, String)>>,
    targets: BTreeSet<String>,
    /// Every word of code.
    identifiers: BTreeSet<String>,
}

/// These are written by who uses the program, or by the program.
const NOT_IN_THE_REPOSITORY: [&str; 2] = ["minuet.toml", "settings.toml"];
/// The licence and the lock file cite nothing of ours; the tests below cite what is not there.
const UNREAD: [&str; 3] = ["LICENSE", "Cargo.lock", "dev/house/src/links.rs"];
const EXTENSIONS: [&str; 9] = ["rs", "md", "sql", "toml", "yml", "yaml", "sh", "avsc", "css"];

impl Known {
    fn new(files: &[PathBuf], texts: &BTreeMap<&Path, String>) -> Known {
        let mut known = Known {
            paths: BTreeSet::new(),
            tops: BTreeSet::new(),
            headings: BTreeMap::new(),
            targets: BTreeSet::new(),
            identifiers: BTreeSet::new(),
        };
        for file in files {
            for path in file.ancestors().filter(|path| !path.as_os_str().is_empty()) {
                known.paths.insert(path.display().to_string());
            }
            if let (Some(top), true) = (file.iter().next(), file.iter().count() > 1) {
                known.tops.insert(top.display().to_string());
            }
        }
        for (file, text) in texts {
            if is_page(file) {
                known.headings.insert(file.display().to_string(), headings(text));
            } else if file.ends_with("Makefile") {
                let rules = text.lines().filter(|line| !line.starts_with(['\t', '#', ' ']));
                let targets =
                    rules.filter_map(|line| line.split_once(':')).map(|(target, _)| target.to_owned());
                known.targets.extend(targets);
            }
            if !is_page(file) {
                let code = text
                    .lines()
                    .map(|line| comment(file, line).map_or(line, |c| &line[..line.len() - c.len()]));
                let words =
                    code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
                known.identifiers.extend(words.filter(|word| is_identifier(word)).map(str::to_owned));
            }
        }
        known
    }

    fn check(&self, file: &Path, text: &str) -> Vec<Dangling> {
        let mut found = Vec::new();
        if UNREAD.iter().any(|name| file.ends_with(name)) {
            return found;
        }
        let (mut is_fenced, is_page) = (false, is_page(file));
        for (index, line) in text.lines().enumerate() {
            let prose = if is_page { Some(line) } else { comment(file, line) };
            // Code in a doc comment ends with the comment.
            is_fenced &= prose.is_some();
            is_fenced ^=
                prose.is_some_and(|prose| prose.trim_start_matches(['/', '!', ' ']).starts_with("```"));
            let mut wrong = BTreeSet::from_iter(self.paths_in(file, line));
            if let Some(prose) = prose {
                wrong.extend(self.decisions_in(prose));
                if !is_fenced && !prose.contains("```") {
                    wrong.extend(self.names_in(prose));
                    wrong.extend(self.identifiers_in(prose));
                    wrong.extend(self.headings_in(file, prose));
                }
                if is_page && !is_fenced {
                    wrong.extend(self.links_in(file, prose));
                }
            }
            wrong.extend(self.targets_in(line));
            let here = |cited| Dangling { file: file.to_owned(), line: index + 1, cited };
            found.extend(wrong.into_iter().map(here));
        }
        found
    }

    /// `[text](target)`, `[text](target#anchor)` and `[text](#anchor)`.
    fn links_in(&self, file: &Path, line: &str) -> Vec<String> {
        let targets = line.match_indices("](").filter_map(|(at, _)| line[at + 2..].split(')').next());
        let own = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
        let is_wrong = |target: &&str| {
            let (path, anchor) = target.split_once('#').map_or((*target, None), |(path, a)| (path, Some(a)));
            let page = if path.is_empty() {
                file.display().to_string()
            } else {
                normal(&file.parent().expect("a file has a folder").join(path))
            };
            let page = page.trim_end_matches('/');
            let is_there = page.is_empty() || self.paths.contains(page);
            !is_there || anchor.is_some_and(|anchor| !self.has_anchor(page, anchor))
        };
        own.filter(is_wrong).map(|target| format!("link to {target}")).collect()
    }

    fn has_anchor(&self, page: &str, anchor: &str) -> bool {
        self.headings.get(page).is_some_and(|all| all.iter().any(|(slug, _)| slug == anchor))
    }

    /// `docs/operations.md, "Parked events"`: the page and the heading.
    fn headings_in(&self, file: &Path, line: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        for (at, _) in line.match_indices(".md") {
            let after = line[at + 3..].trim_start_matches(|c| "`)],:".contains(c));
            let after = after
                .split_once(')')
                .filter(|(link, _)| link.starts_with('('))
                .map_or(after, |(_, rest)| rest);
            let Some(heading) =
                after.trim_start_matches([',', ' ']).strip_prefix('"').and_then(|t| t.split('"').next())
            else {
                continue;
            };
            let start = line[..at].rfind(|c: char| !is_path_sign(c)).map_or(0, |before| before + 1);
            let path = &line[start..at + 3];
            let folder = file.parent().expect("a file has a folder");
            let page = [path.to_owned(), normal(&folder.join(path))]
                .into_iter()
                .find(|p| self.headings.contains_key(p));
            let is_there = |page| self.headings[&page].iter().any(|(_, title)| title == heading);
            if page.is_some_and(|page| !is_there(page)) {
                wrong.push(format!("heading {heading:?} of {path}"));
            }
        }
        wrong
    }

    /// Paths that begin with a folder of the root.
    fn paths_in(&self, file: &Path, line: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        for (start, word) in words(line) {
            let word = word.trim_end_matches(['.', ',', '-']);
            let Some((top, rest)) = word.split_once('/') else { continue };
            // `events/s` is a unit.
            if !self.tops.contains(top) || rest.len() < 2 {
                continue;
            }
            let anchor = line[start + word.len()..].strip_prefix('#').map(|rest| {
                rest.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).next().unwrap_or(rest)
            });
            for path in expand(word) {
                let path = path.trim_end_matches('/');
                let is_wrong_anchor = anchor.is_some_and(|anchor| {
                    !anchor.is_empty() && path.ends_with(".md") && !self.has_anchor(path, anchor)
                });
                if !self.is_cited_from(file, path) {
                    wrong.push(format!("path {path}"));
                } else if is_wrong_anchor {
                    wrong.push(format!("path {path}#{}", anchor.unwrap_or_default()));
                }
            }
        }
        wrong
    }

    /// From the root, or from a folder above the file: a package says `tests/bugs.rs`. `docs/decisions/0020` is enough of a name.
    fn is_cited_from(&self, file: &Path, path: &str) -> bool {
        let pattern = if path.starts_with("docs/decisions/") && !path.ends_with(".md") {
            format!("{path}*")
        } else {
            path.to_owned()
        };
        file.ancestors().skip(1).any(|folder| {
            let path = normal(&folder.join(&pattern));
            self.paths.contains(&path)
                || path.contains('*') && self.paths.iter().any(|known| matches(&path, known))
        })
    }

    /// `table.rs`, `react/table.rs`: the end of some path.
    fn names_in(&self, line: &str) -> Vec<String> {
        let is_file_name = |word: &str| {
            let (stem, extension) = word.rsplit_once('.').unwrap_or_default();
            EXTENSIONS.contains(&extension)
                && stem.ends_with(|c: char| c.is_ascii_alphanumeric() || "}>*".contains(c))
        };
        let cited =
            words(line).map(|(_, word)| word.trim_end_matches(['.', ','])).filter(|word| is_file_name(word));
        let is_there = |path: &String| {
            let path = path.trim_start_matches("./").trim_start_matches("../");
            let end = format!("/{path}");
            NOT_IN_THE_REPOSITORY.iter().any(|name| path.ends_with(name))
                || self.paths.iter().any(|known| {
                    known == path
                        || known.ends_with(&end)
                        || path.contains('*') && matches(&format!("*{end}"), known)
                })
        };
        cited.flat_map(expand).filter(|path| !is_there(path)).map(|path| format!("file {path}")).collect()
    }

    fn identifiers_in(&self, line: &str) -> Vec<String> {
        let quoted = line.split('`').skip(1).step_by(2).map(|word| word.trim_end_matches("()"));
        let is_path = |word: &&str| {
            word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
        };
        let last = quoted.filter(is_path).filter_map(|word| word.rsplit("::").next());
        let is_there = |word: &str| {
            // `order_process_duration_seconds` is cited, and `order_process_duration_seconds_bucket` queried.
            self.identifiers.range(word.to_owned()..).next().is_some_and(|known| known.starts_with(word))
        };
        let gone = last.filter(|word| is_identifier(word) && !is_there(word));
        gone.map(|word| format!("identifier {word}")).collect()
    }

    /// `decision 0031`, `decisions 0001 and 0005`, `(0032)`.
    fn decisions_in(&self, line: &str) -> Vec<String> {
        let mut numbers = Vec::new();
        for (at, _) in line.match_indices("ecision") {
            let after = line[at + 7..].trim_start_matches('s');
            let listed = after
                .split([' ', ',', '[', '('])
                .take_while(|word| word.is_empty() || *word == "and" || is_number(word));
            numbers.extend(listed.filter(|word| is_number(word)).map(|word| &word[..4]));
        }
        let in_brackets =
            line.split('(').skip(1).filter(|rest| is_number(rest) && rest[4..].starts_with(')'));
        numbers.extend(in_brackets.map(|rest| &rest[..4]));
        let is_there = |number: &&str| {
            let start = format!("docs/decisions/{number}-");
            self.paths.range(start.clone()..).next().is_some_and(|path| path.starts_with(&start))
        };
        numbers
            .into_iter()
            .filter(|number| !is_there(number))
            .map(|number| format!("decision {number}"))
            .collect()
    }

    /// `make chaos`, in backticks or at the start of a line of code.
    fn targets_in(&self, line: &str) -> Vec<String> {
        let commands = line.match_indices("make ").filter(|(at, _)| {
            let before = line[..*at].trim_start();
            before.is_empty() || before.ends_with('`')
        });
        let target = |(at, _): (usize, &str)| {
            let word = line[at + 5..]
                .split(|c: char| !c.is_ascii_lowercase() && c != '-')
                .next()
                .unwrap_or_default();
            word.to_owned()
        };
        let is_command = |at: usize, word: &str| {
            let after = &line[at + 5 + word.len()..];
            line[..at].ends_with('`') && after.starts_with(['`', ' ', ';'])
                || line[..at].is_empty() && after.contains("  #")
        };
        commands
            .map(|found| (found.0, target(found)))
            .filter(|(at, word)| !word.is_empty() && is_command(*at, word) && !self.targets.contains(word))
            .map(|(_, word)| format!("make {word}"))
            .collect()
    }
}

fn is_page(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "md")
}

/// Names that prose does not have: with an underscore, or a capital inside.
fn is_identifier(word: &str) -> bool {
    word.contains('_')
        || word.chars().zip(word.chars().skip(1)).any(|(a, b)| a.is_lowercase() && b.is_uppercase())
}

fn is_number(word: &str) -> bool {
    word.len() >= 4 && word.starts_with("00") && word.as_bytes()[..4].iter().all(u8::is_ascii_digit)
}

/// The comment of a line: what follows the sign that begins one, at the start of the line or after a space.
fn comment<'a>(file: &Path, line: &'a str) -> Option<&'a str> {
    let sign = match file.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => "//",
        Some("sql") => "--",
        _ => "#",
    };
    let starts = line.match_indices(sign).map(|(at, _)| at);
    let at = starts.into_iter().find(|&at| line[..at].ends_with([' ', '\t']) || line[..at].is_empty())?;
    Some(&line[at..])
}

fn is_path_sign(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_./{}*<>-".contains(c)
}

/// Words that may be paths, with where they begin. Braces may hold commas.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut words = Vec::new();
    let (mut start, mut depth) = (None, 0_usize);
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_part = is_path_sign(c) || c == ',' && depth > 0;
        match start {
            None if is_part => start = Some(at),
            Some(from) if !is_part => {
                words.push((from, &line[from..at]));
                (start, depth) = (None, 0);
            }
            _ => {}
        }
    }
    words.into_iter()
}

/// `{a,b}/c` is `a/c` and `b/c`; `<name>` is `*`. Braces without a comma are a program's own: they stand for any text.
fn expand(word: &str) -> Vec<String> {
    if let Some((before, rest)) = word.split_once('{')
        && let Some((inside, after)) = rest.split_once('}')
    {
        let choices: Vec<&str> = if inside.contains(',') { inside.split(',').collect() } else { vec!["*"] };
        return choices.iter().flat_map(|choice| expand(&format!("{before}{choice}{after}"))).collect();
    }
    if let Some((before, rest)) = word.split_once('<')
        && let Some((_, after)) = rest.split_once('>')
    {
        return expand(&format!("{before}*{after}"));
    }
    vec![word.to_owned()]
}

/// Whether `path` is what `pattern` says, where `*` is any text.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((start, rest)) => path.strip_prefix(start).is_some_and(|left| {
            (0..=left.len()).filter(|&at| left.is_char_boundary(at)).any(|at| matches(rest, &left[at..]))
        }),
    }
}

/// Without `.` and `..`.
fn normal(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.iter().filter_map(|part| part.to_str()) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchor of a heading as GitHub makes it.
pub(crate) fn anchor(title: &str) -> String {
    let kept = title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .collect::<String>();
    kept.replace(' ', "-")
}

/// Each heading of a page: its anchor and its text.
fn headings(text: &str) -> Vec<(String, String)> {
    let (mut headings, mut is_fenced) = (Vec::new(), false);
    for line in text.lines() {
        is_fenced ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if is_fenced || !line.starts_with('#') || !title.starts_with(' ') {
            continue;
        }
        headings.push((anchor(title.trim()), title.trim().replace('`', "")));
    }
    headings
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# The page\n## Parked events\n```\n# no heading\n```\n";

    /// What is wrong with a text of this name, where these files are there.
    fn wrong(name: &str, text: &str) -> Vec<String> {
        let files = [
            "docs/page.md",
            "docs/decisions/0031-a.md",
            "Makefile",
            "services/order/src/react/table.rs",
            "services/x.rs",
            name,
        ];
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let texts = BTreeMap::from([
            (Path::new("docs/page.md"), PAGE.to_owned()),
            (Path::new("Makefile"), "chaos: up\n".to_owned()),
            (Path::new("services/x.rs"), "fn set_aside_all() -> OrderPlaced // only_in_comment".to_owned()),
        ]);
        let found = Known::new(&files, &texts).check(Path::new(name), text);
        found.into_iter().map(|one| one.cited).collect()
    }

    #[test]
    fn links_are_followed_to_files_and_headings() {
        let text = "[a](page.md) [b](page.md#parked-events) [c](#x) [d](../services/order) [e](https://x.org/none) [f](gone/)";
        assert_eq!(wrong("docs/other.md", text), ["link to #x", "link to gone/"]);
        assert_eq!(
            wrong("README.md", "[a](docs/page.md#gone)"),
            ["link to docs/page.md#gone", "path docs/page.md#gone"]
        );
        assert_eq!(wrong("README.md", "[a](docs/page.md), \"Parked events\""), [""; 0]);
        assert_eq!(wrong("README.md", "docs/page.md, \"Gone\""), ["heading \"Gone\" of docs/page.md"]);
    }

    #[test]
    fn paths_are_looked_up_with_braces_and_stars() {
        let text = "// `services/{order,stock}/src/react/table.rs`, services/<service>/src/react, docs/decisions/0031.";
        let gone = ["file services/stock/src/react/table.rs", "path services/stock/src/react/table.rs"];
        assert_eq!(wrong("services/x.rs", text), gone);
        assert_eq!(
            wrong("services/x.rs", "let path = \"docs/gone.md\"; // 5,000 events/s"),
            ["path docs/gone.md"]
        );
        assert_eq!(wrong("deploy.yml", "runbook: https://x.org/docs/gone.md"), [""; 0]);
    }

    #[test]
    fn names_of_files_are_looked_up_in_prose() {
        assert_eq!(
            wrong("services/x.rs", "let x = \"gone.rs\"; // react/table.rs, table.rs, gone.rs"),
            ["file gone.rs"]
        );
        assert_eq!(wrong("README.md", "`able.rs` and minuet.toml"), ["file able.rs"]);
    }

    #[test]
    fn identifiers_in_backticks_are_looked_up_in_code() {
        let text = "`OrderPlaced`, `m::set_aside()`, `plain`, `once_gone`, `GoneType`, only_in_comment `only_in_comment`";
        let gone = ["identifier GoneType", "identifier once_gone", "identifier only_in_comment"];
        assert_eq!(wrong("README.md", text), gone);
    }

    #[test]
    fn decisions_and_targets_are_looked_up() {
        let text = "decisions 0031 and 0099 (0031), Decision 0098: (0097)";
        assert_eq!(wrong("README.md", text), ["decision 0097", "decision 0098", "decision 0099"]);
        assert_eq!(wrong("README.md", "`make chaos`, `make gone`, make sure"), ["make gone"]);
        assert_eq!(wrong("README.md", "make gone     # explained"), ["make gone"]);
    }
}
