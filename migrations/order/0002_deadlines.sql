-- The sweeper looks for orders by their age. BRIN costs next to nothing, and created_at never changes: updates stay HOT.
create index orders_created on orders using brin (created_at) with (pages_per_range = 32, autosummarize = on);

-- Until when the sweeper of a shard has nothing left to look for.
alter table shards add column swept_until timestamptz;
