-- Fails a statement whose assumptions about rows that it read before do not hold any more. Called by such a statement only, in
-- the branch of a `case`: so it costs nothing as long as all rows are as they were read.
create function minuet_conflict(at_table text) returns integer language plpgsql as $$
begin
    raise exception 'a row of % was changed since it was read', at_table using errcode = 'MN001', table = at_table;
end
$$;
