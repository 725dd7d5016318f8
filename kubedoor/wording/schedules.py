"""Sentences of schedules: what is wrong with one, and what became of its runs."""

SCHEDULES = {
    # What is wrong with a schedule.
    "schedules.bad_name": "a name has 1 to {most} characters",
    "schedules.cron_or_at": "give either cron (again and again) or at (once)",
    "schedules.return_twice": "give either return_after_minutes or return_at, not both",
    "schedules.returns_to_number": "only a scale to a number can return by itself",
    "schedules.return_too_short": (
        "a return after {minutes} min is shorter than its batch: {count} workloads, one every {seconds} s, take {least} min"
        " until the last one is scaled; give at least {least}"
    ),
    "schedules.bad_number": "{field} must be from {least} to {most}",
    "schedules.not_a_time": "{text} is not a time such as 2026-11-24T18:30",
    "schedules.skipped_time": "{text} does not exist in {zone}: daylight saving skips it",
    "schedules.never_comes": "{text} is no time that will come",
    "schedules.past": "{text} in {zone} is past",
    "schedules.too_far_ahead": "{text} is more than {days} days ahead",
    "schedules.not_a_zone": "{zone} is not a time zone of the IANA database",
    "schedules.cron_fields": "{text} has {fields} fields: cron has minute, hour, day of month, month, day of week",
    "schedules.cron_never": "{text} never comes: there is no such day",
    "schedules.cron_range": "{field}: the range {range} ends before it begins",
    "schedules.cron_number": "{field}: {text} is not from {least} to {most}",
    "schedules.cron_step": "{field}: the step {text} is not a whole number from 1 on",
    "schedules.minute": "minute",
    "schedules.hour": "hour",
    "schedules.day_of_month": "day of month",
    "schedules.month": "month",
    "schedules.day_of_week": "day of week",
    "schedules.not_looked_at": "whether its workloads exist could not be looked at: {reason}",
    # Why it cannot be changed or run.
    "schedules.too_many": "there are {most} schedules already: delete some",
    "schedules.none": "there is no schedule {schedule}",
    "schedules.changed_by": "{who} has changed schedule {name} in the meantime",
    "schedules.changed_meanwhile": "schedule {name} has been changed by somebody else in the meantime",
    "schedules.return_is_once": "the return of a temporary scale runs only once",
    "schedules.is_over": "schedule {name} ran only once, and is over",
    "schedules.not_temporary": "{name} does not end a temporary scale",
    "schedules.being_ended": "{name} is being ended at this moment: the number from before comes back",
    "schedules.being_run": "schedule {name} is being run at this very moment",
    "schedules.unknown_token": "the schedule's token is not known",
    "schedules.paused": "schedule {name} is paused",
    "schedules.not_due": "schedule {name} is not due now",
    # What became of a run.
    "schedules.tried_again": "{name} could not be started, and is tried again: {reason}",
    "schedules.no_result_yet": "its last attempt has not reported a result yet",
    "schedules.given_up": "given up after a day, and not brought back: {workloads}",
    "schedules.would_be_refused": "given up: it would be refused again",
    "schedules.interrupted": "interrupted: the process that began it ended before it recorded a result",
}
