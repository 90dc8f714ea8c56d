-- The orders that have earned points.
create table rewards (
    order_id text not null,
    user_id text not null,
    points bigint not null,
    constraint rewards_pkey primary key (order_id)
);

-- A user's points: the sum of their rewards.
create table accounts (
    user_id text not null,
    points bigint not null,
    constraint accounts_pkey primary key (user_id),
    constraint accounts_points_check check (points >= 0)
);
