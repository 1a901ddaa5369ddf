"""Checks that the models of both sites match their migrations: `python -m tools.migrations`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITES = ("portal.settings", "sandbox.settings")


def main() -> int:
    worst = 0
    for settings in SITES:
        command = [sys.executable, "-m", "django", "makemigrations", "--check", "--dry-run", "--settings", settings]
        # DEBUG provides development secrets, so no configuration is needed. No database is written.
        environment = os.environ | {"PYTHONPATH": str(ROOT), "DEBUG": "on", "ENV_FILE": "", "DATABASE_URL": "sqlite://"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{settings}: migrations are missing, or the site does not start.\n{done.stdout}{done.stderr}")
        worst = max(worst, abs(done.returncode))
    print("Migrations: " + ("run `python manage.py makemigrations`." if worst else "in order."))
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
