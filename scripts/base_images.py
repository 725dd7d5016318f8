"""The base images of functions/Dockerfile: which they are, and their digests of today.

python -m scripts.base_images            # pin what the tags are now; needs docker, or skopeo, and the registry
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.lock_files import ROOT

DOCKERFILE = ROOT / "functions" / "Dockerfile"
TIMEOUT_SECONDS = 60
_IMAGE = re.compile(r"(?P<name>[a-z0-9./-]+):(?P<tag>[\w.-]+)@(?P<digest>sha256:[0-9a-f]{64})")
_PINNED = re.compile(rf"^ARG [A-Z]+_IMAGE={_IMAGE.pattern}$", re.MULTILINE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
Run = Callable[[Sequence[str]], str]


@dataclass(frozen=True)
class BaseImage:
    name: str
    tag: str
    digest: str


def base_images(dockerfile: Path = DOCKERFILE) -> list[BaseImage]:
    text = dockerfile.read_text(encoding="utf-8")
    return [BaseImage(found["name"], found["tag"], found["digest"]) for found in _PINNED.finditer(text)]


def newest(image: BaseImage, run: Run) -> str:
    """The digest that the tag has now, of the index of all platforms. Raises LookupError in words."""
    name = f"{image.name}:{image.tag}"
    commands = (
        ("docker", "buildx", "imagetools", "inspect", name, "--format", "{{.Manifest.Digest}}"),
        ("skopeo", "inspect", "--format", "{{.Digest}}", f"docker://{name}"),
    )
    reasons = []
    for command in commands:
        try:
            if found := _DIGEST.search(run(command)):
                return found[0]
            reasons.append(f"{command[0]} names no digest")
        except (OSError, subprocess.SubprocessError) as error:
            reasons.append(f"{command[0]}: {type(error).__name__}")
    raise LookupError(f"{name} is not looked up ({', '.join(reasons)}): its digest stays")


def renewed(text: str, digests: dict[str, str]) -> str:
    """The Dockerfile with these digests, by `name:tag`."""
    for name, digest in digests.items():
        text = re.sub(rf"({re.escape(name)})@sha256:[0-9a-f]{{64}}", rf"\1@{digest}", text)
    return text


def _run(command: Sequence[str]) -> str:
    if not shutil.which(command[0]):
        raise FileNotFoundError(command[0])
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True)
    return done.stdout


def main() -> int:
    digests = {}
    try:
        for image in base_images():
            digests[f"{image.name}:{image.tag}"] = newest(image, _run)
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    DOCKERFILE.write_text(renewed(DOCKERFILE.read_text(encoding="utf-8"), digests), encoding="utf-8")
    for name, digest in digests.items():
        print(f"{name} {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
