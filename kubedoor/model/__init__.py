"""The values that every room speaks of. Frozen, and without behaviour that needs a client, a clock or the environment."""
