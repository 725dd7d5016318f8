"""Scale, restart and apply: planned by a dry run, executed in batches, each followed until its rollout ends."""
