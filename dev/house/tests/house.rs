//! The rules of `minuet-house`, applied to this repository.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use minuet_house::{
    Dangling, circles, crates, dangling, declared_fields, forbidden_dependencies, log_mistakes, repository,
    runbook_mistakes, source, unknown_log_lines, unnamed_columns,
};

/// Dependencies that are there today against docs/house.md. This list may only shrink.
const KNOWN_DEPENDENCIES: [&str; 0] = [];

#[test]
fn packages_name_only_what_the_house_allows() {
    assert_eq!(forbidden_dependencies(&repository()), KNOWN_DEPENDENCIES);
}

#[test]
fn the_modules_of_a_crate_import_each_other_in_no_circle() {
    let root = repository();
    let mut wrong = String::new();
    for package in crates(&root) {
        let roots = ["src/lib.rs", "src/main.rs"].map(|file| root.join(&package).join(file));
        for circle in roots.iter().filter(|file| file.exists()).flat_map(|file| circles(file)) {
            let files = circle.files.len();
            wrong += &format!("{}: a circle of {files} files:\n{circle}", package.display());
        }
    }
    assert!(wrong.is_empty(), "move one item of each circle:\n{wrong}");
}

/// The image that runs in production is built without the default features of `minuet`. Nothing of `dev/` is in it: no
/// benchmark, no launcher of Java servers, no trace viewer.
#[test]
fn the_production_build_depends_on_nothing_for_development() {
    let root = repository();
    let tree = |features: &[&str]| {
        let cargo = std::process::Command::new(env!("CARGO"))
            .current_dir(&root)
            .args(["tree", "--locked", "--package", "minuet", "--edges", "normal,build"])
            .args(["--prefix", "none", "--format", "{p}"])
            .args(features)
            .output()
            .unwrap();
        assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
        String::from_utf8(cargo.stdout).unwrap()
    };
    let dev = root.join("dev").display().to_string();
    let for_development =
        |tree: &str| tree.lines().filter(|line| line.contains(&dev)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(for_development(&tree(&["--no-default-features"])), Vec::<String>::new());
    // The search finds what it looks for: the build for development has these.
    let found = for_development(&tree(&[])).join("\n");
    for package in ["minuet-bench", "minuet-stack", "minuet-traces"] {
        assert!(found.contains(package), "{package} is not in\n{found}");
    }
    let dockerfile = std::fs::read_to_string(root.join("Dockerfile")).unwrap();
    let build = dockerfile.lines().find(|line| line.contains("cargo build")).unwrap();
    assert!(build.contains("--no-default-features"), "the image is built by:{build}");
}

#[test]
fn pages_and_comments_cite_what_is_there() {
    let lines: Vec<String> = dangling(&repository()).iter().map(Dangling::to_string).collect();
    assert!(lines.is_empty(), "cited, but not in the repository:\n{}", lines.join("\n"));
}

/// The guide builds the example: a reader who follows the guide has the code that the tests run.
#[test]
fn the_guide_shows_the_code_of_the_example() {
    let root = repository();
    let guide = std::fs::read_to_string(root.join("docs/your-own-service.md")).unwrap();
    let mut files: Vec<String> = std::fs::read_dir(root.join("examples/loyalty/src"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for other in [
        "examples/loyalty/topics.yaml",
        "examples/loyalty/migrations/0001_points.sql",
        "examples/loyalty/schemas/PointsEarned.avsc",
    ] {
        files.push(std::fs::read_to_string(root.join(other)).unwrap());
    }
    let mut count = 0;
    for (language, code) in guide.split("\n```").filter_map(|part| part.split_once('\n')) {
        if ["rust", "yaml", "sql", "json"].contains(&language) {
            count += 1;
            assert!(files.iter().any(|file| file.contains(code)), "not in examples/loyalty:\n{code}");
        }
    }
    assert!(count > 10, "only {count} blocks were found");
}

/// A decision begins with `# 0031: Title`, `- Date: ...` and `- Status: ...`; the index repeats all of it.
#[test]
fn every_decision_is_in_the_index() {
    let folder = repository().join("docs/decisions");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let index = read("README.md");
    let rows: Vec<&str> = index.lines().filter(|line| line.starts_with("| [")).collect();
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    names.sort();
    let expected: Vec<String> = names.iter().map(|name| index_row(name, &read(name))).collect();
    assert_eq!(rows, expected);
}

fn index_row(name: &str, text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let mut next = |start: &str| {
        let line = lines.next().and_then(|line| line.strip_prefix(start));
        line.unwrap_or_else(|| panic!("{name} has no line \"{start}...\" where the others have one"))
            .to_owned()
    };
    let number = &name[..4];
    let title = next(&format!("# {number}: "));
    format!("| [{number}]({name}) | {title} | {} | {} |", next("- Date: "), next("- Status: "))
}

#[test]
fn every_alert_leads_to_its_section_and_quoted_log_lines_are_real() {
    let root = repository();
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let (rules, page) = (read("deploy/prometheus/alerts.yml"), read("docs/operations.md"));
    assert_eq!(runbook_mistakes(&rules, &page), Vec::<String>::new());
    let programs: String = source(&root).into_iter().map(|(_, text)| text).collect();
    assert_eq!(unknown_log_lines(&page, &programs), Vec::<String>::new());
}

#[test]
fn statements_name_their_columns() {
    let wrong = unnamed_columns(source(&repository()));
    assert!(wrong.is_empty(), "name the columns, since a table may get others:\n{}", wrong.join("\n"));
}

/// A query on the pool itself has no time limit, and its connection stays open after a failure. Tools and tests may do so.
#[test]
fn services_reach_their_database_through_the_context() {
    let is_service = |file: &std::path::Path| {
        ["services/order", "services/inventory", "services/payment", "examples"]
            .iter()
            .any(|folder| file.starts_with(folder))
    };
    let files = source(&repository()).into_iter().filter(|(file, _)| is_service(file));
    let wrong: Vec<String> = files
        .filter(|(_, text)| text.contains(".pool()"))
        .map(|(file, _)| file.display().to_string())
        .collect();
    assert_eq!(wrong, Vec::<String>::new(), "use `with_connection`, `query` or `transaction` of the context");
}

#[test]
fn log_lines_keep_the_convention() {
    let root = repository();
    let page = std::fs::read_to_string(root.join("docs/logging.md")).unwrap();
    let wrong = log_mistakes(source(&root), &declared_fields(&page));
    assert!(wrong.is_empty(), "docs/logging.md has the convention:\n{}", wrong.join("\n"));
}
