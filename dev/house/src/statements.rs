//! SQL names its columns: a statement with `*` has another result after `alter table`, and PostgreSQL refuses to run it where it
//! was prepared before.

use std::path::Path;

/// The function that makes rows of arrays: its columns are the arrays of the statement.
const ARRAYS: &str = "* from unnest(";

/// Statements with `*` for columns, as `file:line: statement`.
pub fn unnamed_columns(files: impl IntoIterator<Item = (impl AsRef<Path>, String)>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, text) in files {
        for (line, statement) in (1..).zip(text.lines()) {
            if has_unnamed_columns(&statement.to_lowercase()) {
                wrong.push(format!("{}:{line}: {}", file.as_ref().display(), statement.trim()));
            }
        }
    }
    wrong
}

fn has_unnamed_columns(statement: &str) -> bool {
    let after = |word: &str| statement.split(word).skip(1).map(str::trim_start).collect::<Vec<_>>();
    let is_all = |columns: &&str| columns.starts_with('*') && !columns.starts_with(ARRAYS);
    let is_all_of_one = |columns: &&str| {
        let name = columns.trim_start_matches(|sign: char| sign.is_alphanumeric() || sign == '_');
        name.len() < columns.len() && name.starts_with(".*")
    };
    ["select ", "returning ", "distinct "]
        .iter()
        .any(|word| after(word).iter().any(|columns| is_all(columns) || is_all_of_one(columns)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_found_and_rows_of_arrays_are_let_through() {
        for wrong in [
            "select * from dead_letters where id = $1",
            "with gone as (delete from outbox returning * ) select id from gone",
            "SELECT o.* FROM orders o",
            "select distinct * from orders",
        ] {
            assert!(has_unnamed_columns(&wrong.to_lowercase()), "{wrong}");
        }
        for right in [
            "select count(*) from orders",
            "insert into outbox (shard) select * from unnest($1::smallint[])",
            "select id, topic from outbox",
            "returning d.id",
        ] {
            assert!(!has_unnamed_columns(right), "{right}");
        }
    }
}
