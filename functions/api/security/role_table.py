"""Who may do what: one table for every route of the API, by its operation id.

A route that is not here is for admins only, so that forgetting one opens nothing; a test walks the OpenAPI document and
wants each of them here.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubedoor.roles import Role

ANYBODY = None
VIEWER, OPERATOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN

NEEDED: Mapping[str, Role | None] = {
    # The session
    "log_in": ANYBODY,
    "who_am_i": VIEWER,
    "log_out": VIEWER,
    "log_out_everywhere": VIEWER,
    "change_password": VIEWER,
    "list_login_ways": ANYBODY,
    "start_oidc_login": ANYBODY,
    "finish_oidc_login": ANYBODY,
    # See
    "list_clusters": VIEWER,
    "get_overview": VIEWER,
    "run_checkup": VIEWER,
    "get_openapi": VIEWER,
    "list_workloads": VIEWER,
    "get_workload": VIEWER,
    "get_history": VIEWER,
    "list_edits": VIEWER,
    "get_live": VIEWER,
    "list_collections": VIEWER,
    "get_collection": VIEWER,
    "list_days": VIEWER,
    "get_control": VIEWER,
    "preview_admission": VIEWER,
    "list_admissions": VIEWER,
    "export_admissions": VIEWER,
    "list_audit": VIEWER,
    "export_audit": VIEWER,
    "export_values": VIEWER,
    "preview_import": VIEWER,
    "list_actions": VIEWER,
    "get_action": VIEWER,
    "stream_action": VIEWER,
    "list_schedules": VIEWER,
    "get_schedule": VIEWER,
    "preview_schedule": VIEWER,
    # With a token of the schedule's own
    "ping_schedule": ANYBODY,
    # Edit and act
    "edit_workload": OPERATOR,
    "edit_workloads": OPERATOR,
    "import_values": OPERATOR,
    "start_collection": OPERATOR,
    "cancel_collection": OPERATOR,
    "start_action": OPERATOR,
    "cancel_action": OPERATOR,
    "create_schedule": OPERATOR,
    "change_schedule": OPERATOR,
    "pause_schedule": OPERATOR,
    "resume_schedule": OPERATOR,
    "run_schedule": OPERATOR,
    "delete_schedule": OPERATOR,
    # The switch, people
    "set_control": ADMIN,
    "list_users": ADMIN,
    "create_user": ADMIN,
    "change_user": ADMIN,
    "reset_password": ADMIN,
    "log_user_out": ADMIN,
    "delete_user": ADMIN,
    "list_tokens": ADMIN,
    "create_token": ADMIN,
    "revoke_token": ADMIN,
    # Notifications
    "list_channels": OPERATOR,
    "list_messages": OPERATOR,
    "create_channel": ADMIN,
    "change_channel": ADMIN,
    "delete_channel": ADMIN,
    "test_channel": ADMIN,
}

OWN_TOKEN = frozenset({"ping_schedule"})
"""Open to everybody by the table, and then the route itself asks for a token that is good for it alone."""

SESSION_ONLY = frozenset({"log_out", "log_out_everywhere", "change_password"})
"""What makes no sense for a token: these answer 403 to it, whatever its role."""

BEFORE_PASSWORD_CHANGE = frozenset({"who_am_i", "log_out", "log_out_everywhere", "change_password"})
"""What works while the first password is still in use."""


def needed_for(operation: str) -> Role | None:
    """The role that an operation asks for; None: it is open to everybody."""
    return NEEDED.get(operation, ADMIN)
