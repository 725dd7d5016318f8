"""Settings, and the further clusters that they list."""
