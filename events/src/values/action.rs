use super::choice;

choice! {
    /// What a customer has to do before a payment can be captured.
    PaymentActionKind, "kind", "redirect, qr_code or three_d_secure", {
        /// Go to a page of the payment method.
        Redirect = "redirect",
        /// Scan a code with the app of the payment method.
        QrCode = "qr_code",
        /// Prove to the bank that the card is theirs.
        ThreeDSecure = "three_d_secure",
    }
}
