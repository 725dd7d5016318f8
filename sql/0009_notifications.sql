-- Notification channels, append-only like schedules, and the messages sent to them.
CREATE TABLE IF NOT EXISTS channel_versions {on_cluster}
(
    cluster LowCardinality(String),
    channel String,
    version UInt32,
    edit UUID,
    name String,
    url String,
    service LowCardinality(String),
    events Array(LowCardinality(String)),
    min_minutes UInt32,
    language LowCardinality(String),
    enabled Bool,
    deleted Bool,
    changed_by String,
    changed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY (cluster, channel, version)
SETTINGS {deduplication_window} = 10000;

CREATE VIEW IF NOT EXISTS channels {on_cluster} AS
SELECT * FROM channel_versions
WHERE (cluster, channel, version)
    IN (SELECT cluster, channel, max(version) FROM channel_versions GROUP BY cluster, channel)
ORDER BY edit
LIMIT 1 BY cluster, channel;

-- Who writes a number first sends that message, so that two pods send it once. What lies after `since` and not after
-- `until` is in it; what could not be sent is in the next one.
CREATE TABLE IF NOT EXISTS channel_messages {on_cluster}
(
    cluster LowCardinality(String),
    channel String,
    stream LowCardinality(String),
    number UInt32,
    message UUID,
    since DateTime64(3, 'UTC'),
    until DateTime64(3, 'UTC'),
    notices UInt32,
    title String,
    begun_at DateTime64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY (cluster, channel, stream, number)
SETTINGS {deduplication_window} = 10000;

CREATE TABLE IF NOT EXISTS channel_results {on_cluster}
(
    cluster LowCardinality(String),
    message UUID,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    ok Bool,
    detail String
)
ENGINE = {MergeTree}
ORDER BY (cluster, message)
TTL toDateTime(at) + INTERVAL 365 DAY;
