-- What was given back in parts. A payment has any number of refunds; one at a time is not done.
alter table payments
    add column refunded numeric(19, 4) not null default 0,
    add constraint payments_refunded_check check (refunded >= 0 and (amount is null or refunded <= amount)) not valid;

alter table refunds
    drop constraint refunds_payment_key,
    -- Whether the goods come back into stock if nothing of the payment is left.
    add column return_stock boolean not null default true,
    -- The ce_id and ce_time of what asked for everything that is left while this refund was due.
    add column rest_cause_id uuid,
    add column rest_cause_time timestamptz,
    add constraint refunds_rest_cause_check check ((rest_cause_id is null) = (rest_cause_time is null));

create index refunds_payment on refunds (payment_id);

update payments set refunded = amount where status = 'refunded';
