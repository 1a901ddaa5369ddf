"""`python -m sandbox serve | seed | reset | switches`."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

VAR = Path(__file__).resolve().parent.parent / "var"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The Platform API on this machine.")
    parser.add_argument("command", choices=("serve", "seed", "reset", "switches"))
    parser.add_argument("--db", default=str(VAR / "sandbox.sqlite3"), help="database file (%(default)s)")
    parser.add_argument("--devices", type=int, default=5000, help="size of the fleet (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random fleet (%(default)s)")
    serve = parser.add_argument_group("serve")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=8081, help="0 for any free port (%(default)s)")
    serve.add_argument("--threads", type=int, default=16, help="concurrent calls (%(default)s)")
    serve.add_argument("--access-lifetime", type=int, default=86400, metavar="SECONDS", help="(%(default)s)")
    serve.add_argument("--refresh-lifetime", type=int, default=86400, metavar="SECONDS", help="(%(default)s)")
    serve.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="may be repeated; see `switches`"
    )
    return parser.parse_args(argv)


def _port_error(host: str, port: int) -> str | None:
    """Why the port cannot be used, or None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            return getattr(error, "strerror", None) or str(error)
    return None


def _configure(args: argparse.Namespace) -> None:
    """Set the environment before Django reads its settings."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"
    os.environ["SANDBOX_DB"] = str(Path(args.db).resolve())
    if args.host not in ("127.0.0.1", "::1", "localhost"):
        # Other containers reach it under their own names.
        os.environ["SANDBOX_HOSTS"] = "*"
    import django

    django.setup()


def _seed(args: argparse.Namespace) -> None:
    from sandbox import world

    print(f"sandbox: seeding {args.devices} devices", file=sys.stderr, flush=True)
    begun = time.perf_counter()
    world.make(args.devices, args.seed)
    print(f"sandbox: seeded in {time.perf_counter() - begun:.1f} s", file=sys.stderr, flush=True)


def _problem(args: argparse.Namespace) -> str | None:
    """What is wrong with the arguments, or None."""
    from sandbox import switches
    from sandbox.seed_cases import SMALLEST_FLEET

    if args.devices < SMALLEST_FLEET:
        return f"the fleet has at least {SMALLEST_FLEET} devices, because some are defined by hand."
    if args.command != "serve":
        return None
    try:
        switches.start_with({"access_lifetime": args.access_lifetime, "refresh_lifetime": args.refresh_lifetime})
        switches.start_with(dict(pair.split("=", 1) if "=" in pair else (pair, "") for pair in args.switch))
    except ValueError as error:
        return str(error)
    if args.port and (why := _port_error(args.host, args.port)):
        return f"cannot listen on {args.host}:{args.port} ({why}). Is another sandbox running? Choose --port."
    return None


def main(argv: Sequence[str] | None = None) -> int:
    args = _arguments(argv)
    _configure(args)
    from sandbox import switches, world

    if args.command == "switches":
        for name, switch in switches.SWITCHES.items():
            kind = "|".join(switch.choices) or ("on|off" if isinstance(switch.default, bool) else "number")
            default = ("off", "on")[switch.default] if isinstance(switch.default, bool) else str(switch.default)
            print(f"{name:22} {default:12} {kind:24} {switch.about}")
        return 0
    if problem := _problem(args):
        print(f"sandbox: {problem}", file=sys.stderr)
        return 1
    if args.command == "seed" or not world.fits(args.devices, args.seed):
        _seed(args)
    elif args.command == "reset":
        world.reset(keep_tokens=False)
    if args.command == "serve":
        from sandbox import server

        world.move_to_today()
        server.run(args.host, args.port, args.threads)
    return 0


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
