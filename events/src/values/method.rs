use super::choice;

choice! {
    /// How an order is paid. A string on the wire: an Avro enum would make a new method unreadable to old readers.
    PaymentMethod, "payment_method", "credit_card, debit_card, paypal, alipay or wechat", {
        CreditCard = "credit_card",
        DebitCard = "debit_card",
        Paypal = "paypal",
        Alipay = "alipay",
        Wechat = "wechat",
    }
}
