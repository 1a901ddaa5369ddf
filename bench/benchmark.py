"""`make bench`: the cost of the list page, compared with a floor and with stock Django admin. Run by hand.

Three servers, the same gunicorn settings (sync, one worker), each pinned to the first core; the API, which responds
from memory, and the load are pinned to the last. Rounds go A B C, A B C, ...; a figure is the median over the rounds, a
ratio is the ratio of medians, its range the smallest and largest ratio within one round. CPU is the server's own, from
/proc: other processes distort it least. Everything listens on 127.0.0.1, has a time limit and ends with the run.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.pages import weigh
from bench.visitor import Visitor
from tests.services import free_port
from tools.demo import ROOT, Demo
from tools.processes import HOST, Child, Failed, poll, status_of

LIST = "/devices/"
GUNICORN = ("--worker-class", "sync", "--workers", "1", "--no-control-socket", "--log-level", "warning")


@dataclass
class Target:
    """One server or page under measurement, with the figures of each round."""

    name: str
    child: Child
    port: int
    path: str
    headers: dict[str, str]
    calls: int | None  # calls to the API that one page must cost; None: it makes none
    cpu: list[float] = field(default_factory=list)  # ms a request
    rate: list[float] = field(default_factory=list)  # requests a second
    p95: list[float] = field(default_factory=list)  # ms
    upstream: list[float] = field(default_factory=list)  # calls a request


def cpu_seconds(group: int) -> float:
    """User and system time so far of all processes of a group, exact to a clock tick (10 ms)."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, folder: Path, rows: int) -> None:
        self.folder, self.rows = folder, rows
        self.server_core, self.load_core = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
        self.children: list[Child] = []
        self.upstream_port, self.sandbox_port, self.portal_port = free_port(), free_port(), free_port()
        self.demo = Demo(self.portal_port, self.upstream_port, 0, folder)
        self.environment = self.demo.environment() | {"PYTHONPATH": str(ROOT)}

    def start(self, name: str, *command: str, core: int, environment: dict[str, str] | None = None) -> Child:
        child = Child(
            name, [sys.executable, *command], environment or self.environment, ROOT, self.folder / f"{name}.log", core
        )
        self.children.append(child)
        return child

    def serve(self, name: str, application: str, port: int, environment: dict[str, str]) -> Child:
        return self.start(
            name, "-m", "gunicorn", application, "--bind", f"{HOST}:{port}", *GUNICORN,
            core=self.server_core, environment=environment,
        )  # fmt: skip

    def run(self, *command: str, environment: dict[str, str]) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise Failed(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def until_ok(self, child: Child, port: int, path: str, headers: dict[str, str] | None = None) -> None:
        """Waits for a 200: the page that will be measured."""
        status = None
        for _ in poll(120, every=0.1):
            if child.exit_code() is not None:
                raise Failed(f"{child.name} ended by itself. {child.last_lines()}")
            status = status_of(port, path, headers, timeout=30)
            if status == 200:
                return
        raise Failed(f"{child.name} gave no 200 for {path} but {status}. {child.last_lines()}")

    def calls(self) -> int:
        connection = http.client.HTTPConnection(HOST, self.upstream_port, timeout=5)
        try:
            connection.request("GET", "/_count")
            return int(connection.getresponse().read())
        finally:
            connection.close()

    def prepare(self) -> list[Target]:
        """Starts everything and signs in; each of the returned targets has responded once."""
        say(f"Preparing: a sandbox, a signed-in session, an admin with {self.rows} rows ...")
        database = str(self.folder / "sandbox.sqlite3")
        sandbox = self.start(
            "sandbox", "-m", "sandbox", "serve", "--port", str(self.sandbox_port), "--db", database, "--devices", "500",
            core=self.load_core,
        )  # fmt: skip
        self.until_ok(sandbox, self.sandbox_port, "/_sandbox/requests")
        upstream = self.start(
            "upstream",
            "-m",
            "bench.upstream",
            str(self.upstream_port),
            str(self.sandbox_port),
            core=self.load_core,
        )
        self.until_ok(upstream, self.upstream_port, "/_count")

        # One person makes more calls than a person's share of the rate limit.
        settings = self.environment | self.demo.settings() | {"PLATFORM_API_RATE_LIMIT": "1000000"}
        self.run("manage.py", "migrate", "--noinput", environment=settings)
        self.run("manage.py", "collectstatic", "--noinput", environment=settings)
        portal = self.serve("portal", "portal.wsgi:application", self.portal_port, settings)
        self.until_ok(portal, self.portal_port, "/sign-in/")
        visitor = Visitor.signed_in(f"http://{HOST}:{self.portal_port}")
        signed_in = {"Cookie": visitor.cookie_header}
        self.until_ok(portal, self.portal_port, LIST, signed_in)

        floor_port = free_port()
        token = self.token()
        floor = self.serve(
            "floor", "bench.floor:application", floor_port,
            self.environment | {"BENCH_UPSTREAM": f"http://{HOST}:{self.upstream_port}", "BENCH_TOKEN": token},
        )  # fmt: skip
        self.until_ok(floor, floor_port, "/")

        admin_port = free_port()
        stock = self.environment | {"BENCH_DATABASE": str(self.folder / "admin.sqlite3")}
        stock["DJANGO_SETTINGS_MODULE"] = "bench.stock_admin.settings"
        cookie = self.run("-m", "bench.stock_admin.prepare", str(self.rows), environment=stock).strip()
        admin = self.serve("admin", "bench.stock_admin.wsgi:application", admin_port, stock)
        device_list = "/admin/stock_admin/device/"
        self.until_ok(admin, admin_port, device_list, {"Cookie": cookie})

        say(str(weigh(visitor, LIST)))
        return [
            Target("floor", floor, floor_port, "/", {}, 1),
            Target("list page", portal, self.portal_port, LIST, signed_in, 1),
            Target("its fragment", portal, self.portal_port, LIST, {**signed_in, "HX-Request": "true"}, 1),
            Target("Django admin", admin, admin_port, device_list, {"Cookie": cookie}, None),
        ]

    def token(self) -> str:
        """A token of the demo's own client, for the floor."""
        settings = self.demo.settings()
        client = f"{settings['PLATFORM_API_CLIENT_ID']}:{settings['PLATFORM_API_CLIENT_SECRET']}"
        connection = http.client.HTTPConnection(HOST, self.sandbox_port, timeout=10)
        try:
            connection.request(
                "POST",
                "/oauth2/token?grant_type=client_credentials",
                headers={"Authorization": "Basic " + b64encode(client.encode()).decode(), "Content-Length": "0"},
            )
            return json.loads(connection.getresponse().read())["access_token"]
        finally:
            connection.close()

    def round(self, target: Target, seconds: float, most: int) -> None:
        """Loads one target; adds the figures to it."""
        job = {
            "port": target.port, "path": target.path, "headers": target.headers,
            "threads": 8, "seconds": seconds, "most": most, "core": self.load_core,
        }  # fmt: skip
        calls, cpu = self.calls(), cpu_seconds(target.child.process.pid)
        done = subprocess.run(
            [sys.executable, "-m", "bench.driver", json.dumps(job)],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=seconds + 60, check=True,
        )  # fmt: skip
        found = json.loads(done.stdout)
        if found["faults"] or not found["requests"]:
            raise Failed(f"{target.name}: {found['faults']} faults. {target.child.last_lines()}")
        target.cpu.append((cpu_seconds(target.child.process.pid) - cpu) * 1000 / found["requests"])
        target.rate.append(found["requests"] / found["seconds"])
        target.p95.append(found["p95"])
        target.upstream.append((self.calls() - calls) / found["requests"])
        # Names come from a cache, which expires now and then.
        if target.calls is not None and not target.calls <= target.upstream[-1] <= target.calls * 1.05:
            raise Failed(f"{target.name}: {target.upstream[-1]:.2f} calls to the API a request, not {target.calls}")

    def end(self) -> None:
        for child in reversed(self.children):
            child.end()


def say(line: str) -> None:
    print(line, flush=True)


def spread(values: list[float], digits: int) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def compared(above: list[float], below: list[float]) -> str:
    """Ratio of medians, with the range of the ratios within one round."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return f"{median(above) / median(below):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def report(targets: list[Target]) -> str:
    lines = [f"{'':14}{'CPU ms a request':>24}{'requests/s':>24}{'p95 ms':>24}"]
    for target in targets:
        lines.append(
            f"{target.name:14}{spread(target.cpu, 2):>24}{spread(target.rate, 0):>24}{spread(target.p95, 1):>24}"
        )
    floor, page, fragment, admin = targets
    lines += ["", f"{'Ratios':38}{'by CPU':>24}{'by requests/s':>24}{'expected':>12}"]
    for words, base, other, wanted in (
        ("list page / floor", floor, page, ">= 0.25"),
        ("list page / Django admin", admin, page, ">= 5"),
        ("fragment / list page", page, fragment, ">= 1.1"),
    ):
        row = f"{words:38}{compared(base.cpu, other.cpu):>24}{compared(other.rate, base.rate):>24}{wanted:>12}"
        lines.append(row)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="The list page compared with two baselines.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load for each target in each round")
    parser.add_argument("--most", type=int, default=4000, help="requests for each target in each round")
    parser.add_argument("--rows", type=int, default=100_000, help="of the admin's table")
    options = parser.parse_args()
    if not Path("/proc/self/stat").exists():
        print("This measures CPU from /proc: run it on Linux.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(Path(folder), options.rows)
        try:
            targets = bench.prepare()
            for target in targets:
                bench.round(target, options.seconds / 2, options.most)  # warm-up: not counted
                target.cpu, target.rate, target.p95, target.upstream = [], [], [], []
            for number in range(options.rounds):
                say(f"Round {number + 1} of {options.rounds} ...")
                for target in targets:
                    bench.round(target, options.seconds, options.most)
            say("\n" + report(targets))
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
        finally:
            bench.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
