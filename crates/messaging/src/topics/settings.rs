use std::collections::BTreeMap;

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;

use crate::kafka::config::{AUTO, GROUP_PROTOCOL};

/// A setting that librdkafka rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSetting {
    /// The setting's name.
    pub name: String,
    /// librdkafka's error text. It may repeat the value.
    pub detail: String,
}

/// Checks each setting by itself before a client is made: the client's own error names only the first wrong setting,
/// and shows its value. Returns the rejected settings.
pub fn check_settings(kafka: &BTreeMap<String, String>) -> Vec<WrongSetting> {
    kafka
        .iter()
        .filter(|(name, value)| (name.as_str(), value.as_str()) != (GROUP_PROTOCOL, AUTO))
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
