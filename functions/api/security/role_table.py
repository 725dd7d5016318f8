"""The role that each route of the API requires, by operation id.

A route that is missing here requires an admin, so that a forgotten entry never grants access. A test compares the table
with the OpenAPI document.
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
    # Read
    "list_clusters": VIEWER,
    "get_overview": VIEWER,
    "run_checkup": VIEWER,
    "get_openapi": VIEWER,
    "get_savings": VIEWER,
    "list_workloads": VIEWER,
    "get_workload": VIEWER,
    "check_edits": VIEWER,
    "get_history": VIEWER,
    "list_edits": VIEWER,
    "list_marks": VIEWER,
    "list_acceptances": VIEWER,
    "get_live": VIEWER,
    "list_collections": VIEWER,
    "get_collection": VIEWER,
    "list_days": VIEWER,
    "get_control": VIEWER,
    "preview_admission": VIEWER,
    "preview_edit": VIEWER,
    "list_admissions": VIEWER,
    "export_admissions": VIEWER,
    "list_audit": VIEWER,
    "export_audit": VIEWER,
    "export_values": VIEWER,
    "preview_import": VIEWER,
    "list_actions": VIEWER,
    "list_restorable": VIEWER,
    "get_action": VIEWER,
    "stream_action": VIEWER,
    "list_schedules": VIEWER,
    "get_schedule": VIEWER,
    "preview_schedule": VIEWER,
    # Public here: the route checks the token of the schedule
    "ping_schedule": ANYBODY,
    # Edit, collect, act
    "add_workload": OPERATOR,
    "remove_workload": OPERATOR,
    "edit_workload": OPERATOR,
    "edit_workloads": OPERATOR,
    "accept_conditions": OPERATOR,
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
    "end_schedule": OPERATOR,
    "keep_schedule": OPERATOR,
    "delete_schedule": OPERATOR,
    # The switch, users, tokens
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
"""Routes that are public by the table and check a token of their own, which is valid for nothing else."""

SESSION_ONLY = frozenset({"log_out", "log_out_everywhere", "change_password"})
"""Routes that answer 403 to every API token, whatever its role."""

BEFORE_PASSWORD_CHANGE = frozenset({"who_am_i", "log_out", "log_out_everywhere", "change_password"})
"""Routes that work while the first password is in use."""


def required_role_of(operation: str) -> Role | None:
    """ANYBODY (None) for a public operation."""
    return NEEDED.get(operation, ADMIN)
