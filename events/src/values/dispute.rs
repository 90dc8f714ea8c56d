use super::choice;

choice! {
    /// Where a dispute stands: a bank asks for a customer's money back.
    DisputeStatus, "status", "opened, won or lost", {
        Opened = "opened",
        /// The shop keeps the money.
        Won = "won",
        /// The bank has taken the money back.
        Lost = "lost",
    }
}
