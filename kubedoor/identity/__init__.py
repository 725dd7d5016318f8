"""People, sessions, tokens, OIDC log-in and the audit of what they do."""
