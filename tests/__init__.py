"""The tests, in folders like the package's; what several of them use stands beside this file."""

from __future__ import annotations

from pathlib import Path

#: The project's folder.
ROOT = Path(__file__).resolve().parent.parent
#: Golden files and samples.
DATA = ROOT / "tests" / "data"
