-- What operators do to workloads in the cluster: actions, and what became of each of their items, event by event.
--
-- A line of `actions` is written only if nobody else has written its number: compare-and-set on the set of actions, so
-- that of two actions on one workload at one moment exactly one starts. Numbers must never come again: no TTL here.
CREATE TABLE IF NOT EXISTS actions {on_cluster}
(
    cluster LowCardinality(String),
    number UInt32,
    action String,
    asked_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    who String,
    via LowCardinality(String),
    address String,
    wish String
)
ENGINE = {MergeTree}
ORDER BY (cluster, number)
SETTINGS {deduplication_window} = 10000;

CREATE TABLE IF NOT EXISTS action_events {on_cluster}
(
    cluster LowCardinality(String),
    action String,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    event LowCardinality(String),
    namespace LowCardinality(String),
    deployment String,
    detail String
)
ENGINE = {MergeTree}
ORDER BY (cluster, action, at)
TTL toDateTime(at) + INTERVAL 365 DAY;

-- When whoever does an action last said that it is alive; an action that falls silent has been interrupted.
CREATE TABLE IF NOT EXISTS action_beats {on_cluster}
(
    cluster LowCardinality(String),
    action String,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {ReplacingMergeTree(at)}
ORDER BY (cluster, action)
TTL toDateTime(at) + INTERVAL 365 DAY;
