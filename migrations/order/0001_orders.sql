create type order_status as enum ('pending', 'paid', 'confirmed', 'cancelled', 'failed');

-- One row per order from first sight. A tombstone (a cancellation that came before its order) has status cancelled, no
-- user and its withdrawals. No index over what changes, and room in each page: so that updates are HOT.
create table orders (
    id uuid not null,
    user_id text,
    status order_status not null,
    payment_method text,
    currency text,
    total numeric(19, 4),
    payment_id uuid,
    -- [{sku, name, unit_price, quantity, subtotal}]: of a rejected order only sku and quantity.
    lines json,
    -- [{code, sku?, detail}] of a rejected or failed order.
    problems json,
    reason text,
    detail text,
    -- [{requested_by, reason}] of a tombstone.
    withdrawals json,
    -- The ce_sequence of the order's last event.
    event_sequence bigint not null,
    version integer not null,
    -- The ce_id and ce_time of the OrderSubmitted: what the deadline's event derives its id from.
    submission_id uuid,
    submission_time timestamptz,
    traceparent text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint orders_pkey primary key (id),
    constraint orders_total_check check (total > 0),
    constraint orders_money_check check ((currency is null) = (total is null)),
    constraint orders_priced_check check (status not in ('pending', 'paid', 'confirmed') or total is not null),
    constraint orders_tombstone_check check (user_id is not null or (status = 'cancelled' and withdrawals is not null)),
    constraint orders_sequence_check check (event_sequence >= 0 and version > 0)
) with (fillfactor = 50);

-- A user's orders, newest first.
create index orders_user on orders (user_id, created_at desc, id desc);

-- The product view. `source_*`: where the ProductChanged lay that the row shows.
create table products (
    sku text not null,
    name text not null,
    currency text not null,
    unit_price numeric(19, 4) not null,
    active boolean not null,
    event_id uuid not null,
    event_time timestamptz not null,
    source_partition integer not null,
    source_offset bigint not null,
    constraint products_pkey primary key (sku),
    constraint products_price_check check (unit_price >= 0)
) with (fillfactor = 70);

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
