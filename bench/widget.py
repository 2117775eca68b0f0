"""Measures what a page loads for the widget, on the wire, and how soon it can be used on a slow phone; prints JSON.

    .venv/switchboard/bin/python bench/widget.py [--url ADDRESS]

Without an address a switchboard is started for the purpose, with a record of its own. Bytes are what the browser
received: `body` as sent (gzip), `wire` with the response's headers. The phone is Lighthouse's mobile profile: 150 ms
round trips, 1.6 Mbit/s down, 0.75 up, a processor four times slower.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

from bench.whole_stack import running

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
LOCALES = ("en-US", "es-MX")
PHONE_RUNS = 5


def main() -> None:
    """Print what `measure` returns."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", help="a running switchboard; its demo page is measured")
    json.dump(measure(parser.parse_args().url), sys.stdout, indent=1)
    print()


def measure(url: str | None = None) -> dict[str, Any]:
    """Bytes of all that a page loads for the widget: the larger language, and every file by language.

    `gzip_bytes` is what was sent, `wire_bytes` has the headers too, `rest_wire_bytes` is the page itself and the
    first requests of the chat.
    """
    with sync_playwright() as playwright, _address(url) as address:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        pages = {locale: _loaded(browser, address, locale) for locale in LOCALES}
        phone = [_on_a_phone(browser, address) for _ in range(PHONE_RUNS)]
        browser.close()
    return {
        "gzip_bytes": max(_sum(files["widget"], "body") for files in pages.values()),
        "wire_bytes": max(_sum(files["widget"], "wire") for files in pages.values()),
        "rest_wire_bytes": max(_sum(files["rest"], "wire") for files in pages.values()),
        "phone_ms": {name: round(median(run[name] for run in phone)) for name in phone[0]},
        "pages": pages,
    }


def _on_a_phone(browser: Browser, url: str) -> dict[str, float]:
    """Milliseconds from the tap on a link to the button being there, from it to the field, and to the welcome."""
    context = browser.new_context(locale="en-US", viewport={"width": 360, "height": 640}, is_mobile=True,
                                  has_touch=True)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8})
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.locator("haven-chat .launcher").tap()  # waits until it is there, stands still and takes taps
    button = time.perf_counter()
    page.locator("haven-chat textarea").fill("hello")
    field = time.perf_counter()
    page.locator("haven-chat .message.bot").first.wait_for()
    welcome = time.perf_counter()
    context.close()
    return {"to_button": (button - start) * 1000, "to_field": (field - start) * 1000,
            "to_welcome": (welcome - start) * 1000}


def _loaded(browser: Browser, url: str, locale: str) -> dict[str, dict[str, dict[str, int]]]:
    """The demo page opened, the chat opened on it, the help card looked at: every file and its bytes."""
    page = browser.new_page(locale=locale)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    names: dict[str, str] = {}
    heads: dict[str, int] = {}
    files: dict[str, dict[str, int]] = {}

    def answered(event: dict[str, Any]) -> None:
        names[event["requestId"]] = urlsplit(event["response"]["url"]).path
        heads[event["requestId"]] = int(event["response"]["encodedDataLength"])

    def finished(event: dict[str, Any]) -> None:
        name, wire = names.get(event["requestId"], ""), int(event["encodedDataLength"])
        files[name] = {"body": wire - heads.get(event["requestId"], 0), "wire": wire}

    session.on("Network.responseReceived", answered)
    session.on("Network.loadingFinished", finished)
    page.goto(url)
    page.locator("haven-chat .launcher").click()
    page.locator("haven-chat .message.bot").first.wait_for()
    page.locator("haven-chat .urgent").first.click()
    page.wait_for_timeout(500)
    page.context.close()
    script = {name: size for name, size in files.items() if name.startswith("/widget/") and "demo" not in name}
    rest = {name: size for name, size in files.items() if name not in script}
    return {"widget": script, "rest": rest}


def _sum(files: dict[str, dict[str, int]], what: str) -> int:
    return sum(size[what] for size in files.values())


@contextmanager
def _address(url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    with running("switchboard") as stack:
        yield stack.url


if __name__ == "__main__":
    main()
