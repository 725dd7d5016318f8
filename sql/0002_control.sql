-- Collected and manual values, one writer each; the view `control` lays the one over the other, field by field.

CREATE TABLE IF NOT EXISTS collected_rows {on_cluster}
(
    cluster LowCardinality(String),
    run UInt64,
    namespace LowCardinality(String),
    deployment String,
    container String,
    replicas UInt32,
    peak_day Date,
    memory_peak_day Date,
    days UInt32,
    hpa Bool,
    cpu_request_millicores Nullable(UInt32),
    memory_request_bytes Nullable(UInt64),
    cpu_limit_millicores Nullable(UInt32),
    memory_limit_bytes Nullable(UInt64),
    cpu_usage_millicores UInt32,
    memory_usage_bytes UInt64,
    reasons Array(String)
)
ENGINE = {MergeTree}
ORDER BY (cluster, run, namespace, deployment, container);

-- As with usage_days: the line that makes the rows of a run visible, all at once.
CREATE TABLE IF NOT EXISTS collected_runs {on_cluster}
(
    cluster LowCardinality(String),
    run UInt64,
    sizing_rule LowCardinality(String),
    row_count UInt32,
    refreshed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {MergeTree}
ORDER BY (cluster, run);

CREATE VIEW IF NOT EXISTS collected {on_cluster} AS
SELECT * FROM collected_rows
WHERE (cluster, run) IN (SELECT cluster, max(run) FROM collected_runs GROUP BY cluster);

-- Append-only: one row per edit of a workload. Of two edits of one version the server keeps the first: both carry the
-- same insert_deduplication_token, and the second insert is dropped.
CREATE TABLE IF NOT EXISTS manual {on_cluster}
(
    cluster LowCardinality(String),
    namespace LowCardinality(String),
    deployment String,
    version UInt32,
    edit UUID,
    edited_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    edited_by String,
    note String,
    mode LowCardinality(String),
    replicas Nullable(UInt32),
    containers Nested
    (
        name String,
        cpu_request_millicores Nullable(UInt32),
        memory_request_bytes Nullable(UInt64),
        cpu_limit_millicores Nullable(UInt32),
        memory_limit_bytes Nullable(UInt64)
    )
)
ENGINE = {MergeTree}
ORDER BY (cluster, namespace, deployment, version)
SETTINGS {deduplication_window} = 10000;

CREATE VIEW IF NOT EXISTS manual_current {on_cluster} AS
SELECT * FROM manual
WHERE (cluster, namespace, deployment, version)
    IN (SELECT cluster, namespace, deployment, max(version) FROM manual GROUP BY cluster, namespace, deployment)
ORDER BY edit
LIMIT 1 BY cluster, namespace, deployment;

-- What has been learnt about a Deployment that a Scale does not show: labels, owner, HPA. The newest word counts.
CREATE TABLE IF NOT EXISTS workload_facts {on_cluster}
(
    cluster LowCardinality(String),
    namespace LowCardinality(String),
    deployment String,
    fact LowCardinality(String),
    holds Bool,
    seen_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    seen_by LowCardinality(String)
)
ENGINE = {ReplacingMergeTree(seen_at)}
ORDER BY (cluster, namespace, deployment, fact);

CREATE VIEW IF NOT EXISTS facts {on_cluster} AS
SELECT cluster, namespace, deployment,
    countIf(fact = 'opted_out' AND newest) > 0 AS opted_out,
    countIf(fact = 'owned' AND newest) > 0 AS owned,
    countIf(fact = 'hpa' AND newest) > 0 AS hpa,
    maxIf(seen, fact = 'hpa') AS hpa_seen_at,
    max(seen) AS seen_at
FROM
(
    SELECT cluster, namespace, deployment, fact, argMax(holds, seen_at) AS newest, max(seen_at) AS seen
    FROM workload_facts
    GROUP BY cluster, namespace, deployment, fact
)
GROUP BY cluster, namespace, deployment;

-- One row per container of every workload that has a collected or a manual value; container '' where a manual value
-- is only about the workload and nothing was collected.
CREATE VIEW IF NOT EXISTS control {on_cluster} AS
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
    )
SELECT
    k.cluster AS cluster, k.namespace AS namespace, k.deployment AS deployment, k.container AS container,
    coalesce(nullIf(w.mode, ''), 'enforce') AS mode,
    coalesce(w.version, 0) AS version,
    w.edited_at AS edited_at, coalesce(w.edited_by, '') AS edited_by, coalesce(w.note, '') AS note,
    coalesce(w.replicas, r.replicas) AS replicas,
    r.replicas AS collected_replicas, w.replicas AS manual_replicas,
    coalesce(m.cpu_request_millicores, c.cpu_request_millicores) AS cpu_request_millicores,
    c.cpu_request_millicores AS collected_cpu_request_millicores,
    m.cpu_request_millicores AS manual_cpu_request_millicores,
    coalesce(m.memory_request_bytes, c.memory_request_bytes) AS memory_request_bytes,
    c.memory_request_bytes AS collected_memory_request_bytes,
    m.memory_request_bytes AS manual_memory_request_bytes,
    coalesce(m.cpu_limit_millicores, c.cpu_limit_millicores) AS cpu_limit_millicores,
    c.cpu_limit_millicores AS collected_cpu_limit_millicores,
    m.cpu_limit_millicores AS manual_cpu_limit_millicores,
    coalesce(m.memory_limit_bytes, c.memory_limit_bytes) AS memory_limit_bytes,
    c.memory_limit_bytes AS collected_memory_limit_bytes,
    m.memory_limit_bytes AS manual_memory_limit_bytes,
    r.peak_day AS peak_day, r.memory_peak_day AS memory_peak_day, coalesce(r.days, 0) AS days,
    coalesce(r.hpa, false) OR coalesce(f.hpa, false) AS hpa,
    coalesce(f.opted_out, false) AS opted_out,
    coalesce(f.owned, false) AS owned,
    coalesce(c.cpu_usage_millicores, 0) AS cpu_usage_millicores,
    coalesce(c.memory_usage_bytes, 0) AS memory_usage_bytes,
    coalesce(c.reasons, CAST([], 'Array(String)')) AS reasons
FROM keys AS k
LEFT JOIN collected AS c USING (cluster, namespace, deployment, container)
LEFT JOIN manual_rows AS m USING (cluster, namespace, deployment, container)
LEFT JOIN manual_current AS w USING (cluster, namespace, deployment)
LEFT JOIN
(
    SELECT cluster, namespace, deployment,
        any(replicas) AS replicas, any(peak_day) AS peak_day, any(memory_peak_day) AS memory_peak_day,
        any(days) AS days, any(hpa) AS hpa
    FROM collected GROUP BY cluster, namespace, deployment
) AS r USING (cluster, namespace, deployment)
LEFT JOIN facts AS f USING (cluster, namespace, deployment)
SETTINGS join_use_nulls = 1;
