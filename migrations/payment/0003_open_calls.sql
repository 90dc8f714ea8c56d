-- What the provider was, or is to be, asked and has not answered: written by the transaction that records the intent, deleted
-- by the one that records the answer. Whoever takes a shard finds what is open there without reading any payments. Rows live
-- as long as a call and are never updated: the table stays small, so vacuum may come often.
create table open_calls (
    order_id uuid not null,
    -- The end of the reservation: a charge that the provider has never heard of is not made after it.
    expires_at timestamptz,
    -- -1: written before shards were kept here; whoever owns the order's shard finds it.
    shard smallint not null,
    kind text not null,
    constraint open_calls_pkey primary key (shard, order_id, kind),
    constraint open_calls_kind_check check (kind in ('charge', 'refund')),
    constraint open_calls_expiry_check check ((kind = 'charge') = (expires_at is not null))
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_insert_threshold = -1);

-- A reservation is usually held for 15 minutes, and its payment begins with it.
insert into open_calls (shard, order_id, kind, expires_at)
select -1, order_id, 'charge', created_at + interval '15 minutes' from payments where status in ('pending', 'processing');

insert into open_calls (shard, order_id, kind)
select -1, order_id, 'refund' from refunds where not done and parked_reason is null;

-- Open intents were looked for by their age.
drop index payments_created;
