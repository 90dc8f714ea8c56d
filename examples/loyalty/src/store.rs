//! The SQL. Each statement is for a whole batch, and takes its rows in the order of their keys: so that no two batches deadlock.

use std::collections::HashSet;

use sqlx::{Error, PgConnection};

use crate::contract::PointsEarned;

/// Those of these orders that have earned points.
pub async fn rewarded(connection: &mut PgConnection, orders: Vec<String>) -> Result<HashSet<String>, Error> {
    let found = sqlx::query_scalar("select order_id from rewards where order_id = any($1)").bind(orders);
    Ok(found.fetch_all(connection).await?.into_iter().collect())
}

pub async fn write(connection: &mut PgConnection, rewards: &[PointsEarned]) -> Result<(), Error> {
    sqlx::query(
        "with earned as (
             insert into rewards (order_id, user_id, points)
             select * from unnest($1::text[], $2::text[], $3::bigint[])
             returning user_id, points
         )
         insert into accounts (user_id, points)
         select user_id, sum(points) from earned group by user_id order by user_id
         on conflict (user_id) do update set points = accounts.points + excluded.points",
    )
    .bind(rewards.iter().map(|earned| earned.order_id.as_str()).collect::<Vec<_>>())
    .bind(rewards.iter().map(|earned| earned.user_id.as_str()).collect::<Vec<_>>())
    .bind(rewards.iter().map(|earned| earned.points).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
