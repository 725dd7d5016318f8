"""Schedules: actions that run by cron or once, their CronJobs, and temporary scales with their returns."""
