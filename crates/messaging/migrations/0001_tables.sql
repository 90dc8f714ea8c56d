-- The tables of this library. Every name is unqualified: they lie in the schema that the service's own tables lie in.
--
-- Releases up to 0.1 had these tables in the migrations of each service. `if not exists` leaves such tables, with their rows,
-- as they are; the check at the end makes sure that they have the shape that a fresh database gets.

-- Events that were processed: one id made of (ce_source, ce_id), whose first 48 bits are the event's time in ms.
-- By range of the id, so that a duplicate finds its row whenever it arrives; ids without a time fall into the default.
create table if not exists inbox (
    id uuid not null,
    -- The day of the claim: the row is kept long enough, however old its id.
    claimed_on date not null default current_date,
    constraint inbox_pkey primary key (id)
) partition by range (id);

create table if not exists inbox_default partition of inbox default;

-- Events to be published. Rows live for milliseconds: the table stays small, so vacuum may come often. Giving the table's empty
-- tail back to the system takes an exclusive lock, for which every batch would wait.
create table if not exists outbox (
    id bigint generated always as identity,
    shard smallint not null,
    topic text not null,
    key text not null,
    -- A line per header, `name: value`.
    headers text not null,
    payload bytea not null,
    created_at timestamptz not null default now(),
    constraint outbox_pkey primary key (id)
) with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_threshold = -1,
    vacuum_truncate = off,
    toast.vacuum_truncate = off
);

-- Events that could not be processed, with their original bytes. A row goes when its event is redriven; a discarded one stays.
create table if not exists dead_letters (
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
    -- The id that was claimed in the inbox when the event was parked. Null: no id could be read.
    inbox_id uuid,
    -- The timestamp of the message, and whether the row has all of its headers.
    message_time timestamptz not null default now(),
    headers_readable boolean not null default true,
    -- Later events of the same topic and key wait behind this one, in the order of their ids.
    in_order boolean not null default false,
    -- An admin has asked for it to be redriven: the owner of its shard does it.
    redrive boolean not null default false,
    discarded_at timestamptz,
    discarded_by text,
    discard_reason text,
    constraint dead_letters_pkey primary key (id),
    constraint dead_letters_position_key unique (topic, "partition", "offset"),
    constraint dead_letters_discard_check check (num_nulls(discarded_at, discarded_by, discard_reason) in (0, 3))
);

-- Every batch looks here: as long as no event waits, the index is empty.
create index if not exists dead_letters_in_order on dead_letters (topic, key) where in_order and discarded_at is null;
create index if not exists dead_letters_redrive on dead_letters (id) where redrive;

-- Which instance owns which shard. Taking a shard raises its epoch; an instance with an older epoch writes nothing.
create table if not exists shards (
    shard smallint not null,
    epoch bigint not null,
    owner text not null,
    taken_at timestamptz not null,
    -- The sweeper of the shard has decided everything that was due until then.
    swept_until timestamptz,
    constraint shards_pkey primary key (shard),
    constraint shards_epoch_check check (epoch > 0)
) with (fillfactor = 50);

-- A table of the same name that this library did not make would be found out event by event. Found out here, the migration
-- fails, changes nothing, and says which column is different.
do $$
declare
    differences text;
begin
    with expected ("table", "column", type) as (
        values
            ('inbox', 'id', 'uuid not null'),
            ('inbox', 'claimed_on', 'date not null'),
            ('outbox', 'id', 'bigint not null'),
            ('outbox', 'shard', 'smallint not null'),
            ('outbox', 'topic', 'text not null'),
            ('outbox', 'key', 'text not null'),
            ('outbox', 'headers', 'text not null'),
            ('outbox', 'payload', 'bytea not null'),
            ('outbox', 'created_at', 'timestamp with time zone not null'),
            ('dead_letters', 'id', 'bigint not null'),
            ('dead_letters', 'topic', 'text not null'),
            ('dead_letters', 'partition', 'integer not null'),
            ('dead_letters', 'offset', 'bigint not null'),
            ('dead_letters', 'key', 'bytea'),
            ('dead_letters', 'header_names', 'text[] not null'),
            ('dead_letters', 'header_values', 'bytea[] not null'),
            ('dead_letters', 'payload', 'bytea'),
            ('dead_letters', 'reason', 'text not null'),
            ('dead_letters', 'detail', 'text not null'),
            ('dead_letters', 'attempts', 'integer not null'),
            ('dead_letters', 'parked_at', 'timestamp with time zone not null'),
            ('dead_letters', 'inbox_id', 'uuid'),
            ('dead_letters', 'message_time', 'timestamp with time zone not null'),
            ('dead_letters', 'headers_readable', 'boolean not null'),
            ('dead_letters', 'in_order', 'boolean not null'),
            ('dead_letters', 'redrive', 'boolean not null'),
            ('dead_letters', 'discarded_at', 'timestamp with time zone'),
            ('dead_letters', 'discarded_by', 'text'),
            ('dead_letters', 'discard_reason', 'text'),
            ('shards', 'shard', 'smallint not null'),
            ('shards', 'epoch', 'bigint not null'),
            ('shards', 'owner', 'text not null'),
            ('shards', 'taken_at', 'timestamp with time zone not null'),
            ('shards', 'swept_until', 'timestamp with time zone')
    ),
    actual ("table", "column", type) as (
        select c.relname::text, a.attname::text,
               format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
        from pg_attribute a
        join pg_class c on c.oid = a.attrelid
        where c.oid in ('inbox'::regclass, 'outbox'::regclass, 'dead_letters'::regclass, 'shards'::regclass)
          and a.attnum > 0 and not a.attisdropped
    )
    select string_agg(
               format('%s.%s is %s instead of %s', "table", "column", coalesce(a.type, 'missing'), coalesce(e.type, 'absent')),
               '; ' order by "table", "column"
           )
    into differences
    from expected e
    full join actual a using ("table", "column")
    where e.type is distinct from a.type;

    if differences is not null then
        raise exception 'a table exists already, but not as minuet-messaging makes it: %', differences
            using hint = 'Give the service a database, or a schema, of its own.';
    end if;
end
$$;
