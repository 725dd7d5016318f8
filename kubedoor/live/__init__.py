"""Deployments as they are in the cluster now, and how they stand to their control values."""
