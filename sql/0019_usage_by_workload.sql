-- The same rows as `usage_rows`, by workload: a year of one workload is a few blocks of this table, and a block of every
-- day of that one. All columns of a part are in one file, as all are read. A column that is added to `usage_rows` is
-- added here too, and the view below is made anew. What is older than a year is left out by its readers and goes with
-- the rest of its quarter.

CREATE TABLE IF NOT EXISTS usage_by_workload {on_cluster}
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
    hpa Bool,
    hpa_known Bool,
    pods_with_container UInt32,
    pods_coverage Float32,
    resources_known Bool,
    dropped_samples UInt32
)
ENGINE = {MergeTree}
PARTITION BY toStartOfQuarter(day)
ORDER BY (cluster, namespace, deployment, day, container, run)
TTL day + INTERVAL 365 DAY
SETTINGS index_granularity = 512, ttl_only_drop_parts = 1, min_rows_for_wide_part = 1000000000000,
    min_bytes_for_wide_part = 1000000000000;

CREATE MATERIALIZED VIEW IF NOT EXISTS usage_by_workload_filled {on_cluster} TO usage_by_workload AS
SELECT cluster, day, run, namespace, deployment, container, pods, cpu_p95_millicores, cpu_p95_hottest_millicores,
    memory_p95_bytes, memory_p95_hottest_bytes, memory_max_bytes, cpu_quantiles_millicores, memory_quantiles_bytes,
    cpu_request_millicores, memory_request_bytes, cpu_limit_millicores, memory_limit_bytes, throttled_share, oom_kills,
    coverage, hpa, hpa_known, pods_with_container, pods_coverage, resources_known, dropped_samples
FROM usage_rows;

-- Whether the rows of this run are there: a day that was stored before this migration is read from `usage_rows`.
ALTER TABLE usage_days {on_cluster} ADD COLUMN IF NOT EXISTS is_by_workload Bool DEFAULT false;
