-- A refund that the provider refuses is tried again, and after a bounded time handed to a person.
alter table refunds add column attempts integer not null default 0;
alter table refunds add column parked_reason text;
alter table refunds add constraint refunds_attempts_check check (attempts >= 0);

-- Until when the sweeper of a shard has nothing left to look for. Payments have none yet: one shape of the table everywhere.
alter table shards add column swept_until timestamptz;
