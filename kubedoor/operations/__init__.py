"""Scale, restart and apply: planned, done in batches, followed to their end."""
