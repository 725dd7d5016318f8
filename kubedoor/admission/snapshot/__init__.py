"""The control values in memory, from which the door decides."""
