-- The total that the customer saw, as submitted. An order that would cost anything else is rejected; both amounts are in its problems.
alter table orders
    add column expected_total numeric(19, 4),
    add column expected_currency text,
    add constraint orders_expected_check check ((expected_total is null) = (expected_currency is null));
