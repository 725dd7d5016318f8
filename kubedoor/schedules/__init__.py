"""Actions at a time: schedules, their CronJobs, and temporary scales with their return."""
