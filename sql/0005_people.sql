-- Where a user comes from, API tokens, and what login throttling counts.

-- `local`: a password of KubeDoor's own. `oidc`: the provider's; `subject` is its issuer and its name for the person.
ALTER TABLE user_versions {on_cluster} ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT 'local';
ALTER TABLE user_versions {on_cluster} ADD COLUMN IF NOT EXISTS subject String DEFAULT '';

CREATE OR REPLACE VIEW users {on_cluster} AS
SELECT username, version, edit, password_hash, role, must_change_password, sessions_valid_from, deleted, changed_at,
    source, subject
FROM user_versions
WHERE (username, version) IN (SELECT username, max(version) FROM user_versions GROUP BY username)
ORDER BY edit
LIMIT 1 BY username;

-- Append-only like users: a name's greatest version counts. Only a hash of the token is here.
CREATE TABLE IF NOT EXISTS token_versions {on_cluster}
(
    name String,
    version UInt32,
    edit UUID,
    token_hash String,
    role LowCardinality(String),
    made_by String,
    made_at DateTime64(3, 'UTC'),
    expires_at DateTime64(3, 'UTC'),
    revoked Bool,
    changed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY (name, version)
SETTINGS {deduplication_window} = 10000;

CREATE VIEW IF NOT EXISTS tokens {on_cluster} AS
SELECT * FROM token_versions
WHERE (name, version) IN (SELECT name, max(version) FROM token_versions GROUP BY name)
ORDER BY edit
LIMIT 1 BY name;

-- Attempts to log in that were let through to the password check. A success sets the account's count back.
CREATE TABLE IF NOT EXISTS login_attempts {on_cluster}
(
    at DateTime64(3, 'UTC'),
    account String,
    address String,
    succeeded Bool
)
ENGINE = {MergeTree}
ORDER BY at
TTL toDateTime(at) + INTERVAL 1 DAY;
