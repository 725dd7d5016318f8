-- Which change of a Deployment a state is: one that was admitted and then refused is never stored. 0: seen before this
-- migration.
ALTER TABLE deployment_states {on_cluster} ADD COLUMN IF NOT EXISTS generation UInt64 DEFAULT 0;

-- As in 0013: a view has the columns that there were when it was made.
CREATE OR REPLACE VIEW deployments_current {on_cluster} AS
SELECT *, cpu_asked_millicores, memory_asked_bytes, cpu_running_millicores, memory_running_bytes
FROM deployment_states
WHERE NOT is_gone
    AND (cluster, namespace, deployment, observed_at)
    IN (SELECT cluster, namespace, deployment, max(observed_at) FROM deployment_states GROUP BY cluster, namespace, deployment)
LIMIT 1 BY cluster, namespace, deployment;
