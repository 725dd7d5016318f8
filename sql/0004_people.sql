-- Users, append-only like `manual`: the greatest version of a name counts, and of two edits of one version one wins.

CREATE TABLE IF NOT EXISTS user_versions {on_cluster}
(
    username String,
    version UInt32,
    edit UUID,
    password_hash String,
    role LowCardinality(String),
    must_change_password Bool,
    sessions_valid_from DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    deleted Bool,
    changed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY (username, version)
SETTINGS {deduplication_window} = 10000;

CREATE VIEW IF NOT EXISTS users {on_cluster} AS
SELECT * FROM user_versions
WHERE (username, version) IN (SELECT username, max(version) FROM user_versions GROUP BY username)
ORDER BY edit
LIMIT 1 BY username;

-- Keys that all pods share, such as the one that session cookies are signed with; the first one written stays.
CREATE TABLE IF NOT EXISTS shared_keys {on_cluster}
(
    name String,
    value String,
    made_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY name
SETTINGS {deduplication_window} = 100;
