"""`make screenshots`: the two pictures of the README, taken from a demo with data of its own.

Needs Chromium on the machine and Playwright from the test lock. Writes docs/list.png and docs/device.png, each less
than 200 KB; ends with 1 and a sentence otherwise.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from tools.demo import ROOT, Demo
from tools.processes import HOST, Failed, chromium_path

LIMIT = 200_000  # bytes
SIZE = ViewportSize(width=1280, height=800)
ACCOUNT = "support@example.com"
PORTS = 8093, 8094
# Without a look at the network: Chromium asks for its makers' hosts otherwise.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-sync", "--no-first-run", "--disable-quic"]


def sign_in(page: Page, base: str) -> None:
    page.goto(f"{base}/sign-in/")
    page.fill("input[name=username]", ACCOUNT)
    page.fill("input[name=password]", "demo")
    page.click("main form [type=submit]")
    page.wait_for_url("**/devices/")


def take(page: Page, address: str, path: Path) -> None:
    answer = page.goto(address, wait_until="networkidle")
    if answer is None or answer.status != 200:
        raise Failed(f"{address} answers with {answer.status if answer else 'nothing'} instead of a page.")
    page.screenshot(path=path)
    size = path.stat().st_size
    if size >= LIMIT:
        raise Failed(f"{path.name} has {size} bytes, more than {LIMIT}.")
    print(f"{path.relative_to(ROOT)}: {size} bytes")


def take_all(base: str, browser_path: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        try:
            page = browser.new_context(viewport=SIZE, color_scheme="light", locale="en-GB").new_page()
            sign_in(page, base)
            take(page, f"{base}/devices/", ROOT / "docs" / "list.png")
            device = page.locator("main table tbody a[href^='/devices/']").first.get_attribute("href")
            take(page, f"{base}{device}", ROOT / "docs" / "device.png")
        finally:
            browser.close()


def main() -> int:
    browser = chromium_path()
    if browser is None:
        print("No Chromium here: apt-get install chromium fonts-liberation", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder:
        demo = Demo(*PORTS, 5000, Path(folder))
        try:
            demo.open()
            take_all(f"http://{HOST}:{demo.port}", browser)
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1
        finally:
            demo.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
