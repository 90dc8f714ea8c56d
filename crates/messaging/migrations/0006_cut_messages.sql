-- A parked message that is too large to be kept whole: key, headers and payload are its beginning, and these tell the whole.
-- It can be read again from its topic, at its position.
alter table dead_letters
    add column original_bytes bigint,
    add column original_hash bytea,
    add constraint dead_letters_original_check check (num_nulls(original_bytes, original_hash) in (0, 2));
