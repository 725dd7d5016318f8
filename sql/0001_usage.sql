-- What was used and asked for, one row per container and day, and which collection of a day counts.
--
-- A collection writes its rows under a run number of its own and then one line into usage_days: that line makes them
-- visible, all at once. The greatest run of a day wins, so a collection that dies half-way leaves nothing to see, and
-- two at once leave one day and not two.

CREATE TABLE IF NOT EXISTS usage_rows {on_cluster}
(
    cluster LowCardinality(String),
    day Date,
    run UInt64,
    namespace LowCardinality(String),
    deployment String,
    container String,
    pods UInt32,
    cpu_p95_millicores UInt32,
    cpu_p95_hottest_millicores UInt32,
    memory_p95_bytes UInt64,
    memory_p95_hottest_bytes UInt64,
    memory_max_bytes UInt64,
    cpu_quantiles_millicores Array(UInt32),
    memory_quantiles_bytes Array(UInt64),
    cpu_request_millicores Nullable(UInt32),
    memory_request_bytes Nullable(UInt64),
    cpu_limit_millicores Nullable(UInt32),
    memory_limit_bytes Nullable(UInt64),
    throttled_share Nullable(Float32),
    oom_kills UInt32,
    coverage Float32,
    hpa Bool
)
ENGINE = {MergeTree}
PARTITION BY toYYYYMM(day)
ORDER BY (cluster, day, run, namespace, deployment, container)
TTL day + INTERVAL 365 DAY;

CREATE TABLE IF NOT EXISTS usage_days {on_cluster}
(
    cluster LowCardinality(String),
    day Date,
    run UInt64,
    windows String,
    row_count UInt32,
    coverage Float32,
    is_partial Bool,
    warnings Array(String),
    seconds Float32,
    finished_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY (cluster, day, run)
TTL day + INTERVAL 365 DAY;

CREATE VIEW IF NOT EXISTS usage_daily {on_cluster} AS
SELECT * FROM usage_rows
WHERE (cluster, day, run) IN (SELECT cluster, day, max(run) FROM usage_days GROUP BY cluster, day);

-- What happened in collections, event by event; a collection's state is derived from it.
CREATE TABLE IF NOT EXISTS collection_events {on_cluster}
(
    cluster LowCardinality(String),
    collection String,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    event LowCardinality(String),
    day Nullable(Date),
    row_count UInt32,
    coverage Float32,
    seconds Float32,
    message String
)
ENGINE = {MergeTree}
ORDER BY (cluster, collection, at)
TTL toDateTime(at) + INTERVAL 365 DAY;
