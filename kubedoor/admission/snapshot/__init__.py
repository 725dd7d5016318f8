"""The in-memory snapshot of the control values: refreshed from the store, saved to a file, published to ConfigMaps."""
