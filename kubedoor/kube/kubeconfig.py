"""What the setting of a kubeconfig may be besides a file."""

NO_CLUSTER = "none"
"""No access to an API server."""
