-- Kafka's time of the message that the row shows: between partitions the newer message decides. The producer's time
-- (event_time) did before, and one of a wrong clock held the price until that time: such a row counts as of now.
-- The default is for rows of the release before, which runs beside this one during an upgrade.
alter table products add column source_time timestamptz not null default now();
update products set source_time = event_time where event_time < source_time;
