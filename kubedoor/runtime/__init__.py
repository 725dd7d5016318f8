"""Builds the parts from the settings and runs them: assembly, HTTP servers, one-off jobs, timers, logs, checkup."""
