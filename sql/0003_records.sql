-- What the door did and why (never for dry runs), and what people changed; both kept a year.

CREATE TABLE IF NOT EXISTS admissions {on_cluster}
(
    at DateTime64(3, 'UTC'),
    cluster LowCardinality(String),
    namespace LowCardinality(String),
    deployment String,
    uid String,
    operation LowCardinality(String),
    subresource LowCardinality(String),
    username String,
    outcome LowCardinality(String),
    reason String,
    before String,
    after String,
    warnings Array(String),
    version UInt32,
    snapshot_age_seconds Float32
)
ENGINE = {MergeTree}
PARTITION BY toYYYYMM(at)
ORDER BY (cluster, at)
TTL toDateTime(at) + INTERVAL 365 DAY;

CREATE TABLE IF NOT EXISTS audit {on_cluster}
(
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    who String,
    via LowCardinality(String),
    address String,
    action LowCardinality(String),
    target String,
    before String,
    after String
)
ENGINE = {MergeTree}
PARTITION BY toYYYYMM(at)
ORDER BY at
TTL toDateTime(at) + INTERVAL 365 DAY;
