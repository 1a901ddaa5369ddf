"""npm packages for tests, installed into `var/` from the lock next to the tests."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.servers import ROOT

MANIFESTS = ("package.json", "package-lock.json", ".npmrc")
WITHIN = 300  # seconds


def installed(beside: Path, name: str) -> Path:
    """The folder with `node_modules`, made on first use and when the lock changes. A file lock serializes processes."""
    content = b"".join((beside / manifest).read_bytes() for manifest in MANIFESTS)
    folder = ROOT / "var" / name / hashlib.sha256(content).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            for manifest in MANIFESTS:
                shutil.copy(beside / manifest, folder)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=WITHIN, check=False)
            assert done.returncode == 0, f"npm ci: {done.stdout}{done.stderr}"
            (folder / "done").touch()
    return folder
