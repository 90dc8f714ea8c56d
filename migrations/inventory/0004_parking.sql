-- What holds back what comes later, and what became of it. A letter that was redriven is deleted; one that was discarded stays.
alter table dead_letters
    -- Claimed in the inbox when it was parked. Null: nothing could be read that has an id.
    add column inbox_id uuid,
    -- The timestamp of the message, and whether all of its headers are here.
    add column message_time timestamptz not null default now(),
    add column headers_readable boolean not null default true,
    -- Later events of the same topic and key wait behind it, in the order of their ids.
    add column in_order boolean not null default false,
    -- Somebody has asked for it to be redriven: the owner of its shard does it.
    add column redrive boolean not null default false,
    add column discarded_at timestamptz,
    add column discarded_by text,
    add column discard_reason text,
    add constraint dead_letters_discard_check check (num_nulls(discarded_at, discarded_by, discard_reason) in (0, 3));

-- Looked into by every batch: nothing is in it as long as nothing waits.
create index dead_letters_in_order on dead_letters (topic, key) where in_order and discarded_at is null;
create index dead_letters_redrive on dead_letters (id) where redrive;

-- When the id was claimed, so that nothing is forgotten too early, however old its id.
alter table inbox add column claimed_on date not null default current_date;
