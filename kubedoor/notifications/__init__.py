"""Which events are sent to which channels."""
