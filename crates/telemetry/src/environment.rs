//! The standard `OTEL_*` variables that the exporters do not read themselves (they read endpoints, headers and timeouts). An
//! unusable value is ignored with a warning, as the specification asks:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>

use std::str::FromStr;
use std::time::Duration;

use crate::sampling::Sampling;

/// Bounds of an export queue and of its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) queue: usize,
    pub(crate) batch: usize,
    pub(crate) delay: Duration,
    pub(crate) timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Signal::Traces => "TRACES",
            Signal::Logs => "LOGS",
            Signal::Metrics => "METRICS",
        }
    }

    /// The prefix of the variables (BSP: batch span processor, BLRP: batch log record processor), and the default delay in ms.
    fn processor(self) -> (&'static str, u64) {
        match self {
            Signal::Traces => ("BSP", 5_000),
            Signal::Logs => ("BLRP", 1_000),
            // Not used: metrics have no queue, and the SDK's reader knows OTEL_METRIC_EXPORT_INTERVAL.
            Signal::Metrics => ("METRIC", 60_000),
        }
    }
}

/// Reads variables through a function, so that a test needs no process of its own.
pub(crate) struct Environment<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    warnings: std::cell::RefCell<Vec<String>>,
}

impl<'a> Environment<'a> {
    pub(crate) fn new(read: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Environment { read, warnings: std::cell::RefCell::default() }
    }

    /// The value, unless it is empty or not set.
    fn text(&self, name: &str) -> Option<String> {
        (self.read)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn number<T: FromStr>(&self, name: &str, default: T) -> T {
        let Some(text) = self.text(name) else { return default };
        text.parse().unwrap_or_else(|_| {
            self.warnings.borrow_mut().push(format!("{name} takes a number, not {text}"));
            default
        })
    }

    pub(crate) fn disabled(&self) -> bool {
        self.text("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether the environment names a receiver of this signal.
    pub(crate) fn names_endpoint(&self, signal: Signal) -> bool {
        let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.name());
        self.text(&own).or_else(|| self.text("OTEL_EXPORTER_OTLP_ENDPOINT")).is_some()
    }

    /// Whether `OTEL_<SIGNAL>_EXPORTER` asks for OTLP. `None`: the variable is not set.
    pub(crate) fn exporter(&self, signal: Signal) -> Option<bool> {
        let name = format!("OTEL_{}_EXPORTER", signal.name());
        let value = self.text(&name)?;
        if value != "otlp" && value != "none" {
            self.warnings.borrow_mut().push(format!("{name} takes otlp or none, not {value}"));
        }
        Some(value == "otlp")
    }

    pub(crate) fn limits(&self, signal: Signal) -> Limits {
        let (processor, delay) = signal.processor();
        let name = |part: &str| format!("OTEL_{processor}_{part}");
        let queue = self.number(&name("MAX_QUEUE_SIZE"), 2_048_usize).max(1);
        Limits {
            queue,
            batch: self.number(&name("MAX_EXPORT_BATCH_SIZE"), 512_usize).clamp(1, queue),
            delay: Duration::from_millis(self.number(&name("SCHEDULE_DELAY"), delay)),
            timeout: Duration::from_millis(self.number(&name("EXPORT_TIMEOUT"), 30_000)),
        }
    }

    /// `ratio` is the setting, which wins over the environment. With neither every trace is recorded.
    pub(crate) fn sampling(&self, ratio: Option<f64>) -> Sampling {
        if let Some(ratio) = ratio {
            return Sampling::new(ratio, true);
        }
        let Some(sampler) = self.text("OTEL_TRACES_SAMPLER") else { return Sampling::new(1.0, true) };
        let argument = || self.number("OTEL_TRACES_SAMPLER_ARG", 1.0_f64);
        match sampler.as_str() {
            "always_on" => Sampling::new(1.0, false),
            "always_off" => Sampling::new(0.0, false),
            "traceidratio" => Sampling::new(argument(), false),
            "parentbased_always_on" => Sampling::new(1.0, true),
            "parentbased_always_off" => Sampling::new(0.0, true),
            "parentbased_traceidratio" => Sampling::new(argument(), true),
            other => {
                self.warnings
                    .borrow_mut()
                    .push(format!("OTEL_TRACES_SAMPLER takes a standard sampler, not {other}"));
                Sampling::new(1.0, true)
            }
        }
    }

    pub(crate) fn into_warnings(self) -> Vec<String> {
        self.warnings.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(variables: &[(&str, &str)], ask: impl Fn(&Environment<'_>) -> T) -> (T, Vec<String>) {
        let read = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let environment = Environment::new(&read);
        (ask(&environment), environment.into_warnings())
    }

    #[test]
    fn the_standard_limits_apply() {
        let variables = [
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "500"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "soon"),
        ];
        let (limits, warnings) = with(&variables, |e| e.limits(Signal::Traces));
        let wanted = Limits {
            queue: 100,
            batch: 100,
            delay: Duration::from_millis(50),
            timeout: Duration::from_secs(30),
        };
        assert_eq!(limits, wanted);
        assert_eq!(warnings, ["OTEL_BSP_EXPORT_TIMEOUT takes a number, not soon"]);
        let (logs, _) = with(&variables, |e| e.limits(Signal::Logs));
        assert_eq!((logs.queue, logs.delay), (2_048, Duration::from_secs(1)));
    }

    #[test]
    fn the_standard_samplers_apply_and_a_setting_wins() {
        let named = |sampler: &'static str, setting: Option<f64>| {
            let variables = [("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", "0.25")];
            with(&variables, |e| e.sampling(setting))
        };
        for (sampler, wanted) in [
            ("always_on", Sampling::new(1.0, false)),
            ("always_off", Sampling::new(0.0, false)),
            ("traceidratio", Sampling::new(0.25, false)),
            ("parentbased_always_off", Sampling::new(0.0, true)),
            ("parentbased_traceidratio", Sampling::new(0.25, true)),
        ] {
            assert_eq!(named(sampler, None), (wanted, vec![]), "{sampler}");
        }
        assert_eq!(named("always_off", Some(0.5)).0, Sampling::new(0.5, true));
        let (unknown, warnings) = named("xray", None);
        assert_eq!((unknown, warnings.len()), (Sampling::new(1.0, true), 1));
    }

    #[test]
    fn without_a_receiver_nothing_is_exported() {
        assert!(!with(&[], |e| e.names_endpoint(Signal::Traces)).0);
        assert!(
            with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317")], |e| e.names_endpoint(Signal::Logs)).0
        );
        assert!(!with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")], |e| e.names_endpoint(Signal::Logs)).0);
        assert!(with(&[("OTEL_SDK_DISABLED", "TRUE")], |e| e.disabled()).0);
        assert_eq!(with(&[("OTEL_LOGS_EXPORTER", "otlp")], |e| e.exporter(Signal::Logs)).0, Some(true));
        assert_eq!(with(&[("OTEL_TRACES_EXPORTER", "none")], |e| e.exporter(Signal::Traces)).0, Some(false));
    }
}
