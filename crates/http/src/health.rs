use serde::Serialize;
use time::OffsetDateTime;

/// The state of one dependency of a process, as a health answer shows it.
///
/// ```
/// use minuet_http::DependencyStatus;
///
/// let first = DependencyStatus::down("not reached yet");
/// let second = DependencyStatus::down("connection refused").after(Some(&first));
/// assert_eq!((second.ok, &second.since), (false, &first.since));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DependencyStatus {
    /// Whether the dependency answers.
    pub ok: bool,
    /// Since when this is so: RFC 3339 in UTC, always with six decimals.
    pub since: String,
    /// Why the dependency does not answer. Holds no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl DependencyStatus {
    /// The dependency answers, from now on.
    pub fn up() -> Self {
        DependencyStatus { ok: true, since: now(), detail: None }
    }

    /// The dependency does not answer, from now on. `detail` must hold no secret.
    pub fn down(detail: impl Into<String>) -> Self {
        DependencyStatus { ok: false, since: now(), detail: Some(detail.into()) }
    }

    /// This status with the time of `earlier`, unless `ok` changed in between.
    #[must_use]
    pub fn after(self, earlier: Option<&DependencyStatus>) -> Self {
        match earlier {
            Some(earlier) if earlier.ok == self.ok => {
                DependencyStatus { since: earlier.since.clone(), ..self }
            }
            _ => self,
        }
    }
}

/// RFC 3339 in UTC with six decimals.
pub(crate) fn now() -> String {
    let now = OffsetDateTime::now_utc();
    let (date, (hour, minute, second, micro)) = (now.date(), now.to_hms_micro());
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_the_time_of_the_last_change() {
        let status = |ok, since: &str| DependencyStatus { ok, since: since.to_owned(), detail: None };
        let earlier = status(true, "8:00");
        assert_eq!(status(true, "9:00").after(Some(&earlier)).since, "8:00");
        assert_eq!(status(false, "9:00").after(Some(&earlier)).since, "9:00");
        assert_eq!(status(true, "9:00").after(None).since, "9:00");
    }

    #[test]
    fn since_is_rfc_3339_with_six_decimals() {
        let text = DependencyStatus::up().since;
        assert_eq!(text.len(), "2026-11-23T08:15:00.000000Z".len(), "{text}");
        let parsed = OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc3339);
        assert!(parsed.is_ok(), "{text}");
    }
}
