"""Bodies and answers of the API, as they go over the wire."""
