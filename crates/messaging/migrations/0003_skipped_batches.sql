-- Batches of records that cannot be unpacked, and that a person decided to skip. The owner of the shard does so once it stands
-- at the offset and cannot read on; a request for any other offset changes nothing.
create table skipped_batches (
    id bigint generated always as identity,
    topic text not null,
    "partition" integer not null,
    "offset" bigint not null,
    -- The first offset after the batch. Null: the service finds it out.
    until_offset bigint,
    requested_at timestamptz not null default now(),
    requested_by text not null,
    reason text not null,
    skipped_at timestamptz,
    constraint skipped_batches_pkey primary key (id),
    constraint skipped_batches_until_check check (until_offset > "offset"),
    constraint skipped_batches_skipped_check check (skipped_at is null or until_offset is not null)
);

create index skipped_batches_open on skipped_batches (topic, "partition", "offset") where skipped_at is null;
