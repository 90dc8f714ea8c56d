-- What was given back, in parts or at once. That it is no more than was captured, the payments' table holds.
alter table orders
    add column refunded numeric(19, 4) not null default 0,
    add constraint orders_refunded_check check (refunded >= 0) not valid;

-- Refunds that somebody asked for and that were given, so that whoever asked can be told.
create table given_refunds (
    request_id uuid not null,
    order_id uuid not null,
    amount numeric(19, 4) not null,
    return_stock boolean not null,
    created_at timestamptz not null,
    constraint given_refunds_pkey primary key (request_id),
    constraint given_refunds_amount_check check (amount > 0)
);

-- They are deleted by their age. BRIN costs next to nothing on rows that are only inserted.
create index given_refunds_created on given_refunds using brin (created_at) with (pages_per_range = 32, autosummarize = on);
