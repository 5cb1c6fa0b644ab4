"""What people and attackers would notice about the spawn page and the pages around it, without a browser."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, nodes
from jupyterhub._data import DATA_FILES_PATH

from qhub_hub.hub.spawn_page import describe_price, render_form, template_folder
from qhub_hub.sessions import Amount, Choice, Hardware, Offer, Option, Price

GIB = 2**30
STOCK = Path(DATA_FILES_PATH) / "templates"
VOID = {"input", "link", "meta", "br", "img", "hr"}
OURS = sorted(path.name for path in template_folder().glob("*.html") if (STOCK / path.name).exists())


def hardware(cores: float, gib: int, gpu: int = 0) -> Hardware:
    return Hardware(Amount(cores, cores), Amount(gib * GIB, gib * GIB), gpu, "l4" if gpu else "")


def offer(profile: str, **changes: Any) -> Offer:
    plain = Offer(profile, profile.title(), "", hardware(2, 4), None, (), "Everyone", "")
    return replace(plain, **changes)


SIZES = Option(
    "size",
    "Size",
    (
        Choice("medium", "Medium", hardware(4, 16), Price(0.25, "USD")),
        Choice("large", "Large", hardware(8, 32), Price(0.5, "USD")),
    ),
)
IMAGES = Option("image", "Image", (Choice("python", "Python"), Choice("r", "R")))
ENVIRONMENTS = Option("environment", "Environment", (Choice("data/geo", "geo"), Choice("data/ml", "ml")))
SMALL = offer("small")
ANALYSIS = offer("analysis", options=(SIZES, IMAGES, ENVIRONMENTS))
LOCKED = offer("gpu", locked="Only for members of ml.", audience="Group ml", price=Price(1.2, "USD"))


def parsed(offers: list[Offer], remembered: dict[str, Any] | None = None, **more: Any) -> BeautifulSoup:
    return BeautifulSoup(render_form(offers, remembered=remembered or {}, **more), "html.parser")


def radio(soup: BeautifulSoup, profile: str) -> Tag:
    (found,) = (tag for tag in soup.select("input[name=profile]") if tag["value"] == profile)
    return found


def selection(soup: BeautifulSoup) -> dict[str, str]:
    """What a browser would send if nobody touched anything."""
    sent = {str(tag["name"]): str(tag["value"]) for tag in soup.select("input[checked], input[type=hidden]")}
    return sent | {
        str(option.find_parent("select")["name"]): str(option["value"]) for option in soup.select("option[selected]")
    }


# Escaping


HOSTILE = [
    pytest.param("<script>alert(1)</script>", id="script"),
    pytest.param('"><img src=x onerror=alert(1)>', id="closes the attribute and the tag"),
    pytest.param("' onfocus='alert(1)' autofocus='", id="single quotes"),
    pytest.param("{{ 7 * 7 }}{% include '/etc/passwd' %}{# #}", id="template braces"),
    pytest.param("</style></label></fieldset><form action=//evil>", id="closes what surrounds it"),
    pytest.param("&lt;b&gt; & &amp;", id="entities"),
]


def hostile_offers(text: str) -> list[Offer]:
    options = tuple(
        replace(option, title=text, choices=(Choice(text, text, choice.hardware, choice.price), choice))
        for option in (SIZES, IMAGES, ENVIRONMENTS)
        for choice in option.choices[:1]
    )
    full = offer(text, title=text, description=text, audience=text, options=options)
    return [full, replace(full, profile="other", locked=text, options=())]


def assert_shown_as_text(text: str) -> None:
    soup = parsed(hostile_offers(text), notices=[text])
    assert {tag.name for tag in soup.find_all(True)} <= {
        *("style", "div", "p", "fieldset", "legend", "input", "span", "label", "ul", "li", "svg", "circle"),
        *("path", "rect", "strong", "select", "option"),
    }
    assert [label.text for label in soup.select("label.qh-title")] == [text, text]
    assert [paragraph.text for paragraph in soup.select(".qh-text")] == [text, text]
    assert [paragraph.text for paragraph in soup.select(".qh-notice, .qh-reason")] == [text, text]
    assert [str(tag["value"]) for tag in soup.select("input[name=profile]")] == [text, "other"]
    assert not [name for tag in soup.find_all(True) for name in tag.attrs if name.startswith(("on", "src"))]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_names_and_descriptions_is_shown_as_text(text: str) -> None:
    assert_shown_as_text(text)


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_no_text_at_all_becomes_markup(text: str) -> None:
    assert_shown_as_text(text)


# What is selected


@pytest.mark.parametrize(
    ("remembered", "expected"),
    [
        pytest.param({}, "small", id="nothing remembered: the first"),
        pytest.param({"profile": "analysis"}, "analysis", id="the last choice"),
        pytest.param({"profile": "gpu"}, "small", id="locked since then"),
        pytest.param({"profile": "gone"}, "small", id="removed since then"),
        pytest.param({"profile": ["analysis"]}, "small", id="a list, as PATCH can store"),
        pytest.param({"profile": {"analysis": 1}}, "small", id="a mapping"),
        pytest.param({"profile": None}, "small", id="null"),
    ],
)
def test_the_last_choice_is_selected_while_it_is_offered(remembered: dict[str, Any], expected: str) -> None:
    soup = parsed([LOCKED, SMALL, ANALYSIS], remembered)
    assert [tag["value"] for tag in soup.select("input[name=profile][checked]")] == [expected]


@pytest.mark.parametrize(
    ("remembered", "expected"),
    [
        pytest.param({}, ("medium", "python", "data/geo"), id="nothing remembered: the defaults"),
        pytest.param(
            {"profile": "analysis", "size": "large", "image": "r", "environment": "data/ml"},
            ("large", "r", "data/ml"),
            id="all remembered",
        ),
        pytest.param(
            {"profile": "analysis", "size": "huge", "image": ["r"], "environment": "data/ml"},
            ("medium", "python", "data/ml"),
            id="what is gone or no string falls back alone",
        ),
        pytest.param(
            {"profile": "small", "size": "large", "image": "r"},
            ("medium", "python", "data/geo"),
            id="another card's choices are not taken over",
        ),
    ],
)
def test_the_options_inside_a_card_are_preselected(remembered: dict[str, Any], expected: tuple[str, ...]) -> None:
    sent = selection(parsed([SMALL, ANALYSIS], remembered))
    assert (sent["size:analysis"], sent["image:analysis"], sent["environment:analysis"]) == expected


def test_an_option_with_one_choice_is_sent_without_asking() -> None:
    only = offer("desktop", options=(Option("image", "Image", (Choice("xfce", "Xfce desktop"),)),))
    soup = parsed([only])
    assert selection(soup) == {"profile": "desktop", "image:desktop": "xfce"}
    assert "Xfce desktop" in soup.text
    assert not soup.select("select")


# Locked cards, and nothing to choose


def test_a_locked_card_is_visible_says_why_and_cannot_be_chosen() -> None:
    soup = parsed([SMALL, LOCKED])
    locked = radio(soup, "gpu")
    assert locked.has_attr("disabled")
    assert locked["aria-disabled"] == "true"
    described = " ".join(soup.find(id=name).text for name in str(locked["aria-describedby"]).split())
    assert "Only for members of ml." in described
    assert "$1.20 / hour" in re.sub(r"\s+", " ", described)
    assert not radio(soup, "small").has_attr("disabled")


@pytest.mark.parametrize(
    ("offers", "sentence"),
    [
        pytest.param([], "There is nothing you can start yet", id="no profile"),
        pytest.param([LOCKED], "Nothing here is open to you yet", id="all locked"),
    ],
)
def test_with_nothing_to_start_a_sentence_says_what_to_do(offers: list[Offer], sentence: str) -> None:
    soup = parsed(offers, {"profile": "gpu"})
    nothing = soup.select_one(".qh-nothing")
    assert nothing is not None
    assert sentence in nothing.text
    assert "Ask an administrator" in nothing.text
    assert not soup.select("input[checked]")
    assert not parsed([SMALL]).select(".qh-nothing")


# Hardware and prices


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        pytest.param(None, "", id="not stated"),
        pytest.param(Price(0, "USD"), "Free", id="zero"),
        pytest.param(Price(0.25, "USD"), "$0.25 / hour", id="dollars"),
        pytest.param(Price(1.5, "EUR"), "€1.50 / hour", id="euros"),
        pytest.param(Price(1234.5, "CHF"), "CHF 1,234.50 / hour", id="no symbol"),
        pytest.param(Price(0.1, "USD"), "$0.10 / hour", id="ten cents"),
        pytest.param(Price(0.0123, "USD"), "$0.012 / hour", id="small"),
        pytest.param(Price(0.00001, "USD"), "$0.00001 / hour", id="tiny, not in powers of ten"),
    ],
)
def test_a_price_reads_as_people_write_it(price: Price | None, expected: str) -> None:
    assert describe_price(price) == expected


@settings(max_examples=100)
@given(st.floats(min_value=0, max_value=1e6, exclude_min=True, allow_subnormal=False))
def test_what_costs_something_never_reads_as_free(per_hour: float) -> None:
    text = describe_price(Price(per_hour, "USD"))
    assert re.fullmatch(r"\$[0-9,.]+ / hour", text)
    assert re.search("[1-9]", text)


def test_sizes_show_their_hardware_and_price_and_the_card_the_lowest() -> None:
    soup = parsed([ANALYSIS])
    rows = [re.sub(r"\s+", " ", row.text).strip() for row in soup.select(".qh-row")]
    assert rows == ["Medium 4 cores, 16 GiB memory $0.25 / hour", "Large 8 cores, 32 GiB memory $0.50 / hour"]
    assert re.sub(r"\s+", " ", soup.select(".qh-price")[0].text).strip() == "from $0.25 / hour"
    facts = soup.select(".qh-facts li:not(.qh-audience)")
    assert [fact.text for fact in facts] == ["2 cores", "4 GiB memory", "2 sizes"]


def test_a_card_without_a_price_shows_none() -> None:
    assert not parsed([SMALL]).select(".qh-price")
    assert "Free" not in parsed([SMALL, ANALYSIS]).text
    assert parsed([offer("free", price=Price(0, "USD"))]).select(".qh-price")[0].text.strip() == "Free"


def test_a_card_says_who_may_use_it() -> None:
    assert "Groups ml and data" in parsed([offer("a", audience="Groups ml and data")]).text


# Markup


class Balance(HTMLParser):
    """Fails on a tag that is closed twice, never, or in the wrong order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        assert tag in {"rect", "circle", "path"} | VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_tag_is_closed_in_order() -> None:
    balance = Balance()
    balance.feed(render_form([SMALL, ANALYSIS, LOCKED], remembered={}, notices=["Careful."]))
    balance.close()
    assert balance.open == []


def test_every_control_has_a_label_and_every_reference_a_target() -> None:
    soup = parsed([SMALL, ANALYSIS, LOCKED])
    ids = [str(tag["id"]) for tag in soup.select("[id]")]
    assert len(ids) == len(set(ids))
    for reference in soup.select("[for], [aria-describedby]"):
        names = str(reference.get("for") or reference["aria-describedby"]).split()
        assert set(names) <= set(ids)
    labelled = {str(label["for"]) for label in soup.select("label[for]")}
    for control in soup.select("input:not([type=hidden]), select"):
        assert control.get("id") in labelled or control.find_parent("label") is not None
    assert all(group.find("legend") for group in soup.select("fieldset"))


def test_the_form_asks_nobody_else_for_anything() -> None:
    html = render_form([SMALL, ANALYSIS, LOCKED], remembered={})
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img", html)
    assert not re.search(r"\son[a-z]+\s*=", html)


# The pages around the form


def person(name: str, admin: bool) -> SimpleNamespace:
    spawner = SimpleNamespace(options_form="")
    return SimpleNamespace(name=name, admin=admin, json_escaped_name=name, spawner=spawner)


def hub_page(name: str, **variables: Any) -> BeautifulSoup:
    """A page as JupyterHub 6.1 renders it with our folder in `template_paths`."""
    loader = ChoiceLoader(
        [PrefixLoader({"templates": FileSystemLoader(STOCK)}), FileSystemLoader([template_folder(), STOCK])]
    )
    environment = Environment(loader=loader, autoescape=True)
    user = person("ann", False)
    namespace: dict[str, Any] = {
        "base_url": "/hub/",
        "static_url": lambda path, **_: f"/hub/static/{path}",
        "user": user,
        "parsed_scopes": {},
        "authenticator": SimpleNamespace(request_otp=False),
        "site_name": "Acme",
    }
    if name == "spawn.html":
        namespace |= {
            "for_user": user,
            "url": "/hub/spawn",
            "spawner_options_form": render_form([SMALL], remembered={}),
        }
    return BeautifulSoup(environment.get_template(name).render(namespace | variables), "html.parser")


@pytest.mark.parametrize("name", OURS)
def test_a_page_of_ours_only_fills_blocks_that_the_stock_page_has(name: str) -> None:
    def blocks(path: Path) -> set[str]:
        tree = Environment(autoescape=True).parse(path.read_text())
        found = {block.name for block in tree.find_all(nodes.Block)}
        bases = [str(node.template.value) for node in tree.find_all(nodes.Extends)]
        return found.union(*(blocks(STOCK / base) for base in bases if (STOCK / base).exists()))

    assert blocks(template_folder() / name) <= blocks(STOCK / name)


PROBLEMS = [f"values.yaml:{line}: <b>qhub.{line}</b>: unknown" for line in range(1, 8)]


def test_administrators_read_what_is_wrong_with_the_values_file() -> None:
    alert = hub_page("spawn.html", user=person("root", True), config_problems=PROBLEMS).select_one("[role=alert]")
    assert alert is not None
    assert [code.text for code in alert.select("li code")] == PROBLEMS[:5]
    assert "And 2 more" in alert.text
    assert not alert.select("b")


@pytest.mark.parametrize("user", [person("ann", False), None], ids=["not an administrator", "not signed in"])
def test_others_read_nothing_of_the_values_file_and_of_other_people(user: SimpleNamespace | None) -> None:
    row = {"user": "bea", "server": "", "title": "Small", "started": "", "hardware": "", "price": ""}
    page = hub_page("spawn.html", user=user, for_user=person("ann", False), config_problems=PROBLEMS, running=[row])
    assert "values.yaml" not in page.text
    assert "bea" not in page.text
    assert "Running now" not in page.text


def test_administrators_see_who_runs_what() -> None:
    row = {
        "user": "<i>bea</i>",
        "server": "thesis",
        "title": "Small",
        "started": "2026-08-01T07:40:12Z",
        "hardware": "2 cores",
        "price": "$0.05 / hour",
    }
    page = hub_page("spawn.html", user=person("root", True), running=[row])
    (cells,) = (
        [re.sub(r"\s+", " ", cell.text).strip() for cell in line.select("th, td")] for line in page.select("tbody tr")
    )
    assert cells == ["<i>bea</i>", "Small thesis", "2 cores", "$0.05 / hour", "2026-08-01 07:40 UTC"]
    assert page.select_one("time[datetime='2026-08-01T07:40:12Z']") is not None
    assert page.select_one("main a[href='/hub/admin']") is not None
    assert "Nobody’s server is running" in hub_page("spawn.html", user=person("root", True), running=[]).text


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        pytest.param("Only for members of ml. <b>", "Only for members of ml. <b>", id="a sentence of ours"),
        pytest.param(
            "HTTP 500: Internal Server Error (Unhandled error starting server ann)",
            "Something went wrong on our side.",
            id="an error that nobody wrote a sentence for",
        ),
    ],
)
def test_a_refused_start_says_so_in_a_sentence(message: str, shown: str) -> None:
    alert = hub_page("spawn.html", error_message=message).select_one("[role=alert]")
    assert alert is not None
    assert shown in alert.text
    assert "HTTP 500" not in alert.text
    assert not alert.select("b")


def test_starting_for_somebody_else_says_for_whom() -> None:
    page = hub_page("spawn.html", user=person("root", True), for_user=person("<b>ann", False))
    assert "You are starting it for <b>ann" in re.sub(r"\s+", " ", page.text)


def test_the_sign_in_page_keeps_its_form_and_shows_name_and_hint() -> None:
    page = hub_page("login.html", user=None, xsrf="token", login_hint="<b>The password is in state/password.")
    assert {tag["name"] for tag in page.select("form input[name]")} == {"_xsrf", "username", "password"}
    assert "<b>The password is in state/password." in page.text
    assert [line.text for line in page.select(".qh-site")] == ["Acme"]


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        pytest.param(403, "This is not open to you", id="403"),
        pytest.param(404, "There is no such page", id="404"),
        pytest.param(500, "Something went wrong on our side", id="500"),
        pytest.param(418, "That did not work", id="any other"),
    ],
)
def test_an_error_page_has_a_sentence_and_no_traceback(status: int, headline: str) -> None:
    name = "404.html" if status == 404 else "error.html"
    broken = RuntimeError("secret of /etc/shadow")
    page = hub_page(name, status_code=status, status_message="Reason", message="", exception=broken)
    assert page.select("h1")[0].text == headline
    assert "secret" not in page.text
    assert page.select_one("main a[href='/hub/home']") is not None


@pytest.mark.parametrize(
    ("variables", "headline"),
    [
        pytest.param({"failed": True, "failed_message": "No <b>room."}, "did not start", id="failed"),
        pytest.param({"failed": True}, "did not start", id="failed without a sentence"),
        pytest.param({"implicit_spawn_seconds": 2}, "is not running", id="starts again by itself"),
        pytest.param({}, "is not running", id="stopped"),
    ],
)
def test_a_server_that_does_not_run_is_explained(variables: dict[str, Any], headline: str) -> None:
    page = hub_page("not_running.html", spawn_url="/hub/spawn/ann", server_name="", **variables)
    assert headline in page.select("h1")[0].text
    assert page.select_one("a#start[href='/hub/spawn/ann']") is not None
    assert ("No <b>room." in page.text) == ("failed_message" in variables)


def test_waiting_works_without_javascript() -> None:
    page = hub_page("spawn_pending.html", progress_url="/hub/api/progress")
    assert page.select_one("noscript meta[http-equiv=refresh]") is not None
    assert "Your server is starting" in page.text
