"""Settings: read from the environment, checked, and held in frozen objects."""
