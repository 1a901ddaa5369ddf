"""Fills the yardstick's database and signs somebody in: prints the cookie, `sessionid=...`.

`BENCH_DATABASE=file python -m bench.stock_admin.prepare 100000`
"""

import os
import sys
from datetime import UTC, datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.stock_admin.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402

from bench.stock_admin.models import Device  # noqa: E402


def main(rows: int) -> None:
    call_command("migrate", run_syncdb=True, verbosity=0)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    Device.objects.bulk_create(
        (
            Device(
                name=f"Cold store {number}",
                organization=f"Halden {number % 40}",
                template=f"Template {number % 6}",
                owner=f"person{number % 900}@example.org" if number % 5 else "",
                firmware=f"1.{number % 9}.{number % 7}",
                activated_at=start + timedelta(minutes=number) if number % 11 else None,
            )
            for number in range(rows)
        ),
        batch_size=5000,
    )
    user = User.objects.create_superuser("bench", "bench@example.com", "bench")
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.save()
    print(f"sessionid={session.session_key}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
