-- A word that the robot of a channel wants to find in every message, such as DingTalk's keyword.
ALTER TABLE channel_versions {on_cluster} ADD COLUMN IF NOT EXISTS keyword String DEFAULT '';

CREATE OR REPLACE VIEW channels {on_cluster} AS
SELECT cluster, channel, version, edit, name, url, service, events, min_minutes, language, enabled, deleted, changed_by,
    changed_at, keyword
FROM channel_versions
WHERE (cluster, channel, version)
    IN (SELECT cluster, channel, max(version) FROM channel_versions GROUP BY cluster, channel)
ORDER BY edit
LIMIT 1 BY cluster, channel;
