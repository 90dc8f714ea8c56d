-- The sweeper looks for reservations by when they expire. BRIN costs next to nothing, and expires_at never changes: updates
-- stay HOT.
create index order_reservations_expires on order_reservations using brin (expires_at) with (pages_per_range = 32, autosummarize = on);

-- Until when the sweeper of a shard has nothing left to look for.
alter table shards add column swept_until timestamptz;
