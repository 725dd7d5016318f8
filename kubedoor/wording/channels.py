"""Sentences of notification channels: what is wrong with one, and why a message did not arrive."""

CHANNELS = {
    "channels.none": "there is no channel {channel}",
    "channels.too_many": "there are {most} channels already: delete some",
    "channels.changed_meanwhile": "channel {name} has been changed by somebody else in the meantime",
    "channels.bad_name": "a name has {least} to {most} characters",
    "channels.unknown_event": "there is no event {event}: there are {events}",
    "channels.no_event": "choose at least one event of {events}",
    "channels.bad_language": "language must be one of {languages}",
    "channels.bad_minutes": "min_minutes must be from {least} to {most}",
    "channels.bad_keyword": "a keyword has at most {most} characters",
    "channels.not_an_address": (
        "this is not the address of a channel, such as json://host/path, slack://…, wecombot://…, dingtalk://…,"
        " feishu://…, msteams://… or mailtos://…"
    ),
    "channels.local": "{scheme} reaches only the machine that KubeDoor runs on",
    "channels.local_file": "{parameter}= would be a file of the machine that KubeDoor runs on: leave it out",
    "channels.host_not_allowed": "{host} is not among the hosts that {setting} allows",
    "channels.not_an_address_of_host": "{host} is not an address of a host",
    "channels.not_public": "{host} is not a public address: if messages are to go there, name it in {setting}",
    # Messages that did not arrive.
    "channels.failed": "{service} failed: {error}",
    "channels.not_taken": "{service} did not take the message: {reason}",
    "channels.check_address": "check its address, and that it is up",
    "channels.http_status": "it answered HTTP {status}",
    "channels.code": "{field} {code}: {words}",
    "channels.without_words": "without words",
    "channels.slow": "{service} has not answered within {seconds:g} s",
    "channels.unknown_arrival": "nobody knows whether it arrived",
}
