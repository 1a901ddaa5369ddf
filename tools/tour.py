"""`make tour`: takes the pictures of docs/tour.md and the README from a demo with its own data.

Each stop is shown on a desktop in the light theme and on a phone in the dark one. Needs Chromium, and Playwright from
the test lock. Writes docs/tour.md and docs/tour/*.webp. Exits with 1 and a message if a page is not as expected, or a
picture is larger than 100 KB.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from tools.demo import ROOT, Demo
from tools.processes import HOST, Failed, chromium_path

LIMIT = 100_000  # bytes
QUALITIES = (85, 75, 65, 50)
"""WebP qualities, best first: the first that is small enough is used."""
FOLDER = ROOT / "docs" / "tour"
DEVICE = 1
BENCH = 9
# No network: otherwise Chromium contacts its vendor.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync", "--no-first-run", "--disable-quic"]

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "color_scheme": "dark",
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 1.5,
}


class Stop(NamedTuple):
    """`then`: called with the page before the picture; `broken`: a fault of the sandbox during it."""

    name: str
    title: str
    text: str
    path: str
    status: int = 200
    then: Callable[[Page], object] | None = None
    broken: dict[str, Any] | None = None


def check_rows(page: Page) -> None:
    page.locator("#check").click()
    page.get_by_role("button", name="Check again").wait_for()


def refuse_a_value(page: Page) -> None:
    page.get_by_role("link", name="Edit Capacity").click()
    page.get_by_role("spinbutton", name="Capacity").fill("501")
    page.get_by_role("button", name="Save").click()
    page.locator(".field .error").wait_for()


def open_rename(page: Page) -> None:
    page.locator("#action-rename").click()
    page.get_by_role("dialog").wait_for()


def choose_an_owner(page: Page) -> None:
    page.get_by_label("New owner").fill("jonas.aas@example.org")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Transfer to").wait_for()


STOPS = (
    Stop("list", "Devices", "The list of devices. Everybody can choose their columns.", "/devices/"),
    Stop(
        "checked",
        "Is it online?",
        "The button above the list checks which of its devices are online, and shows the time of each check.",
        "/devices/?q=cold",
        then=check_rows,
    ),
    Stop(
        "device",
        "One device",
        "Its owner, its state, its values with their age, and the actions you may take.",
        f"/devices/{DEVICE}/",
    ),
    Stop(
        "timeline",
        "Timeline",
        "A month at a glance with a lane for each type of event, and the list of events below.",
        f"/devices/{DEVICE}/timeline/",
    ),
    Stop(
        "metafields",
        "Metafields",
        "Edited in place. If a value is invalid, the field shows why and keeps what you typed.",
        f"/devices/{BENCH}/metafields/",
        then=refuse_a_value,
    ),
    Stop("rename", "Rename", "A dialog for short changes.", f"/devices/{DEVICE}/", then=open_rename),
    Stop(
        "transfer",
        "Transfer",
        "Shows the old and new owner and the consequences before anything is sent.",
        f"/devices/{DEVICE}/transfer-to-owner/",
        then=choose_an_owner,
    ),
    Stop(
        "delete",
        "Delete",
        "A deletion has its own page: what will be deleted, what will be kept, a receipt, and the name to type.",
        f"/devices/{DEVICE}/delete/",
    ),
    Stop("audit", "Audit", "Every change: who made it, what, when, and whether it is confirmed.", "/audit/"),
    Stop(
        "down",
        "When the platform is down",
        "Shows the last data read, with its age. Changes are disabled until the platform is back.",
        f"/devices/{DEVICE}/",
        status=503,
        broken={"path": "*", "kind": "drop"},
    ),
)


def sign_in(page: Page, base: str, account: str = "admin@example.com") -> None:
    page.goto(f"{base}/sign-in/")
    page.fill("input[name=username]", account)
    page.fill("input[name=password]", "demo")
    page.click("main form [type=submit]")
    page.wait_for_url("**/devices/")


def take(page: Page, path: Path) -> None:
    """Save a screenshot in the best quality that is small enough."""
    page.wait_for_timeout(300)  # let transitions end
    devtools = page.context.new_cdp_session(page)
    for quality in QUALITIES:
        answer = devtools.send("Page.captureScreenshot", {"format": "webp", "quality": quality})
        picture = base64.b64decode(answer["data"])
        if len(picture) <= LIMIT:
            break
    else:
        raise Failed(f"{path.name} has {len(picture)} bytes, more than {LIMIT}.")
    path.write_bytes(picture)
    print(f"{path.relative_to(ROOT)}: {len(picture)} bytes")


class Tour:
    def __init__(self, base: str, sandbox: str, browser: Browser) -> None:
        self.base, self.sandbox = base, sandbox
        self.pages = {
            kind: browser.new_context(
                locale="en-GB", timezone_id="Europe/Oslo", reduced_motion="reduce", **how
            ).new_page()
            for kind, how in (("desktop", DESKTOP), ("phone", PHONE))
        }

    def go(self) -> None:
        for page in self.pages.values():
            sign_in(page, self.base)
        self._make_changes(self.pages["desktop"])
        for stop in STOPS:
            for kind, page in self.pages.items():
                self._open(page, stop)
                take(page, FOLDER / f"{stop.name}-{kind}.webp")

    def _open(self, page: Page, stop: Stop) -> None:
        if stop.broken:
            page.goto(self.base + stop.path)  # so that the response is cached
            self._faults("POST", stop.broken)
        try:
            answer = page.goto(self.base + stop.path, wait_until="networkidle")
            if answer is None or answer.status not in {stop.status, 200}:
                raise Failed(f"{stop.path} returned {answer.status if answer else 'nothing'}.")
            if stop.then:
                stop.then(page)
        finally:
            if stop.broken:
                self._faults("DELETE")

    def _make_changes(self, page: Page) -> None:
        """Make a few changes, so that the audit has entries."""
        for device, name in ((2, "Walk-in freezer 2"), (3, "Kitchen cold room - east")):
            page.goto(f"{self.base}/devices/{device}/rename/")
            page.get_by_label("New name").fill(name)
            page.get_by_role("button", name="Rename device").click()
            page.wait_for_url(f"**/devices/{device}/**change=*")

    def _faults(self, method: str, fault: dict[str, Any] | None = None) -> None:
        body = json.dumps(fault).encode() if fault else None
        request = urllib.request.Request(f"{self.sandbox}/_sandbox/faults", body, method=method)  # noqa: S310 - loopback
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - loopback  # nosec B310


def tour_markdown() -> str:
    """docs/tour.md."""
    lines = ["# A tour of the portal", "", "`make tour` takes these pictures from the demo."]
    for stop in STOPS:
        desktop, phone = (f"tour/{stop.name}-{kind}.webp" for kind in ("desktop", "phone"))
        lines += ["", f"## {stop.title}", "", stop.text, ""]
        lines += [f'<img src="{desktop}" width="640" alt="{stop.title}, on a desktop">']
        lines += [f'<img src="{phone}" width="195" alt="{stop.title}, on a phone, dark">']
    return "\n".join(lines) + "\n"


def main() -> int:
    browser_path = chromium_path()
    if browser_path is None:
        print("Chromium was not found: apt-get install chromium fonts-liberation", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tour-") as folder, sync_playwright() as playwright:
        demo = Demo(8093, 8094, 5000, Path(folder))
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        try:
            demo.open()
            Tour(f"http://{HOST}:{demo.port}", f"http://{HOST}:{demo.sandbox_port}", browser).go()
            (ROOT / "docs" / "tour.md").write_text(tour_markdown(), encoding="utf-8")
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1
        finally:
            browser.close()
            demo.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
