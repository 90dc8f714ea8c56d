-- The sweeper looks for orders by their age. BRIN costs next to nothing, and created_at never changes: updates stay HOT.
create index orders_created on orders using brin (created_at) with (pages_per_range = 32, autosummarize = on);

-- Until when the sweeper of a shard has nothing left to look for.
alter table shards add column swept_until timestamptz;

-- What ended the order: the ce_id of the request or of the event. Tells a caller whether it was their request.
alter table orders add column ended_by uuid;

-- Cancellations and refunds that were refused, so that whoever asked can be told why.
create table refusals (
    request_id uuid not null,
    order_id uuid not null,
    reason text not null,
    created_at timestamptz not null,
    constraint refusals_pkey primary key (request_id)
);
