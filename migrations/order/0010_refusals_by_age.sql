-- Refusals are deleted by their age. BRIN costs next to nothing on rows that are only inserted.
create index refusals_created on refusals using brin (created_at) with (pages_per_range = 32, autosummarize = on);
