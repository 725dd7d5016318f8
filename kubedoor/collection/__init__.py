"""From a question to Prometheus to usage days in the store."""
