-- Beside each sentence its code and parameters as JSON, {"code", "parameters"}, from which other languages are made;
-- empty, or none, where the row is older or the sentence has no code. Of a list of sentences: one for each.

ALTER TABLE collected_rows {on_cluster} ADD COLUMN IF NOT EXISTS reasons_said Array(String) DEFAULT [];

ALTER TABLE usage_days {on_cluster} ADD COLUMN IF NOT EXISTS warnings_said Array(String) DEFAULT [];

ALTER TABLE collection_events {on_cluster} ADD COLUMN IF NOT EXISTS message_said String DEFAULT '';

ALTER TABLE schedule_results {on_cluster} ADD COLUMN IF NOT EXISTS message_said String DEFAULT '';

ALTER TABLE channel_results {on_cluster} ADD COLUMN IF NOT EXISTS detail_said String DEFAULT '';

ALTER TABLE admissions {on_cluster} ADD COLUMN IF NOT EXISTS reason_said String DEFAULT '';

ALTER TABLE admissions {on_cluster} ADD COLUMN IF NOT EXISTS warnings_said Array(String) DEFAULT [];

CREATE OR REPLACE VIEW collected {on_cluster} AS
SELECT * FROM collected_rows
WHERE (cluster, run) IN (SELECT cluster, max(run) FROM collected_runs GROUP BY cluster);

-- As in 0013, with `reasons_said`.
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
    multiIf(
        coalesce(f.hpa, false), true,
        f.hpa_seen_at >= coalesce(hpa_known_at, toDateTime64(0, 3, 'UTC')), false,
        coalesce(r.hpa, false)) AS hpa,
    coalesce(f.opted_out, false) AS opted_out,
    coalesce(f.owned, false) AS owned,
    coalesce(c.cpu_usage_millicores, 0) AS cpu_usage_millicores,
    coalesce(c.memory_usage_bytes, 0) AS memory_usage_bytes,
    coalesce(c.reasons, CAST([], 'Array(String)')) AS reasons,
    coalesce(c.reasons_said, CAST([], 'Array(String)')) AS reasons_said,
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
LEFT JOIN
(
    SELECT cluster, coalesce(any(toDateTime64(newest_day, 3, 'UTC')), max(refreshed_at)) AS hpa_known_at
    FROM collected_runs LEFT JOIN (SELECT cluster, max(day) AS newest_day FROM usage_days GROUP BY cluster) AS newest_days
        USING (cluster)
    GROUP BY cluster
) AS hpa_evidence USING (cluster)
LEFT JOIN accepted AS a USING (cluster, namespace, deployment)
SETTINGS join_use_nulls = 1;
