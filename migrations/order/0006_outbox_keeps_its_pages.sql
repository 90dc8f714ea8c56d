-- The outbox fills and empties all the time. Giving its empty tail back to the system takes an exclusive lock, for which every
-- batch waits; the pages are filled again a moment later.
alter table outbox set (vacuum_truncate = off, toast.vacuum_truncate = off);
