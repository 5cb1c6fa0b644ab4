"""The spawn page in a real browser: keyboard, no JavaScript, only local requests, contrast, narrow screens."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub._data import DATA_FILES_PATH
from playwright.sync_api import Browser, BrowserContext, Page

from qhub_hub.hub.spawn_page import render_form, template_folder
from qhub_hub.sessions import Amount, Choice, Hardware, Offer, Option, Price
from qhub_hub.testing.waiting import PATIENCE

pytestmark = pytest.mark.browser

STOCK = Path(DATA_FILES_PATH)
TYPES = {".css": "text/css", ".js": "text/javascript", ".woff2": "font/woff2"}
GIB = 2**30


def _hardware(cores: float, gib: int, gpu: int = 0) -> Hardware:
    return Hardware(Amount(cores, cores), Amount(gib * GIB, gib * GIB), gpu, "NVIDIA L4" if gpu else "")


OFFERS = (
    Offer("small", "Small", "For notebooks.", _hardware(2, 4), Price(0.05, "USD"), (), "Everyone", ""),
    Offer("gpu", "GPU", "For training.", _hardware(8, 60, 1), Price(1.2, "USD"), (), "ml", "Only for members of ml."),
    Offer(
        "analysis",
        "Data analysis",
        "Room for tables in memory.",
        _hardware(4, 16),
        Price(0.25, "USD"),
        (
            Option(
                "size",
                "Size",
                (
                    Choice("medium", "Medium", _hardware(4, 16), Price(0.25, "USD")),
                    Choice("large", "Large", _hardware(8, 32), Price(0.5, "USD")),
                ),
            ),
            Option("image", "Image", (Choice("python", "Python"), Choice("r", "R"))),
            Option("environment", "Environment", (Choice("data/geo", "geo"), Choice("data/ml", "ml"))),
        ),
        "Groups data and ml",
        "",
    ),
)
LOCKED = OFFERS[1:2]
RUNNING = {"user": "bea", "server": "", "title": "Small", "started": "2026-08-01T07:40:12Z"}
RUNNING |= {"hardware": "2 cores, 4 GiB", "price": "$0.05 / hour"}
FULL: dict[str, Any] = {
    "user": SimpleNamespace(
        name="root", admin=True, json_escaped_name="root", spawner=SimpleNamespace(options_form="x")
    ),
    "config_problems": [f"values.yaml:{line}: qhub.x: unknown" for line in range(9)],
    "notices": ["Names are numbers in terminals."],
    "error_message": "Only for members of ml.",
    "running": [RUNNING],
}


def _page(offers: tuple[Offer, ...], **variables: Any) -> bytes:
    """The page as JupyterHub renders it: its own templates, with ours in front."""
    stock = STOCK / "templates"
    loader = ChoiceLoader(
        [PrefixLoader({"templates": FileSystemLoader(stock)}), FileSystemLoader([template_folder(), stock])]
    )
    person = SimpleNamespace(
        name="ann", admin=False, json_escaped_name="ann", spawner=SimpleNamespace(options_form="x")
    )
    namespace = {
        "base_url": "/hub/",
        "static_url": lambda path, **_: f"/hub/static/{path}",
        "site_name": "Acme Research",
        "parsed_scopes": {},
        "user": person,
        "for_user": person,
        "url": "/hub/spawn",
        "spawner_options_form": render_form(offers, remembered={}),
    }
    page = Environment(loader=loader, autoescape=True).get_template("spawn.html").render(namespace | variables)
    return page.encode()


@dataclass
class Site:
    """The pages on a free port, and what was posted to them."""

    pages: dict[str, bytes]
    posted: list[dict[str, str]] = field(default_factory=list)
    address: str = ""

    def answer(self, path: str) -> tuple[int, str, bytes]:
        if path in self.pages:
            return 200, "text/html; charset=utf-8", self.pages[path]
        if path == "/hub/logo":
            return 200, "image/svg+xml", (template_folder().parent / "static" / "logo.svg").read_bytes()
        file = STOCK / path.removeprefix("/hub/")
        if path.startswith("/hub/static/") and ".." not in path and file.is_file():
            return 200, TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes()
        return 404, "text/plain", b""

    def post(self, content_type: str, body: bytes) -> None:
        form = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=HTTP)
        self.posted.append(
            {
                str(part.get_param("name", header="content-disposition")): str(part.get_content()).rstrip("\r\n")
                for part in form.iter_parts()
            }
        )


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _send(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._send(*site.answer(urlsplit(self.path).path))

        def do_POST(self) -> None:
            site.post(self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"])))
            self._send(200, "text/html", b"<title>posted</title>")

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@pytest.fixture(scope="module")
def pages() -> dict[str, bytes]:
    return {"/": _page(OFFERS), "/locked": _page(LOCKED), "/none": _page(()), "/full": _page(OFFERS, **FULL)}


@pytest.fixture
def site(pages: dict[str, bytes]) -> Iterator[Site]:
    site = Site(pages)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


def _open(context: BrowserContext, site: Site, path: str = "/") -> Page:
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(site.address + path)
    return page


# A card's label lies over its whole head, so a click on any of its texts is a click on the label: `force` below
# only keeps Playwright from insisting that the text itself is on top.


def _sent(page: Page, site: Site) -> dict[str, str]:
    page.wait_for_function("document.title === 'posted'")
    (sent,) = site.posted
    return sent


ANALYSIS = {"image:analysis": "python", "environment:analysis": "data/geo", "size:analysis": "medium"}


def test_arrow_keys_choose_a_card_tab_reaches_its_options_and_enter_starts(browser: Browser, site: Site) -> None:
    with browser.new_context() as context:
        page = _open(context, site)
        page.focus("h1 >> xpath=following::input[@name='profile'][1]")
        page.keyboard.press("ArrowDown")  # the locked card is stepped over
        assert page.is_checked("input[value=analysis]")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        assert page.is_checked("input[value=large]")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.name") == "image:analysis"
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        assert _sent(page, site) == ANALYSIS | {"profile": "analysis", "size:analysis": "large"}


def test_without_javascript_the_form_posts_what_was_chosen(browser: Browser, site: Site) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = _open(context, site)
        page.get_by_label("Data analysis").check(force=True)
        page.get_by_label("Large").check()
        page.get_by_label("Image").select_option("R")
        page.get_by_role("button", name="Start").click()
        page.wait_for_url("**/hub/spawn")
        (sent,) = site.posted
    chosen = {"profile": "analysis", "size:analysis": "large", "image:analysis": "r"}
    assert sent == ANALYSIS | chosen


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_only_the_options_of_the_chosen_card_are_seen(browser: Browser, site: Site, javascript: bool) -> None:
    with browser.new_context(java_script_enabled=javascript) as context:
        page = _open(context, site)
        size = page.get_by_role("group", name="Size")
        assert page.is_checked("input[value=small]")
        assert not size.is_visible()
        page.get_by_text("Room for tables in memory.").click(force=True)
        assert size.is_visible()
        assert not page.get_by_text("JupyterHub requires JavaScript").is_visible()


def test_the_bar_says_what_start_will_start(browser: Browser, site: Site) -> None:
    with browser.new_context() as context:
        page = _open(context, site)
        assert page.inner_text("#qhub-chosen") == "Small · $0.05 / hour"
        page.get_by_text("Data analysis").click()
        page.get_by_label("Large").check()
        assert page.inner_text("#qhub-chosen") == "Data analysis · Large · $0.50 / hour"


def test_a_locked_card_does_not_react_to_a_click(browser: Browser, site: Site) -> None:
    with browser.new_context() as context:
        page = _open(context, site)
        page.get_by_text("For training.").click(force=True)
        assert page.is_checked("input[value=small]")
        assert page.get_by_role("radio", name="GPU").is_disabled()
        assert page.get_by_text("Only for members of ml.").is_visible()


@pytest.mark.parametrize("path", ["/locked", "/none"])
def test_with_nothing_to_start_there_is_no_start_button(browser: Browser, site: Site, path: str) -> None:
    with browser.new_context() as context:
        page = _open(context, site, path)
        assert page.get_by_role("status").is_visible()
        assert page.get_by_role("button", name="Start").count() == 0


def test_a_chosen_card_and_the_focus_are_seen(browser: Browser, site: Site) -> None:
    with browser.new_context(reduced_motion="reduce") as context:
        page = _open(context, site)
        page.keyboard.press("Tab")
        page.focus("input[value=small]")
        page.keyboard.press("ArrowDown")
        style = "(card, key) => getComputedStyle(card)[key]"
        chosen, other = page.locator(".qh-card").nth(2), page.locator(".qh-card").nth(0)
        assert chosen.evaluate("(card) => getComputedStyle(card).outlineStyle") == "solid"
        assert chosen.evaluate("(card) => parseFloat(getComputedStyle(card).outlineWidth)") >= 2
        assert other.evaluate("(card) => getComputedStyle(card).outlineStyle") == "none"
        assert chosen.evaluate(style, "borderColor") != other.evaluate(style, "borderColor")
        assert page.locator(".qh-options").first.evaluate("(part) => getComputedStyle(part).animationName") == "none"


def test_in_forced_colours_the_chosen_card_still_differs(browser: Browser, site: Site) -> None:
    with browser.new_context(forced_colors="active") as context:
        outline = "(card) => getComputedStyle(card).outlineStyle"
        cards = _open(context, site).locator(".qh-card")
        assert cards.nth(0).evaluate(outline) == "solid"
        assert cards.nth(2).evaluate(outline) == "none"


def test_what_has_the_focus_is_not_behind_the_bar(browser: Browser, site: Site) -> None:
    with browser.new_context(viewport={"width": 900, "height": 420}, reduced_motion="reduce") as context:
        page = _open(context, site)
        page.focus("input[value=small]")
        page.keyboard.press("ArrowDown")
        for _ in range(3):
            page.keyboard.press("Tab")
            bottom = page.evaluate("document.activeElement.getBoundingClientRect().bottom")
            assert bottom <= page.locator(".qh-start").bounding_box()["y"]
        assert page.evaluate("document.activeElement.name") == "environment:analysis"


@pytest.mark.parametrize("path", ["/", "/full", "/locked"])
def test_no_width_needs_sideways_scrolling(browser: Browser, site: Site, path: str) -> None:
    with browser.new_context(reduced_motion="reduce") as context:
        page = _open(context, site, path)
        if path != "/locked":
            page.get_by_text("Room for tables in memory.").click(force=True)
        for width in (320, 768, 1920):
            page.set_viewport_size({"width": width, "height": 700})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_asks_only_its_own_site(browser: Browser, site: Site) -> None:
    with browser.new_context() as context:
        asked: list[str] = []
        failed: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        context.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        context.on("weberror", lambda error: failed.append(str(error.error)))
        _open(context, site, "/full").wait_for_load_state("networkidle")
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {site.address.split("/")[2]}
    assert [url for url in failed if not url.endswith("favicon.ico")] == []


# Every piece of text that is seen, with its contrast to what lies behind it: WCAG 2.2, 1.4.3. The page uses no
# images behind text, so the colours of the ancestors decide.
CONTRAST = """() => {
  const rgba = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const v = c[i] / 255;
    return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.unshift(rgba(getComputedStyle(e).backgroundColor));
    return layers.reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
    if (!text || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const back = behind(element);
    const [a, b] = [light(over(rgba(getComputedStyle(element).color), back)), light(back)];
    found.push([text, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
}"""


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
@pytest.mark.parametrize("path", ["/full", "/locked"])
def test_every_text_has_contrast(browser: Browser, site: Site, path: str, javascript: bool) -> None:
    schemes: tuple[tuple[Literal["light", "dark"], bool], ...] = (("light", False), ("dark", True))
    with browser.new_context(java_script_enabled=javascript, reduced_motion="reduce") as context:
        page = context.new_page()
        for scheme, dark in schemes:
            page.emulate_media(color_scheme=scheme)
            page.goto(site.address + path)
            if path == "/full":
                page.get_by_text("Room for tables in memory.").click(force=True)
            found = page.evaluate(CONTRAST)
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (background == "rgb(19, 22, 28)") == dark
            assert len(found) > 10
            assert [(text, round(ratio, 2)) for text, ratio in found if ratio < 4.5] == []


def test_the_switch_for_dark_mode_reaches_the_cards(browser: Browser, site: Site) -> None:
    with browser.new_context(color_scheme="light", reduced_motion="reduce") as context:
        page = _open(context, site)
        colour = "getComputedStyle(document.querySelector('.qh-card')).backgroundColor"
        before = page.evaluate(colour)
        page.get_by_role("button", name="Toggle dark mode").click()
        assert page.evaluate(colour) != before


def test_a_screen_reader_hears_a_named_group_of_described_choices(browser: Browser, site: Site) -> None:
    with browser.new_context() as context:
        page = _open(context, site)
        group = page.get_by_role("group", name="Choose a profile")
        assert group.get_by_role("radio").count() >= 3
        tree = context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    described = {
        node["name"]["value"]: " ".join(node.get("description", {}).get("value", "").split())
        for node in tree
        if node.get("role", {}).get("value") == "radio"
    }
    assert described["Small"].startswith("$0.05 / hour For notebooks.")
    assert "2 cores" in described["Small"]
    assert described["GPU"].startswith("Only for members of ml.")
