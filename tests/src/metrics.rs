use std::collections::BTreeSet;

/// A page of `/metrics`, read.
#[derive(Debug)]
pub struct Metrics {
    pub text: String,
    samples: Vec<(String, Vec<String>, f64)>,
}

impl Metrics {
    pub fn parse(text: &str) -> Metrics {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Metrics { text: text.to_owned(), samples: lines.map(sample).collect() }
    }

    /// The sum of the samples that have all of these labels, such as `status="paid"`. None: there is none.
    pub fn get(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let fits = |(of, has, _): &&(String, Vec<String>, f64)| {
            of == name && labels.iter().all(|label| has.iter().any(|l| l == label))
        };
        let values: Vec<f64> = self.samples.iter().filter(fits).map(|(.., value)| *value).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// Every name, with `_bucket`, `_sum` and `_count` where it has them.
    pub fn names(&self) -> BTreeSet<&str> {
        self.samples.iter().map(|(name, ..)| name.as_str()).collect()
    }

    /// How many series a name has.
    pub fn series(&self, name: &str) -> usize {
        self.samples.iter().filter(|(of, ..)| of == name).count()
    }
}

fn sample(line: &str) -> (String, Vec<String>, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value in {line}"));
    let value = value.parse().unwrap_or_else(|_| panic!("no number in {line}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("no end of labels in {line}"));
    // No value of ours holds `",`.
    let labels = labels.split_inclusive("\",").map(|label| label.trim_end_matches(',').to_owned());
    (name.to_owned(), labels.collect(), value)
}
