"""The Prometheus usage source: HTTP client, queries, response parser, checks."""
