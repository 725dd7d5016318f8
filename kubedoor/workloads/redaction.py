"""Redaction of Deployments for viewers: hides what may be a secret, and keeps what a Deployment is made of. Pure.

Nobody can tell a secret from a harmless text, so whole kinds of texts are hidden: the values of environment variables,
headers of probes, options of inline volumes, words of command lines except their flags, and every annotation that is more
than a short plain text. Names, flags, references (`valueFrom`), images, resources and labels stay.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kubedoor.asked import ANNOTATION

PLACEHOLDER = "(not shown)"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Removed: it holds the whole manifest, with the values of all variables."""
_LONG_FLAG = re.compile(r"(--[A-Za-z][A-Za-z0-9_.-]{0,63})(=.*)?", re.DOTALL)
_SHORT_FLAG = re.compile(r"(-[A-Za-z0-9])(.*)", re.DOTALL)
_PROPERTY = re.compile(r"(-D[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+)=.*", re.DOTALL)
_SECRET_NAME = re.compile(
    r"secret|pass|pwd|token|credential|private|key|auth|cert|applied|original|change-cause|template|config",
    re.IGNORECASE,
)
_PLAIN_TEXT = re.compile(r"[\w .,:;/@+-]{0,200}")
_RANDOM_TEXT = re.compile(r"(?=\w*\d)(?=\w*[A-Za-z])\w{20,}|://\S*@")
"""What looks generated: keys, tokens, hashes; and addresses with a user and a password."""
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")


def redacted(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without what may be a secret."""
    copied = copy.deepcopy(dict(manifest))
    template = _section(_section(copied, "spec"), "template")
    for annotated in (copied, template):
        _hide_annotations(_section(_section(annotated, "metadata"), "annotations"))
    pod = _section(template, "spec")
    for container in _containers(pod):
        _hide_in_container(container)
    for volume in _dicts(pod.get("volumes")):
        _hide_values(_section(_section(volume, "csi"), "volumeAttributes"))
        _hide_values(_section(_section(volume, "flexVolume"), "options"))
        _hide_key(_section(volume, "gitRepo"), "repository")
    for holder in (pod, *_containers(pod)):
        _hide_key(_section(_section(holder, "securityContext"), "windowsOptions"), "gmsaCredentialSpec")
    return copied


def shown_word(word: str) -> str:
    """One word of a command line: a flag without its value, else nothing of it."""
    if found := _LONG_FLAG.fullmatch(word):
        return f"{found[1]}={PLACEHOLDER}" if found[2] else word
    if found := _PROPERTY.fullmatch(word):
        return f"{found[1]}={PLACEHOLDER}"
    if found := _SHORT_FLAG.fullmatch(word):
        return f"{found[1]}{PLACEHOLDER}" if found[2] else word
    return PLACEHOLDER


def _hide_annotations(annotations: dict[str, Any]) -> None:
    annotations.pop(LAST_APPLIED, None)
    for name, value in annotations.items():
        if name != ANNOTATION and not _is_harmless(name, value):
            annotations[name] = PLACEHOLDER


def _is_harmless(name: str, value: Any) -> bool:
    return (
        isinstance(value, str)
        and not _SECRET_NAME.search(name)
        and _PLAIN_TEXT.fullmatch(value) is not None
        and not _RANDOM_TEXT.search(value)
    )


def _hide_in_container(container: dict[str, Any]) -> None:
    for variable in _dicts(container.get("env")):
        _hide_key(variable, "value")
    _hide_words(container, "args")
    _hide_command(container)
    handlers = [_section(container, probe) for probe in _PROBES]
    handlers += [_section(_section(container, "lifecycle"), hook) for hook in _HOOKS]
    for handler in handlers:
        _hide_in_handler(handler)


def _hide_in_handler(handler: dict[str, Any]) -> None:
    """Of a probe, or of a hook at start or end."""
    _hide_command(_section(handler, "exec"))
    request = _section(handler, "httpGet")
    for header in _dicts(request.get("httpHeaders")):
        _hide_key(header, "value")
    path, separator, _query = str(request.get("path", "")).partition("?")
    if separator:
        request["path"] = f"{path}?{PLACEHOLDER}"


def _hide_command(holder: dict[str, Any]) -> None:
    """As `_hide_words`, but the program itself stays, if it is the path of one."""
    words = holder.get("command")
    _hide_words(holder, "command")
    if isinstance(words, list) and words and re.fullmatch(r"[\w./-]{1,200}", str(words[0])):
        holder["command"][0] = str(words[0])


def _hide_words(holder: dict[str, Any], key: str) -> None:
    if isinstance(words := holder.get(key), list):
        holder[key] = [shown_word(str(word)) for word in words]


def _hide_values(section: dict[str, Any]) -> None:
    for key in section:
        section[key] = PLACEHOLDER


def _hide_key(section: dict[str, Any], key: str) -> None:
    if key in section:
        section[key] = PLACEHOLDER


def _containers(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from _dicts(spec.get(kind))


def _dicts(values: Any) -> Iterable[dict[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _section(whole: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = whole.get(name)
    return section if isinstance(section, dict) else {}
