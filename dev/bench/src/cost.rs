//! What telemetry costs: the same run without it and at each ratio, by turns, so that a machine that gets slower does so for all
//! of them.

use std::iter;
use std::path::Path;

use crate::numbers::{quantile, short};
use crate::progress::Progress;
use crate::report::Figures;
use crate::{Args, BenchError, once};

pub(crate) async fn compare(args: &Args, program: &Path, progress: &Progress) -> Result<String, BenchError> {
    let ways = iter::once(None).chain(args.sampling.iter().copied().map(Some));
    let mut seen: Vec<(String, Vec<Figures>)> = ways.clone().map(|way| (name(way), Vec::new())).collect();
    for round in 1..=args.rounds {
        for (way, (name, figures)) in ways.clone().zip(&mut seen) {
            progress.phase(&format!("round {round} of {}, {name}", args.rounds));
            let one = Args { sampling: way.into_iter().collect(), ..args.clone() };
            let (report, _) = Box::pin(once(&one, program, progress)).await?;
            figures.push(report.figures());
        }
    }
    if args.json {
        return serde_json::to_string_pretty(&seen).map(|json| json + "\n").map_err(BenchError::Figures);
    }
    Ok(table(&seen))
}

fn name(way: Option<f64>) -> String {
    way.map_or_else(|| "without telemetry".to_owned(), |ratio| format!("ratio {ratio}"))
}

/// Medians, and by how much they differ from those of the first way.
fn table(seen: &[(String, Vec<Figures>)]) -> String {
    type Of = fn(&Figures) -> Option<f64>;
    let columns: [(&str, Of); 3] = [
        ("orders/s", |figures| figures.throughput_per_s),
        ("CPU s/1,000", |figures| Some(figures.cpu()?.0)),
        ("of the program", |figures| Some(figures.cpu()?.1)),
    ];
    let median = |figures: &[Figures], of: Of| {
        let mut values: Vec<f64> = figures.iter().filter_map(of).collect();
        values.sort_by(f64::total_cmp);
        quantile(&values, 0.5)
    };
    let mut text = format!("{:<20}", "");
    columns.iter().for_each(|(title, _)| text.push_str(&format!(" {title:>15}        ")));
    for (name, figures) in seen {
        text.push_str(&format!("\n{name:<20}"));
        for (_, of) in columns {
            let first = seen.first().and_then(|(_, first)| median(first, of));
            let (Some(value), Some(first)) = (median(figures, of), first) else { continue };
            let change = (value / first - 1.0) * 100.0;
            text.push_str(&format!(" {:>15} {change:>+6.1}%", short(value)));
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ratio_stands_beside_the_run_without() {
        let figures = |orders: f64, program: f64| -> Figures {
            serde_json::from_value(serde_json::json!({
                "throughput_per_s": orders,
                "cpu_s_per_1000": { "program": program, "postgres": 0.5, "broker": 0.5 },
            }))
            .expect("figures")
        };
        let seen = [
            (name(None), vec![figures(900.0, 1.0), figures(1000.0, 1.0), figures(1100.0, 1.0)]),
            (name(Some(0.05)), vec![figures(950.0, 1.1)]),
        ];
        let table = table(&seen);
        let row: Vec<&str> = table.lines().nth(2).expect("a row").split_whitespace().collect();
        assert_eq!(row[..2], ["ratio", "0.05"], "{table}");
        assert_eq!([row[3], row[5], row[7]], ["-5.0%", "+5.0%", "+10.0%"], "{table}");
    }
}
