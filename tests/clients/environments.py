"""Clients whose pins clash with ours, or that are not Python, in environments of their own.

Made once, in a folder that is kept between runs. Where one cannot be made, its tests are skipped
with the reason; in CI they fail.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

FOLDER = Path(
    os.environ.get("CLIENTS_DIR") or Path(__file__).resolve().parents[2] / "build" / "clients"
)
_SECONDS = 180


def python_environment(name: str, *requirements: str) -> Path:
    """The interpreter of a virtual environment with these installed."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    options = ("--quiet", "--disable-pip-version-check", "--prefer-binary")
    _make(
        folder,
        [sys.executable, "-m", "venv", folder],
        [python, "-m", "pip", "install", *options, *requirements],
    )
    return python


def node_environment(name: str, *packages: str) -> Path:
    """A folder from which node finds these packages."""
    if not shutil.which("node") or not shutil.which("npm"):
        _missing("node and npm are not on this machine")
    folder = FOLDER / name
    _make(folder, ["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, *packages])
    return folder


def _make(folder: Path, *commands: Sequence[str | Path]) -> None:
    done = folder / "complete"
    if done.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in commands:
        try:
            made = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            _missing(f"{command[0]} was not done after {_SECONDS} s")
        if made.returncode:
            _missing(f"{' '.join(map(str, command))}: {made.stderr.strip()[-300:]}")
    done.touch()


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
