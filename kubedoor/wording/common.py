"""Sentences that several rooms use."""

COMMON = {
    "common.joined": "{first}; {then}",
    "common.listed": "{first}, {then}",
    "common.and_more": "{first}, and {count} more",
    "common.about": "{subject}: {words}",
    "common.internal_error": "an internal error; the log says more",
    "common.nobody": "nobody",
    "common.somebody": "somebody",
    "common.mode_enforce": "enforce",
    "common.mode_observe": "observe",
    "common.mode_off": "off",
}
