-- Conditions of collected values, what they withhold, and what people have accepted.

ALTER TABLE usage_rows {on_cluster} ADD COLUMN IF NOT EXISTS pods_with_container UInt32 DEFAULT pods;

ALTER TABLE usage_rows {on_cluster} ADD COLUMN IF NOT EXISTS pods_coverage Float32 DEFAULT 1;

ALTER TABLE usage_rows {on_cluster} ADD COLUMN IF NOT EXISTS resources_known Bool DEFAULT true;

ALTER TABLE usage_rows {on_cluster} ADD COLUMN IF NOT EXISTS dropped_samples UInt32 DEFAULT 0;

CREATE OR REPLACE VIEW usage_daily {on_cluster} AS
SELECT * FROM usage_rows
WHERE (cluster, day, run) IN (SELECT cluster, day, max(run) FROM usage_days GROUP BY cluster, day);

-- `conditions` is a JSON list, the same on every row of a workload; `withheld` has `field:condition` for each field of this
-- row that a condition withholds, `replicas:condition` on every row of the workload.
ALTER TABLE collected_rows {on_cluster} ADD COLUMN IF NOT EXISTS conditions String DEFAULT '[]';

ALTER TABLE collected_rows {on_cluster} ADD COLUMN IF NOT EXISTS withheld Array(LowCardinality(String)) DEFAULT [];

ALTER TABLE collected_rows {on_cluster} ADD COLUMN IF NOT EXISTS memory_pods UInt32 DEFAULT replicas;

ALTER TABLE collected_rows {on_cluster} ADD COLUMN IF NOT EXISTS node_cpu_millicores UInt32 DEFAULT 4294967295;

ALTER TABLE collected_rows {on_cluster} ADD COLUMN IF NOT EXISTS node_memory_bytes UInt64 DEFAULT 18446744073709551615;

CREATE OR REPLACE VIEW collected {on_cluster} AS
SELECT * FROM collected_rows
WHERE (cluster, run) IN (SELECT cluster, max(run) FROM collected_runs GROUP BY cluster);

-- Append-only: a person accepts a condition of a workload, for good or until an instant, or takes that back.
CREATE TABLE IF NOT EXISTS acceptances {on_cluster}
(
    cluster LowCardinality(String),
    namespace LowCardinality(String),
    deployment String,
    condition LowCardinality(String),
    is_accepted Bool,
    until Nullable(DateTime64(3, 'UTC')),
    note String,
    who String,
    at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY (cluster, namespace, deployment, condition, at);

CREATE VIEW IF NOT EXISTS acceptances_current {on_cluster} AS
SELECT cluster, namespace, deployment, condition, is_accepted, until, note, who, at
FROM acceptances
ORDER BY at DESC
LIMIT 1 BY cluster, namespace, deployment, condition;

-- How many workloads waited for a person after each run of collected values.
CREATE TABLE IF NOT EXISTS waiting_counts {on_cluster}
(
    cluster LowCardinality(String),
    run UInt64,
    workloads UInt32,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY (cluster, run)
TTL toDateTime(at) + INTERVAL 365 DAY;

-- As in 0002, and: a collected value that is withheld, and not accepted, is shown as collected and is not a control value;
-- where fewer replicas are set by hand than were collected, the requests cover the same load with them. NB: of NULL
-- and a number, `least` and `greatest` give the number in new servers and NULL in old ones.
CREATE OR REPLACE VIEW control {on_cluster} AS
WITH
    manual_rows AS
    (
        SELECT cluster, namespace, deployment,
            container,
            cpu_request AS cpu_request_millicores,
            memory_request AS memory_request_bytes,
            cpu_limit AS cpu_limit_millicores,
            memory_limit AS memory_limit_bytes
        FROM manual_current
        ARRAY JOIN
            containers.name AS container,
            containers.cpu_request_millicores AS cpu_request,
            containers.memory_request_bytes AS memory_request,
            containers.cpu_limit_millicores AS cpu_limit,
            containers.memory_limit_bytes AS memory_limit
    ),
    keys AS
    (
        SELECT cluster, namespace, deployment, container FROM collected
        UNION DISTINCT
        SELECT cluster, namespace, deployment, container FROM manual_rows
        UNION DISTINCT
        SELECT cluster, namespace, deployment, '' AS container FROM manual_current
        WHERE (mode != '' OR replicas IS NOT NULL) AND (cluster, namespace, deployment) NOT IN (SELECT cluster, namespace, deployment FROM collected)
            AND empty(containers.name)
    ),
    accepted AS
    (
        SELECT cluster, namespace, deployment, groupArray(toString(condition)) AS conditions
        FROM acceptances_current
        WHERE is_accepted AND (until IS NULL OR until > now64(3, 'UTC'))
        GROUP BY cluster, namespace, deployment
    )
SELECT
    k.cluster AS cluster, k.namespace AS namespace, k.deployment AS deployment, k.container AS container,
    coalesce(nullIf(w.mode, ''), 'enforce') AS mode,
    coalesce(w.version, 0) AS version,
    w.edited_at AS edited_at, coalesce(w.edited_by, '') AS edited_by, coalesce(w.note, '') AS note,
    arrayFilter(
        x -> NOT startsWith(x, 'replicas:') AND NOT has(a.conditions, splitByChar(':', x)[2]),
        arrayMap(x -> toString(x), c.withheld)) AS withheld,
    arrayFilter(x -> NOT has(a.conditions, splitByChar(':', x)[2]), r.withheld) AS withheld_replicas,
    coalesce(w.replicas, if(notEmpty(withheld_replicas), NULL, r.replicas)) AS replicas,
    r.replicas AS collected_replicas, w.replicas AS manual_replicas,
    r.memory_pods AS memory_pods,
    coalesce(w.replicas > 0 AND w.replicas < greatest(r.replicas, r.memory_pods), false) AND NOT hpa AS has_fewer_replicas,
    coalesce(m.cpu_limit_millicores, if(arrayExists(x -> startsWith(x, 'cpu_limit_millicores:'), withheld), NULL, c.cpu_limit_millicores)) AS cpu_limit_millicores,
    c.cpu_limit_millicores AS collected_cpu_limit_millicores,
    m.cpu_limit_millicores AS manual_cpu_limit_millicores,
    coalesce(m.memory_limit_bytes, if(arrayExists(x -> startsWith(x, 'memory_limit_bytes:'), withheld), NULL, c.memory_limit_bytes)) AS memory_limit_bytes,
    c.memory_limit_bytes AS collected_memory_limit_bytes,
    m.memory_limit_bytes AS manual_memory_limit_bytes,
    coalesce(
        m.cpu_request_millicores,
        multiIf(
            c.cpu_request_millicores IS NULL OR arrayExists(x -> startsWith(x, 'cpu_request_millicores:'), withheld), NULL,
            has_fewer_replicas, least(
                greatest(c.cpu_request_millicores, toUInt32(least(ceil(r.replicas * c.cpu_usage_millicores / greatest(w.replicas, 1)), 4294967295))),
                greatest(c.node_cpu_millicores, c.cpu_request_millicores),
                coalesce(cpu_limit_millicores, toUInt32(4294967295))),
            c.cpu_request_millicores)) AS cpu_request_millicores,
    c.cpu_request_millicores AS collected_cpu_request_millicores,
    m.cpu_request_millicores AS manual_cpu_request_millicores,
    coalesce(
        m.memory_request_bytes,
        multiIf(
            c.memory_request_bytes IS NULL OR arrayExists(x -> startsWith(x, 'memory_request_bytes:'), withheld), NULL,
            has_fewer_replicas, least(
                greatest(c.memory_request_bytes, toUInt64(ceil(r.memory_pods * c.memory_usage_bytes / greatest(w.replicas, 1) / 1048576)) * 1048576),
                greatest(c.node_memory_bytes, c.memory_request_bytes),
                coalesce(memory_limit_bytes, toUInt64(18446744073709551615))),
            c.memory_request_bytes)) AS memory_request_bytes,
    c.memory_request_bytes AS collected_memory_request_bytes,
    m.memory_request_bytes AS manual_memory_request_bytes,
    r.peak_day AS peak_day, r.memory_peak_day AS memory_peak_day, coalesce(r.days, 0) AS days,
    coalesce(r.hpa, false) OR coalesce(f.hpa, false) AS hpa,
    coalesce(f.opted_out, false) AS opted_out,
    coalesce(f.owned, false) AS owned,
    coalesce(c.cpu_usage_millicores, 0) AS cpu_usage_millicores,
    coalesce(c.memory_usage_bytes, 0) AS memory_usage_bytes,
    coalesce(c.reasons, CAST([], 'Array(String)')) AS reasons,
    coalesce(r.conditions, '[]') AS conditions,
    a.conditions AS accepted
FROM keys AS k
LEFT JOIN collected AS c USING (cluster, namespace, deployment, container)
LEFT JOIN manual_rows AS m USING (cluster, namespace, deployment, container)
LEFT JOIN manual_current AS w USING (cluster, namespace, deployment)
LEFT JOIN
(
    SELECT cluster, namespace, deployment,
        any(replicas) AS replicas, any(memory_pods) AS memory_pods, any(peak_day) AS peak_day, any(memory_peak_day) AS memory_peak_day,
        any(days) AS days, any(hpa) AS hpa, any(conditions) AS conditions,
        any(arrayFilter(x -> startsWith(x, 'replicas:'), arrayMap(x -> toString(x), withheld))) AS withheld
    FROM collected GROUP BY cluster, namespace, deployment
) AS r USING (cluster, namespace, deployment)
LEFT JOIN facts AS f USING (cluster, namespace, deployment)
LEFT JOIN accepted AS a USING (cluster, namespace, deployment)
SETTINGS join_use_nulls = 1;
