-- Schedules, append-only like users: the greatest version counts. Of the token a ping comes with there is only a hash.
CREATE TABLE IF NOT EXISTS schedule_versions {on_cluster}
(
    cluster LowCardinality(String),
    schedule String,
    version UInt32,
    edit UUID,
    name String,
    wish String,
    cron String,
    at Nullable(DateTime64(3, 'UTC')),
    time_zone LowCardinality(String),
    return_after_minutes UInt32,
    parent String,
    paused Bool,
    deleted Bool,
    token_hash String,
    made_by String,
    changed_by String,
    changed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY (cluster, schedule, version)
SETTINGS {deduplication_window} = 10000;

CREATE VIEW IF NOT EXISTS schedules {on_cluster} AS
SELECT * FROM schedule_versions
WHERE (cluster, schedule, version)
    IN (SELECT cluster, schedule, max(version) FROM schedule_versions GROUP BY cluster, schedule)
ORDER BY edit
LIMIT 1 BY cluster, schedule;

-- One row per run that was due: whoever writes it first runs it, so that two pods run it once.
CREATE TABLE IF NOT EXISTS schedule_runs {on_cluster}
(
    cluster LowCardinality(String),
    schedule String,
    due DateTime64(3, 'UTC'),
    run UUID,
    begun_by LowCardinality(String),
    begun_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY (cluster, schedule, due)
TTL toDateTime(due) + INTERVAL 365 DAY
SETTINGS {deduplication_window} = 10000;

-- What became of a run: the action that it started, or why it did not start one.
CREATE TABLE IF NOT EXISTS schedule_results {on_cluster}
(
    cluster LowCardinality(String),
    run UUID,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    action String,
    message String
)
ENGINE = {MergeTree}
ORDER BY (cluster, run)
TTL toDateTime(at) + INTERVAL 365 DAY;
