"""People of a hub in the test process: they sign in by its pages and start servers with their own rights only."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

import httpx

from qhub_hub.testing.kube.hub import Answer, KubeHub
from qhub_hub.testing.kube.sign_in_pages import SignInPage

if TYPE_CHECKING:
    from playwright.async_api import Page

_MOST_PAGES = 5  # between the first page and being in
_ANSWERS_WITHIN = 30.0  # seconds
_LOGIN = "hub/login?next=%2Fhub%2Fhome"  # else the hub starts a server for whoever comes in


class NotSignedIn(Exception):
    """Somebody was not let in.

    Args:
        status: of the last page.
        page: its text.
    """

    def __init__(self, name: str, status: int, page: str) -> None:
        super().__init__(f"{name} is not signed in; the last page has status {status}:\n{page}")
        self.status = status
        self.page = page


class SignedIn:
    """Somebody signed in, with a browser's cookies.

    Args:
        hub: where.
        name: user name; known once they are in.
    """

    def __init__(self, hub: KubeHub, name: str) -> None:
        self.hub = hub
        self.name = name
        self.http = httpx.AsyncClient(base_url=hub.url, timeout=_ANSWERS_WITHIN, follow_redirects=True)

    async def api(self, method: str, path: str, json: Any = None) -> Answer:
        """A request to the hub's REST API as its pages make it: `api("GET", "/user")`."""
        headers = {"X-XSRFToken": self._xsrf(), "Referer": f"{self.hub.url}hub/"}
        return _answer(await self.http.request(method, f"hub/api{path}", json=json, headers=headers))

    async def submit(self, form: Mapping[str, Any], server: str = "") -> Answer:
        """Press Start on the spawn page with these fields; the page with a refusal, or a redirect."""
        path = f"hub/spawn/{quote(self.name)}" + (f"/{quote(server)}" if server else "")
        sent = self.http.post(path, params={"_xsrf": self._xsrf()}, data=dict(form), follow_redirects=False)
        return _answer(await sent)

    async def open(self, path: str = "", server: str = "") -> httpx.Response:
        """Open a page of their own server, which signs in to it."""
        name = quote(self.name, safe="@~")
        return await self.http.get(f"user/{name}/" + (f"{quote(server)}/" if server else "") + path)

    async def spawn(
        self, options: Mapping[str, Any] | None = None, *, form: Mapping[str, Any] | None = None, server: str = ""
    ) -> Answer:
        """Start a server, and wait until it answers or has failed.

        Args:
            options: `user_options`, sent by REST.
            form: fields of the spawn page, sent instead.
            server: name of a named server.

        Returns:
            201 where it answers, else the hub's refusal.
        """
        if form is None:
            path = f"/users/{quote(self.name)}/" + (f"servers/{quote(server)}" if server else "server")
            begun = await self.api("POST", path, {"user_options": dict(options or {})})
        else:
            begun = await self.submit(form, server)
        if begun.status not in (201, 202, 302):
            return begun
        if (refused := await self.hub.settled(self.name, server)) is not None:
            return refused
        # The hub has asked the server itself; this is the way that people come.
        page = await self.open(server=server)
        return Answer(201, None) if page.status_code < 500 else _answer(page)

    def _xsrf(self) -> str:
        found = [each.value for each in self.http.cookies.jar if each.name == "_xsrf" and each.path == "/hub/"]
        return found[0] or "" if found else ""


async def sign_in(hub: KubeHub, name: str, password: str, page: "Page | None" = None) -> SignedIn:
    """Sign somebody in through the pages, the provider's included where there is one.

    Args:
        hub: a running hub.
        name: what they type as their name.
        password: what they type.
        page: of Playwright (its asynchronous kind), which then types; both have the same cookies afterwards.

    Raises:
        NotSignedIn: they were not let in.
    """
    person = SignedIn(hub, name)
    try:
        if page is None:
            status, text = await _by_http(person, password)
        else:
            status, text = await _by_browser(person, password, page)
        me = await person.api("GET", "/user")
        if me.status != 200:
            raise NotSignedIn(name, status, text)
    except BaseException:
        await person.http.aclose()
        raise
    person.name = me.body["name"]
    return person


async def _by_http(person: SignedIn, password: str) -> tuple[int, str]:
    page, typed = await person.http.get(_LOGIN), False
    for _ in range(_MOST_PAGES):
        found = SignInPage(page.text)
        if found.form is not None and not typed:
            data = found.form.filled(person.name, password)
            page, typed = await person.http.post(urljoin(str(page.url), found.form.action), data=data), True
        elif found.provider is not None and not typed:
            page = await person.http.get(urljoin(str(page.url), found.provider))
        else:
            break
    return page.status_code, page.text


async def _by_browser(person: SignedIn, password: str, page: "Page") -> tuple[int, str]:
    await page.goto(person.hub.url + _LOGIN)
    secret = page.locator("form input[type=password]").first
    if not await secret.count():
        await page.locator("a[href*=oauth_login]").first.click()
    form = page.locator("form", has=page.locator("input[type=password]")).first
    await form.locator("input:not([type]), input[type=text], input[type=email]").first.fill(person.name)
    await secret.fill(password)
    async with page.expect_navigation() as navigation:
        await secret.press("Enter")
    answer = await navigation.value
    for cookie in await page.context.cookies(person.hub.url + "hub/"):
        person.http.cookies.set(cookie["name"], cookie["value"], cookie["domain"], cookie["path"])
    return (answer.status if answer is not None else 0), await page.content()


def _answer(page: httpx.Response) -> Answer:
    is_json = page.headers.get("Content-Type", "").startswith("application/json")
    return Answer(page.status_code, page.json() if is_json and page.content else page.text)
