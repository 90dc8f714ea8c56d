//! Each alert leads to a section that knows it, and what pages say of the log is in the source.

use std::collections::BTreeMap;

/// What is wrong between the alert rules (YAML) and the page that their `runbook_url` leads to.
pub fn runbook_mistakes(rules: &str, page: &str) -> Vec<String> {
    let sections = sections(page);
    let mut wrong = Vec::new();
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().expect("a rule has a name").trim();
        let url = rule.lines().find_map(|line| line.trim().strip_prefix("runbook_url: "));
        let Some(anchor) = url.and_then(|url| url.split_once('#')).map(|(_, anchor)| anchor) else {
            wrong.push(format!("{name} has no runbook_url"));
            continue;
        };
        match sections.get(anchor) {
            None => wrong.push(format!("{name}: there is no section #{anchor}")),
            Some(text) if !text.contains(&format!("Alert: `{name}`")) => {
                wrong.push(format!("{name}: the section #{anchor} does not name it"));
            }
            Some(_) => {}
        }
    }
    wrong
}

/// The texts that a page shows as log `text`, and that stand in no program.
pub fn unknown_log_lines(page: &str, programs: &str) -> Vec<String> {
    let quoted = page.split("log `").skip(1).filter_map(|rest| rest.split('`').next());
    quoted.filter(|text| !programs.contains(&format!("\"{text}\""))).map(str::to_owned).collect()
}

/// The text below each heading, by the heading's anchor.
fn sections(page: &str) -> BTreeMap<String, String> {
    let mut sections = BTreeMap::new();
    for section in page.split("\n#").skip(1) {
        let (title, text) = section.split_once('\n').unwrap_or((section, ""));
        sections.insert(crate::links::anchor(title.trim_start_matches('#').trim()), text.to_owned());
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_leads_to_the_section_that_names_it() {
        let page = "# Page\n\n### It is old\n\nAlert: `Old`.\n\n### Other\n\nNo alert.\n";
        let rule = |name: &str, anchor: &str| format!("- alert: {name}\n  runbook_url: page.md#{anchor}\n");
        assert_eq!(runbook_mistakes(&rule("Old", "it-is-old"), page), [""; 0]);
        assert_eq!(runbook_mistakes(&rule("Old", "gone"), page), ["Old: there is no section #gone"]);
        assert_eq!(
            runbook_mistakes(&rule("New", "other"), page),
            ["New: the section #other does not name it"]
        );
        assert_eq!(runbook_mistakes("- alert: New\n", page), ["New has no runbook_url"]);
    }

    #[test]
    fn quoted_log_lines_are_those_of_the_programs() {
        let program = "warn!(key, \"publish failed\");";
        assert_eq!(unknown_log_lines("see log `publish failed` and log `gone`", program), ["gone"]);
    }
}
