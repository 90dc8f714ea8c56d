create type payment_status as enum ('pending', 'processing', 'success', 'failed', 'refunded');

-- One row per order: the intent to charge, recorded before the provider is called, and what came of it. A tombstone (the
-- order's end was seen before its beginning) is failed and has no amount. `id` is a function of order_id, and the
-- provider's idempotency key.
create table payments (
    order_id uuid not null,
    id uuid not null,
    user_id text,
    status payment_status not null,
    payment_method text,
    currency text,
    amount numeric(19, 4),
    transaction_id text,
    gateway_response text,
    failure_reason text,
    failure_detail text,
    -- Set while the provider is called: why the charge is to be stopped, or refunded if that is too late.
    stop_reason text,
    -- The ce_id and ce_time of the InventoryReserved: what the answer's event derives its id from.
    reserved_id uuid,
    reserved_time timestamptz,
    event_sequence bigint not null,
    version integer not null,
    traceparent text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint payments_pkey primary key (order_id),
    constraint payments_amount_check check (amount > 0),
    constraint payments_money_check check ((currency is null) = (amount is null)),
    constraint payments_intent_check check (status = 'failed' or (amount is not null and reserved_id is not null)),
    constraint payments_transaction_check check ((status in ('success', 'refunded')) = (transaction_id is not null)),
    constraint payments_failure_check check ((status = 'failed') = (failure_reason is not null)),
    constraint payments_sequence_check check (event_sequence >= 0 and version > 0)
) with (fillfactor = 50);

-- Open intents are looked for among the newest rows; a BRIN index costs next to nothing and keeps updates HOT.
create index payments_created on payments using brin (created_at);

-- The intent to give money back, and whether it was given. `id` is a function of the payment's id.
create table refunds (
    id uuid not null,
    order_id uuid not null,
    payment_id uuid not null,
    reason text not null,
    currency text not null,
    amount numeric(19, 4) not null,
    -- What asked for it: the refund's event derives its id from this.
    cause_id uuid not null,
    cause_time timestamptz not null,
    done boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint refunds_pkey primary key (id),
    constraint refunds_payment_key unique (payment_id),
    constraint refunds_amount_check check (amount > 0)
) with (fillfactor = 50);

create index refunds_due on refunds (created_at) where not done;

-- Messaging: the same four tables in every service's database.

-- Events that were processed: one id made of (ce_source, ce_id), whose first 48 bits are the event's time in ms.
-- By range of the id, so that a duplicate finds its row whenever it arrives; ids without a time fall into the default.
create table inbox (
    id uuid not null,
    constraint inbox_pkey primary key (id)
) partition by range (id);

create table inbox_default partition of inbox default;

-- Events to be published. Rows live for milliseconds: the table stays small, so vacuum may come often.
create table outbox (
    id bigint generated always as identity,
    shard smallint not null,
    topic text not null,
    key text not null,
    -- A line per header, `name: value`.
    headers text not null,
    payload bytea not null,
    created_at timestamptz not null default now(),
    constraint outbox_pkey primary key (id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_insert_threshold = -1);

-- Events that could not be processed, as they were.
create table dead_letters (
    id bigint generated always as identity,
    topic text not null,
    "partition" integer not null,
    "offset" bigint not null,
    key bytea,
    header_names text[] not null,
    header_values bytea[] not null,
    payload bytea,
    -- A stable code; `detail` is the chain of causes.
    reason text not null,
    detail text not null,
    attempts integer not null,
    parked_at timestamptz not null default now(),
    constraint dead_letters_pkey primary key (id),
    constraint dead_letters_position_key unique (topic, "partition", "offset")
);

-- Who owns which shard. Taking one raises its epoch; whoever believes in an older one writes nothing.
create table shards (
    shard smallint not null,
    epoch bigint not null,
    owner text not null,
    taken_at timestamptz not null,
    constraint shards_pkey primary key (shard),
    constraint shards_epoch_check check (epoch > 0)
) with (fillfactor = 50);
