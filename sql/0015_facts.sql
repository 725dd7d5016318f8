-- What is known of a Deployment that a Scale does not show: labels, owner, HPA. Validation comes after the door, so what a
-- request shows (kinds `shown`, of an update, and `creation`) is kept apart from what was stored (`stored`, `hpa`). Within
-- one uid the greater resource version is newer, then the later moment, whichever door wrote last; of Deployments made one
-- after the other under one name, the one that was seen last. A creation has no uid yet: `created_at` is when the API
-- server got it.
CREATE TABLE IF NOT EXISTS workload_observations {on_cluster}
(
    cluster LowCardinality(String),
    namespace LowCardinality(String),
    deployment String,
    kind LowCardinality(String),
    uid String,
    resource_version UInt64,
    opted_out Bool,
    owned Bool,
    hpa Bool,
    created_at Nullable(DateTime64(0, 'UTC')),
    seen_at DateTime64(6, 'UTC'),
    seen_by LowCardinality(String),
    version UInt128 MATERIALIZED bitShiftLeft(toUInt128(resource_version), 64) + toUInt64(toUnixTimestamp64Micro(seen_at))
)
ENGINE = {ReplacingMergeTree(version)}
ORDER BY (cluster, namespace, deployment, kind, uid);

-- `opted_out`, `owned` and `hpa` are what was stored; what was shown stands beside them as long as nothing stored is newer.
CREATE OR REPLACE VIEW facts {on_cluster} AS
WITH newest_of_uids AS
(
    SELECT cluster, namespace, deployment, kind,
        argMax(tuple(uid, resource_version, opted_out, owned, hpa, created_at, seen_at), version) AS newest,
        max(seen_at) AS last_seen_at
    FROM workload_observations
    GROUP BY cluster, namespace, deployment, kind, uid
),
newest_of_kinds AS
(
    SELECT cluster, namespace, deployment,
        argMaxIf(newest, last_seen_at, kind = 'stored') AS stored,
        argMaxIf(newest, last_seen_at, kind = 'hpa') AS of_hpa,
        argMaxIf(newest, last_seen_at, kind = 'shown') AS shown,
        argMaxIf(newest, last_seen_at, kind = 'creation') AS creation,
        if(shown.1 = stored.1, tuple(stored.2, stored.7) > tuple(shown.2, shown.7), stored.7 > shown.7) AS is_shown_older,
        stored.7 > creation.7 AS is_creation_older
    FROM newest_of_uids
    GROUP BY cluster, namespace, deployment
)
SELECT cluster, namespace, deployment,
    stored.3 AS opted_out,
    stored.4 AS owned,
    stored.1 AS stored_uid,
    stored.2 AS stored_version,
    stored.7 AS stored_seen_at,
    of_hpa.5 AS hpa,
    of_hpa.1 AS hpa_uid,
    of_hpa.2 AS hpa_version,
    of_hpa.7 AS hpa_seen_at,
    if(is_shown_older, false, shown.3) AS shown_opted_out,
    if(is_shown_older, false, shown.4) AS shown_owned,
    if(is_shown_older, '', shown.1) AS shown_uid,
    if(is_shown_older, 0, shown.2) AS shown_version,
    if(is_shown_older, toDateTime64(0, 6, 'UTC'), shown.7) AS shown_seen_at,
    if(is_creation_older, false, creation.3) AS creation_opted_out,
    if(is_creation_older, false, creation.4) AS creation_owned,
    if(is_creation_older, NULL, creation.6) AS creation_created_at,
    if(is_creation_older, toDateTime64(0, 6, 'UTC'), creation.7) AS creation_seen_at,
    greatest(stored.7, of_hpa.7, shown.7, creation.7) AS seen_at
FROM newest_of_kinds;

-- What earlier versions have learnt: of no known uid. The table `workload_facts` is not read any more.
INSERT INTO workload_observations (cluster, namespace, deployment, kind, uid, resource_version, opted_out, owned, hpa, seen_at, seen_by)
SELECT cluster, namespace, deployment, if(fact = 'hpa', 'hpa', 'stored') AS kind, '' AS uid, 0 AS resource_version,
    countIf(fact = 'opted_out' AND newest) > 0 AS opted_out,
    countIf(fact = 'owned' AND newest) > 0 AS owned,
    countIf(fact = 'hpa' AND newest) > 0 AS hpa,
    max(seen) AS seen_at, 'earlier' AS seen_by
FROM
(
    SELECT cluster, namespace, deployment, fact, argMax(holds, seen_at) AS newest, max(seen_at) AS seen
    FROM workload_facts
    GROUP BY cluster, namespace, deployment, fact
)
GROUP BY cluster, namespace, deployment, kind;
