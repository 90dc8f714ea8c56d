use super::{ValueError, text_value};

/// How an order is paid. A string on the wire: an Avro enum would make a new method unreadable to old readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentMethod {
    CreditCard,
    DebitCard,
    Paypal,
    Alipay,
    Wechat,
}

impl PaymentMethod {
    pub const ALL: [Self; 5] = [Self::CreditCard, Self::DebitCard, Self::Paypal, Self::Alipay, Self::Wechat];

    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let takes = "credit_card, debit_card, paypal, alipay or wechat";
        let found = Self::ALL.into_iter().find(|method| method.as_str() == text);
        found.ok_or_else(|| ValueError::new("payment_method", takes, text))
    }

    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::CreditCard => "credit_card",
            Self::DebitCard => "debit_card",
            Self::Paypal => "paypal",
            Self::Alipay => "alipay",
            Self::Wechat => "wechat",
        }
    }
}

text_value!(PaymentMethod);
