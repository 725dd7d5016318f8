"""The Prometheus source: queries, HTTP client, answers."""
