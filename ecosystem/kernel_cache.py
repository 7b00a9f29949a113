"""Where compiled kernels are kept: one folder for each state of the sources.

numba compiles a kernel anew when its own file changes, but not when a kernel that it calls changes in another file;
after an update it would go on with the old machine code, or with arguments that no longer fit. So the folder's name is
a hash of all files that hold kernels, and folders of other states are removed.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

PACKAGES = ("ecosystem", "agents")


def use() -> None:
    """Points numba to this state's folder; a NUMBA_CACHE_DIR that is set already stays."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    root = Path(__file__).resolve().parents[1]
    home = Path(__file__).parent / "__pycache__"
    if not os.access(home if home.is_dir() else home.parent, os.W_OK):
        whose = hashlib.blake2b(f"{getpass.getuser()}{root}".encode(), digest_size=8).hexdigest()
        home = Path(tempfile.gettempdir()) / f"model-ecosystem-{whose}"
    folder = home / "numba" / _state(root)
    if not folder.is_dir():
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)


def _state(root: Path) -> str:
    hashed = hashlib.blake2b(digest_size=8)
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            source = path.read_bytes()
            if b"njit" in source:
                hashed.update(source)
    return hashed.hexdigest()
