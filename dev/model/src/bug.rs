/// A mistake that somebody could make. Each is planted around the real decisions (in what they are given, in what is made
/// of their answer, or in the shell and the provider beside them), never in a copy of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// An event that is delivered again is decided again.
    NoInbox,
    /// The offset is stored before the transaction commits.
    OffsetBeforeCommit,
    /// The event is published after the commit, without an outbox.
    NoOutbox,
    /// An order's end that came before its beginning is recorded, but not looked at: payment charges all the same.
    ChargeAfterCancel,
    /// Payment forgets an order's end that comes before the reservation.
    ForgetPrevention,
    /// The order service forgets a cancellation that comes before its order.
    ForgetEarlyCancellation,
    /// What was released is released again when the next reason for it comes.
    ReleaseTwice,
    /// Payment looks neither at `expires_at` nor at ReservationExpired.
    ExpiryIgnoredByPayment,
    /// Goods are confirmed without a look at whether they are still reserved.
    ConfirmUnchecked,
    /// Each request for a refund has a key of its own.
    RefundNotIdempotent,
    /// A charge is asked for again under another key after a crash.
    ChargeNotIdempotent,
    /// Goods of a confirmed order stay away when it is cancelled or refunded.
    StockNotReturned,
    /// InventoryConfirmed counts only once PaymentSucceeded was seen.
    ConfirmOnlyFromPaid,
    /// An order's end does not reach a charge that is under way.
    StopForgotten,
    /// A stopped payment is called failed before the provider says so.
    FailedTooEarly,
    /// A refund takes a confirmed order's money back, and leaves the order as it is.
    RefundLeavesOrder,
    /// What the provider answered is not recorded, and asked for again.
    AnswerNeverRecorded,
    /// The order is placed at whatever it costs now.
    ExpectedTotalIgnored,
    /// Payment forgets what it has given back in parts.
    PartsForgotten,
}

impl Bug {
    pub const ALL: [Bug; 19] = [
        Bug::NoInbox,
        Bug::OffsetBeforeCommit,
        Bug::NoOutbox,
        Bug::ChargeAfterCancel,
        Bug::ForgetPrevention,
        Bug::ForgetEarlyCancellation,
        Bug::ReleaseTwice,
        Bug::ExpiryIgnoredByPayment,
        Bug::ConfirmUnchecked,
        Bug::RefundNotIdempotent,
        Bug::ChargeNotIdempotent,
        Bug::StockNotReturned,
        Bug::ConfirmOnlyFromPaid,
        Bug::StopForgotten,
        Bug::FailedTooEarly,
        Bug::RefundLeavesOrder,
        Bug::AnswerNeverRecorded,
        Bug::ExpectedTotalIgnored,
        Bug::PartsForgotten,
    ];
}
