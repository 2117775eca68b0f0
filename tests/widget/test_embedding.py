"""One script tag on a centre's own page: small, alone, strict, and not to be broken by the page around it."""

from __future__ import annotations

import gzip
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page, Response, expect

from haven.settings import ROOT
from tests.widget.chat import Chat
from tests.widget.conftest import PHONE, Visits

LIMIT = 15 * 1024  # bytes, gzip; the smallest complete widget known has 51 KB

# A page that forbids everything but the one origin, and all inline styles and markup made from text.
STRICT = (
    "default-src 'none'; script-src {origin}/widget/; connect-src {origin}/chat/ {origin}/widget/; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HOST = """<!doctype html><html lang="en"><head><title>A centre</title><meta name="viewport"
content="width=device-width"><link rel="stylesheet" href="/host.css"></head><body><h1>A centre</h1>
<script src="{origin}/widget/haven.js" defer {attributes}></script></body></html>"""
HOSTILE = """* { color: red !important; font-size: 5px !important; display: block !important; width: 40px !important;
position: static !important; margin: 30px !important; visibility: hidden !important;
text-transform: uppercase !important }
"""
LOOKS = """(root) => ['.said', '.by b', 'textarea', 'h2', '.launcher', '.panel'].map((selector) => {
  const look = getComputedStyle(root.querySelector(selector));
  return [look.color, look.fontSize, look.display, look.width, look.margin, look.visibility, look.textTransform,
    look.position];
})"""


def host_page(visits: Visits, *, css: str = "", attributes: str = "", **options) -> Page:
    """A page of the centre on the switchboard's own origin, under the strict policy."""
    context = visits.context(**options)
    policy = STRICT.format(origin=visits.url) + ("; style-src 'self'" if css else "")
    body = HOST.format(origin=visits.url, attributes=attributes)
    context.route(f"{visits.url}/host", lambda route: route.fulfill(
        content_type="text/html", body=body, headers={"Content-Security-Policy": policy}))
    context.route(f"{visits.url}/host.css", lambda route: route.fulfill(content_type="text/css", body=css))
    page = context.new_page()
    page.goto(f"{visits.url}/host")
    return page


def test_strict_policy(visits):
    """Under a policy with no inline anything and Trusted Types, a whole conversation works without a complaint."""
    chat = Chat(host_page(visits)).open()
    chat.ask("what is naloxone")
    expect(chat.page.get_by_text("Where does this come from?")).to_be_visible()
    chat.say("my friend is blue and wont wake up")
    expect(chat.guidance.first).to_be_visible()
    chat.view("Help now").view("Settings and privacy")

    assert [c for c in visits.complaints if "host.css" not in c and "style-src" not in c] == []


def test_hostile_styles(visits):
    """The host page's styles change nothing inside the widget."""
    plain = Chat(host_page(visits)).open()
    ugly = Chat(host_page(visits, css=HOSTILE)).open()

    assert ugly.shadow(LOOKS) == plain.shadow(LOOKS)


def test_no_third_party(visits):
    """From opening the page to leaving the chat, not one request goes to anybody else."""
    chat = visits.chat()
    chat.ask("what is naloxone")
    chat.view("Help now").view("Settings and privacy")
    chat.page.reload()
    expect(chat.message("what is naloxone")).to_be_visible()

    assert visits.foreign == []
    assert not [url for url in visits.requests if url.startswith("data:")]


@pytest.mark.parametrize("locale", ["en-US", "es-MX"])
def test_size(visits, locale):
    """All that a page loads for the widget, opened and used, is 15 KB gzip or less."""
    responses: list[Response] = []
    context = visits.context(locale=locale)
    context.on("response", lambda response: responses.append(response))
    page = context.new_page()
    page.goto(visits.url)
    chat = Chat(page).open()
    chat.panel.get_by_role("button").nth(2).click()
    expect(chat.panel.get_by_role("heading", level=3).first).to_be_visible()

    loaded = {response.url: len(gzip.compress(response.body(), 9)) for response in responses
              if "/widget/" in response.url and "demo" not in response.url}
    assert len(loaded) == 2
    assert sum(loaded.values()) <= LIMIT, loaded


def test_theme_and_name(visits):
    """A site sets its colour by a variable, and its name and language by data attributes."""
    css = "html { --haven-accent: rgb(90, 30, 120); --haven-side: 16px auto }"
    chat = Chat(host_page(visits, css=css, attributes='data-name="Harbor House" data-language="es"')).open()

    expect(chat.panel.get_by_role("heading", name="Harbor House")).to_be_visible()
    colour = chat.shadow("(root) => getComputedStyle(root.querySelector('.launcher')).backgroundColor")
    assert colour == "rgb(90, 30, 120)"
    chat.page.keyboard.press("Escape")
    expect(chat.launcher).to_be_visible()
    assert chat.launcher.bounding_box()["x"] == 16


def test_right_to_left(visits):
    """On a right-to-left page the launcher and the panel stand on the other side."""
    context = visits.context()
    context.route(f"{visits.url}/rtl", lambda route: route.fulfill(content_type="text/html", body=(
        '<!doctype html><html dir="rtl" lang="ar"><title>x</title><script src="/widget/haven.js" defer></script>')))
    page = context.new_page()
    page.goto(f"{visits.url}/rtl")
    chat = Chat(page)
    expect(chat.launcher).to_be_visible()
    assert chat.launcher.bounding_box()["x"] == 16
    chat.open()
    assert chat.panel.bounding_box()["x"] == 16


def test_script_twice(visits):
    """A page that has the script twice by mistake has one widget."""
    context = visits.context()
    tag = '<script src="/widget/haven.js" defer></script>'
    context.route(f"{visits.url}/twice", lambda route: route.fulfill(
        content_type="text/html", body=f"<!doctype html><html lang=en><title>x</title>{tag}{tag}"))
    page = context.new_page()
    page.goto(f"{visits.url}/twice")
    Chat(page).open()

    assert page.locator("haven-chat").count() == 1


def test_full_screen_on_a_phone(visits):
    """On a phone the chat covers the page, which can't be reached behind it; zoom is never limited."""
    chat = visits.chat(**PHONE)
    assert chat.panel.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 640}
    assert chat.shadow("(root) => root.querySelector('dialog').matches(':modal')")
    assert "maximum-scale" not in (ROOT / "widget" / "demo.html").read_text(encoding="utf-8")
    assert chat.shadow("(root) => parseFloat(getComputedStyle(root.querySelector('textarea')).fontSize)") >= 16


def test_packed_files_are_fresh():
    """haven.js, en.js and es.js are what widget/pack.py makes of widget/src."""
    done = subprocess.run([sys.executable, ROOT / "widget" / "pack.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def other_site(stack):
    """A centre's own server on another origin, with the strict policy."""
    body = HOST.format(origin=stack.url, attributes="").encode()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Security-Policy", STRICT.format(origin=stack.url))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", stack.other_port), Site) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_other_origin(visits, other_site):
    """The widget works on a centre's own domain, under the centre's own strict policy."""
    page = visits.context().new_page()
    page.goto(other_site)
    chat = Chat(page).open()
    chat.say("my friend is blue and wont wake up")
    expect(chat.guidance.first).to_be_visible()
    chat.button("Leave now").click()
    expect(page).to_have_title("Weather")


def test_no_other_origin_than_the_named(visits, other_site):
    """A site that is not named may not read the chat, and no site may read the console."""
    request = visits.context().new_page().request
    named, foreign = other_site.rstrip("/"), "https://elsewhere.example"
    asked = [("/chat/centre", named), ("/chat/centre", foreign), ("/staff/login", named), ("/widget/en.js", foreign)]
    allowed = [request.get(f"{visits.url}{path}", headers={"Origin": origin}).headers.get("access-control-allow-origin")
               for path, origin in asked]

    assert allowed == [named, None, None, None]
