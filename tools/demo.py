"""`make demo`: runs the sandbox and the portal as two processes on this machine, with sample accounts.

Starts both by their public entries (`python -m sandbox serve`, gunicorn with `portal.wsgi`) and imports neither. Both
listen on 127.0.0.1 only. Exits with 0 after Ctrl-C or SIGTERM, otherwise with 1 and a message.
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

from tools.processes import HOST, Child, Failed, poll, status_of

ROOT = Path(__file__).resolve().parent.parent

# Valid only for the sandbox, which seeds the same client and accounts.
CLIENT_ID = "oa2-client-id_sandbox-portal-demo-0000000000000"
CLIENT_SECRET = "sandbox-secret-for-demonstration-0000000"  # noqa: S105
ACCOUNTS = {
    "admin@example.com": "do everything",
    "support@example.com": "see and edit devices, timeline, logs, tags, transfer, people",
    "viewer@example.com": "see devices and their timeline",
    "owner@example.com": "see the devices they own",
}

# Settings of a real installation must not leak into the demo, above all not the URL of a real API.
FOREIGN_SETTINGS = (
    *(
        "ENV_FILE",
        "SECRET_KEY",
        "TOKEN_KEYS",
        "SECURE_COOKIES",
        "DEBUG",
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        "DATABASE_URL",
        "REDIS_URL",
    ),
    *("SIGN_IN", "SSO", "OIDC_", "ACCESS_", "PLATFORM_API_", "DJANGO_", "GUNICORN_", "WEB_CONCURRENCY"),
)

PREPARED_WITHIN = 120.0  # seconds for the portal's database and static files
READY_WITHIN = 30.0  # seconds from the start of a site to its first response
SEEDED_WITHIN = 900.0  # seconds for the sandbox to seed its devices, once


class Stop(Exception):
    """Ctrl-C or a signal requested the end."""


class Demo:
    """Two sites with their data under `var`, and a file lock against a second demo on the same data."""

    def __init__(self, port: int, sandbox_port: int, devices: int, var: Path) -> None:
        self.port, self.sandbox_port, self.devices, self.var = port, sandbox_port, devices, var
        self.asked_to_stop = False
        self.children: list[Child] = []
        self.sites: list[Child] = []
        self.lock: IO[str] | None = None

    # -- before anything starts

    def take_lock(self) -> None:
        self.var.mkdir(parents=True, exist_ok=True)
        self.lock = (self.var / "demo.lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.lock.seek(0)
            where = self.lock.read().strip() or "another process"
            raise Failed(f"A demo is already running in this folder ({where}): use it, or end it first.") from None
        self.lock.truncate(0)
        self.lock.write(f"http://{HOST}:{self.port}/, process {os.getpid()}")
        self.lock.flush()

    def check_ports(self) -> None:
        if self.port == self.sandbox_port:
            raise Failed(f"PORT and SANDBOX_PORT are both {self.port}: choose two different ports.")
        for name, port, other in (("PORT", self.port, 8090), ("SANDBOX_PORT", self.sandbox_port, 8091)):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except PermissionError:
                    raise Failed(
                        f"Port {port} needs rights you lack: choose another, as in `make demo {name}={other}`."
                    ) from None
                except OSError:
                    raise Failed(f"Port {port} is taken: choose another, as in `make demo {name}={other}`.") from None

    # -- settings

    def secrets(self) -> dict[str, str]:
        """Secrets of the demo, generated once and stored in var/demo.env, readable by this user only."""
        path = self.var / "demo.env"
        if not path.exists():
            made = {
                "SECRET_KEY": secrets.token_urlsafe(50),
                "TOKEN_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            }
            # Written to another file and renamed, so that the file is never incomplete.
            fresh = path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.writelines(f"{name}={value}\n" for name, value in made.items())
            fresh.rename(path)
        lines = path.read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def environment(self) -> dict[str, str]:
        """This process's environment without settings of a real portal, for the sandbox."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_SETTINGS)}
        return kept | {"PYTHONUNBUFFERED": "1"}

    def settings(self) -> dict[str, str]:
        """The portal's settings of the demo."""
        return self.secrets() | {
            "ENV_FILE": "",  # ignore .env files too
            "DEBUG": "off",
            "SECURE_COOKIES": "off",  # plain http, for this machine only
            "ALLOWED_HOSTS": f"{HOST},localhost",
            "DATABASE_URL": f"sqlite:///{quote(str(self.var / 'portal.sqlite3'))}",
            "STATIC_ROOT": str(self.var / "static"),
            "PLATFORM_API_URL": f"http://{HOST}:{self.sandbox_port}",
            "PLATFORM_API_CLIENT_ID": CLIENT_ID,
            "PLATFORM_API_CLIENT_SECRET": CLIENT_SECRET,
            "METAFIELDS_LIKELY": "on",  # the sandbox accepts them
            "ACCESS_ROLES": '{"Admin": ["PORTAL_AUDIT", "PORTAL_ADMIN"]}',
        }

    # -- the run

    def start(self, name: str, *command: str, environment: Mapping[str, str]) -> Child:
        child = Child(name, [sys.executable, *command], environment, ROOT, self.var / f"{name}.log")
        self.children.append(child)
        return child

    def site(self, name: str, *command: str, environment: Mapping[str, str]) -> Child:
        """Start a process that must keep running."""
        self.sites.append(self.start(name, *command, environment=environment))
        return self.sites[-1]

    def watch(self) -> None:
        """Raise if a signal arrived or a site ended."""
        if self.asked_to_stop:
            raise Stop
        for child in self.sites:
            code = child.exit_code()
            if code is not None:
                raise Failed(f"The {child.name} ended unexpectedly (exit code {code}). {child.last_lines()}")

    def finish(self, *steps: Child) -> None:
        """Wait for commands to end, while watching the sites."""
        for _ in poll(PREPARED_WITHIN):
            self.watch()
            codes = [step.exit_code() for step in steps]
            for step, code in zip(steps, codes, strict=True):
                if code:
                    raise Failed(f"The step '{step.name}' failed (exit code {code}). {step.last_lines()}")
            if None not in codes:
                return
        raise Failed(f"The preparation took more than {PREPARED_WITHIN:.0f} seconds. Its logs are in {self.var}.")

    def until_answers(self, child: Child, port: int, path: str, within: float, patience: str = "") -> None:
        """Wait for an HTTP response below 500; print `patience` after two seconds."""
        begun = time.monotonic()
        for _ in poll(within):
            self.watch()
            if patience and time.monotonic() - begun > 2:
                say(patience)
                patience = ""
            status = status_of(port, path)
            if status is not None and status >= 500:
                raise Failed(f"The {child.name} returned status {status}. {child.last_lines()}")
            if status is not None:
                return
        raise Failed(f"The {child.name} did not answer within {within:.0f} seconds. {child.last_lines()}")

    def open(self) -> None:
        """Start both sites. Raises Failed or Stop; always call `end` afterwards."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.note_signal)
        self.take_lock()
        self.check_ports()
        plain = self.environment()
        portal_environment = plain | self.settings()
        sandbox = self.site(
            "sandbox", "-m", "sandbox", "serve", "--host", HOST, "--port", str(self.sandbox_port),
            "--db", str(self.var / "sandbox.sqlite3"), "--devices", str(self.devices), environment=plain,
        )  # fmt: skip
        self.finish(
            self.start("migrate", "manage.py", "migrate", "--noinput", environment=portal_environment),
            self.start("static", "manage.py", "collectstatic", "--noinput", environment=portal_environment),
        )
        portal = self.site(
            "portal", "-m", "gunicorn", "-c", "python:portal.gunicorn", "--bind", f"{HOST}:{self.port}",
            environment=portal_environment,
        )  # fmt: skip
        seeding = f"The sandbox is creating {self.devices} sample devices; this happens once."
        self.until_answers(sandbox, self.sandbox_port, "/", SEEDED_WITHIN, seeding)
        self.until_answers(portal, self.port, "/sign-in/", READY_WITHIN)

    def run(self) -> None:
        """Run until a signal arrives or a site ends."""
        self.open()
        self.welcome()
        for _ in poll(float("inf"), every=0.2):
            self.watch()

    def note_signal(self, number: int, frame: object) -> None:
        self.asked_to_stop = True

    def welcome(self) -> None:
        width = max(map(len, ACCOUNTS))
        say(f"\nThe portal is ready:  http://{HOST}:{self.port}/\n")
        say("Sign in as one of these, with the password demo:")
        for account, rights in ACCOUNTS.items():
            say(f"  {account:<{width}}  may {rights}")
        say(f"\nThe sample API behind it: http://{HOST}:{self.sandbox_port}/   Logs and data: {shown(self.var)}/")
        say("Ctrl-C ends both.")

    def end(self) -> None:
        """End all processes, the portal first, because it calls the sandbox."""
        for child in reversed(self.children):
            child.end()
        if self.lock is not None:
            self.lock.close()


def shown(path: Path) -> str:
    """The path, relative to the current folder if possible."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def say(line: str) -> None:
    print(line, flush=True)


def port_number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make demo", description="The portal and its sandbox on this machine.")
    parser.add_argument("--port", type=port_number, default=8080)
    parser.add_argument("--sandbox-port", type=port_number, default=8081)
    parser.add_argument("--devices", type=int, default=5000)
    parser.add_argument("--var", type=Path, default=Path("var"))
    options = parser.parse_args(arguments)
    demo = Demo(options.port, options.sandbox_port, options.devices, options.var.resolve())
    try:
        demo.run()
    except Stop:
        demo.end()
        say("\nPortal and sandbox have ended.")
    except Failed as failure:
        print(failure, file=sys.stderr, flush=True)
        return 1
    finally:
        demo.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
