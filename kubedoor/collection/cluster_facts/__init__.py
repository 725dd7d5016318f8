"""What sizing has to know of a cluster besides usage, read from its API server or from Prometheus."""
