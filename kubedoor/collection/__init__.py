"""Collection: reads usage from Prometheus and stores it as usage days and collected values."""
