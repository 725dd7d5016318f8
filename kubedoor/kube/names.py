"""Names as Kubernetes takes them: labels and subdomains of RFC 1123. Pure."""

from __future__ import annotations

import re

MAX_LABEL_CHARACTERS = 63
MAX_SUBDOMAIN_CHARACTERS = 253
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")


def is_label(name: str) -> bool:
    """Whether a namespace or a container can have this name."""
    return len(name) <= MAX_LABEL_CHARACTERS and _LABEL.fullmatch(name) is not None


def is_subdomain(name: str) -> bool:
    """Whether a Deployment can have this name."""
    return len(name) <= MAX_SUBDOMAIN_CHARACTERS and _SUBDOMAIN.fullmatch(name) is not None
