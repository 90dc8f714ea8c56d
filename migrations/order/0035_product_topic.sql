-- The topic's id belongs to the position that a product's row comes from: on a topic that was deleted and created again old offsets
-- mean nothing. Nil: written by a release that did not know it; then Kafka's time decides, as between partitions.
alter table products add column source_topic_id uuid not null default '00000000-0000-0000-0000-000000000000';
