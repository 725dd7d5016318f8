"""Users, sessions, API tokens, OIDC log-in, and the audit of changes."""
