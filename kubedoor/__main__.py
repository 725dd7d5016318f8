"""`python -m kubedoor`, and the command `kubedoor`."""

from __future__ import annotations

import sys

from kubedoor.cli import main

if __name__ == "__main__":
    sys.exit(main())
