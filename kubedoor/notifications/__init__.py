"""Notifications: events are grouped into messages and sent to channels."""
