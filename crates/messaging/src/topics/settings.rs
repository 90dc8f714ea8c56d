use std::collections::BTreeMap;

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;

/// A librdkafka setting that librdkafka does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSetting {
    pub name: String,
    /// librdkafka's words. They may repeat the value.
    pub detail: String,
}

/// Each setting by itself, before a client is made: its error would tell of the first one only, and with its value.
pub fn check_settings(kafka: &BTreeMap<String, String>) -> Vec<WrongSetting> {
    kafka
        .iter()
        .filter_map(|(name, value)| {
            let error = ClientConfig::new().set(name, value).create_native_config().err()?;
            let detail = match error {
                KafkaError::ClientConfig(_, description, _, _) => description,
                other => other.to_string(),
            };
            Some(WrongSetting { name: name.clone(), detail })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_setting_is_named() {
        let given =
            [("linger.mss", "5"), ("linger.ms", "five"), ("acks", "all"), ("sasl.password", "geheim")];
        let kafka = given.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let wrong = check_settings(&kafka);
        assert_eq!(
            wrong.iter().map(|wrong| wrong.name.as_str()).collect::<Vec<_>>(),
            ["linger.ms", "linger.mss"]
        );
        assert!(wrong[1].detail.contains("No such configuration property"), "{}", wrong[1].detail);
    }
}
