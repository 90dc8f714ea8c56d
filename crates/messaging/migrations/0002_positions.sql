-- What the service remembers of positions in its inputs, so that it notices a database that was put back, a topic that was deleted
-- and created again, and messages that were deleted before they were read. The nil id (`00000000-...`) is an unknown topic id.

-- How far each partition was consumed: written in the transaction of each batch. The group's committed offset is written later and so
-- is never ahead of this one.
create table consumed_positions (
    topic text not null,
    "partition" integer not null,
    -- Kafka's id of the topic: a topic that is deleted and created again gets another one.
    topic_id uuid not null default '00000000-0000-0000-0000-000000000000',
    next_offset bigint not null,
    recorded_at timestamptz not null default now(),
    -- Why the service refuses to read this partition. Null: it reads.
    refused text,
    -- A person's answer to that: read on from this position (`database`) or from the group's committed offset (`group`).
    accepted text,
    constraint consumed_positions_pkey primary key (topic, "partition"),
    constraint consumed_positions_offset_check check (next_offset >= 0),
    constraint consumed_positions_accepted_check check (accepted in ('database', 'group'))
) with (fillfactor = 50);

-- Messages that were deleted from their topic before this service read them. Rows stay; `accepted_at` says that a person knows.
create table skipped_offsets (
    topic text not null,
    "partition" integer not null,
    topic_id uuid not null,
    from_offset bigint not null,
    -- Exclusive.
    end_offset bigint not null,
    noticed_at timestamptz not null default now(),
    accepted_at timestamptz,
    constraint skipped_offsets_pkey primary key (topic, "partition", topic_id, from_offset),
    constraint skipped_offsets_range_check check (end_offset > from_offset)
);

-- The topic's id belongs to the position of a dead letter. `dead_letters_position_key` stays until no instance of the release before
-- runs any more: its statement names the columns of that constraint.
alter table dead_letters add column topic_id uuid not null default '00000000-0000-0000-0000-000000000000';
alter table dead_letters add constraint dead_letters_topic_position_key unique (topic, topic_id, "partition", "offset");
