use std::time::Duration;

/// A command line argument: 1 s to 366 d, as a whole number with a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = |unit| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        _ => None,
    };
    let parsed = text.char_indices().last().and_then(|(at, unit)| {
        let count: u64 = text.get(..at)?.parse().ok()?;
        count.checked_mul(seconds(unit)?).filter(|&seconds| (1..=366 * 86_400).contains(&seconds))
    });
    parsed
        .map(Duration::from_secs)
        .ok_or_else(|| "takes 1s to 366d: a whole number with s, m, h or d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90m"), Ok(Duration::from_secs(5_400)));
        for wrong in ["", "5", "h", "0s", "367d", "-1s", "99999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
