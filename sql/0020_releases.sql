-- Whether the request changed the pod template, or made the Deployment: what the history of a workload marks as a release.
ALTER TABLE admissions {on_cluster} ADD COLUMN IF NOT EXISTS is_release Bool DEFAULT false;
