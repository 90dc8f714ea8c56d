use minuet_audit::AuditError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditFailure {
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error("not everything holds that was checked")]
    Differs,
    #[error("the audit ended before its time")]
    Ended,
}
