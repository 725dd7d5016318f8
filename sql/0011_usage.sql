-- Where a day is from, so that days of another source count as missing; and whether anybody could say who had an HPA,
-- which is not the same as none. What is there already keeps what it says.

ALTER TABLE usage_days {on_cluster} ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '';

ALTER TABLE usage_rows {on_cluster} ADD COLUMN IF NOT EXISTS hpa_known Bool DEFAULT true;

CREATE OR REPLACE VIEW usage_daily {on_cluster} AS
SELECT * FROM usage_rows
WHERE (cluster, day, run) IN (SELECT cluster, day, max(run) FROM usage_days GROUP BY cluster, day);
