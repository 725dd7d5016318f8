"""Puts the parts together and serves them: assembly, processes, jobs, logs, checkup."""
