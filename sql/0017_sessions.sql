-- Sessions that have ended before their time, because somebody logged out. Kept longer than any session lasts (30 days).
CREATE TABLE IF NOT EXISTS ended_sessions {on_cluster}
(
    session String,
    ended_at DateTime64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY session
TTL toDateTime(ended_at) + INTERVAL 31 DAY;
