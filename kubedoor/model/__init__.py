"""Value types shared by all packages. Frozen; their behaviour needs no client, no clock and no environment."""
