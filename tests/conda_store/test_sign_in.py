"""Who may see what in conda-store: whoever the hub says, as it says it now."""

import json
from urllib.parse import quote

import httpx
import pytest

from qhub_hub.testing.waiting import eventually
from tests.conda_store.conftest import PAGE, Site, listed, order


def test_the_hubs_menu_leads_to_the_page_which_knows_the_person(site: Site) -> None:
    ann = site.hub.person("ann")
    assert f'href="{PAGE}/"' in ann.http.get("/hub/home").text
    page = ann.http.get(f"{PAGE}/", headers={"Accept": "text/html"})
    assert (page.status_code, page.url.path) == (200, f"{PAGE}/ui/")
    assert ann.http.get(f"{PAGE}/static/conda-store-ui/main.js").status_code == 200
    said = ann.http.get(f"{PAGE}/api/v1/permission/").json()["data"]
    assert (said["authenticated"], said["primary_namespace"]) == (True, "user-ann")
    assert {key: value for key, value in said["entity_roles"].items() if "everyone" not in key} == {
        "global/*": ["viewer"],
        "group-data/*": ["developer"],
        "user-ann/*": ["developer"],
    }


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/",
        "/api/v1/permission/",
        "/api/v1/package/",
        "/api/v1/channel/",
        "/api/v1/specification/?conda=tiny",
        "/api/v2/environment/",
        "/api/v1/build/1/logs/",
        "/storage/logs/",
        "/artifacts/x",
        "/admin/",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/static/../api/v1/package/",
        "/login/../api/v1/package/",
    ],
)
def test_strangers_get_nothing(site: Site, path: str) -> None:
    answer = httpx.get(site.hub.address + PAGE + path)
    assert answer.status_code in (401, 404), answer.text
    if answer.status_code == 401:
        assert answer.json()["message"].startswith("Sign in first")


def test_behind_a_proxy_that_encrypts_pages_and_cookies_are_for_https(site: Site) -> None:
    ann = site.person("ann")
    encrypted = {"X-Forwarded-Proto": "https"}
    page = ann.http.get(f"{PAGE}/ui/", headers={"Accept": "text/html", **encrypted})
    assert 'REACT_APP_API_URL: "https://' in page.text
    begun = httpx.get(f"{site.hub.address}{PAGE}/login/", headers=encrypted)
    assert "Secure" in begun.headers["Set-Cookie"]
    assert "Secure" not in httpx.get(f"{site.hub.address}{PAGE}/login/").headers["Set-Cookie"]


def test_strangers_in_a_browser_are_sent_to_the_hubs_sign_in(site: Site) -> None:
    page = httpx.get(f"{site.hub.address}{PAGE}/ui/", headers={"Accept": "text/html"}, follow_redirects=True)
    assert page.url.path == "/hub/login"


@pytest.mark.parametrize("token", ["x", "eyJhbGciOiJub25lIn0.eyJuYW1lIjoiYW5uIn0.", "\u00e9"], ids=repr)
def test_a_made_up_token_is_nobodys(site: Site, token: str) -> None:
    headers = {b"Authorization": f"Bearer {token}".encode()}
    assert httpx.get(f"{site.hub.address}{PAGE}/api/v1/permission/", headers=headers).status_code == 401


def test_who_is_not_in_a_group_does_not_see_its_environments(site: Site) -> None:
    site.built("group-data/tiny")
    ann, eve = site.person("ann"), site.person("eve")
    assert "group-data/tiny" in listed(ann)
    assert ann.http.get(f"{PAGE}/api/v1/environment/group-data/tiny/").status_code == 200
    assert [key for key in listed(eve) if key.startswith("group-data")] == []
    assert eve.http.get(f"{PAGE}/api/v1/environment/group-data/tiny/").status_code == 403
    assert eve.http.delete(f"{PAGE}/api/v1/environment/group-data/tiny/").status_code == 403
    build = ann.http.get(f"{PAGE}/api/v1/environment/group-data/tiny/").json()["data"]["current_build_id"]
    for path in ("", "logs/", "packages/", "lockfile/", "yaml/"):
        assert eve.http.get(f"{PAGE}/api/v1/build/{build}/{path}").status_code == 403
    assert ann.http.get(f"{PAGE}/api/v1/build/{build}/logs/").text.startswith("starting build")


def test_logs_are_at_signed_addresses_for_whoever_is_signed_in(site: Site) -> None:
    site.built("group-data/tiny")
    ann = site.person("ann")
    build = ann.http.get(f"{PAGE}/api/v1/environment/group-data/tiny/").json()["data"]["current_build_id"]
    place = ann.http.get(f"{PAGE}/api/v1/build/{build}/logs/", follow_redirects=False).headers["Location"]
    assert place.startswith(f"{PAGE}/artifacts/")
    log = ann.http.get(place)
    assert log.text.startswith("starting build")
    assert log.headers["X-Content-Type-Options"] == "nosniff"
    assert httpx.get(site.hub.address + place).status_code == 401
    other = f"{place[:-9]}{'B' if place[-9] == 'A' else 'A'}{place[-8:]}"
    for made_up in (other, *(f"{PAGE}/artifacts/{text}" for text in ("logs", "..%2f..%2fsettings.json", "%C3%A9"))):
        assert ann.http.get(made_up).status_code == 404


def test_only_the_hubs_administrators_are_conda_stores(site: Site) -> None:
    admin, ann = site.hub.person("admin"), site.person("ann")
    admin.http.get(f"{PAGE}/ui/", headers={"Accept": "text/html"})
    assert admin.http.get(f"{PAGE}/api/v1/permission/").json()["data"]["entity_roles"] == {"*/*": ["admin"]}
    assert admin.http.get(f"{PAGE}/api/v1/setting/").status_code == 200
    settings = {"conda_allowed_channels": [], "default_uid": 0}
    assert ann.http.put(f"{PAGE}/api/v1/setting/", json=settings).status_code == 403
    assert ann.http.put(f"{PAGE}/api/v1/setting/group-data/", json=settings).status_code == 403
    assert ann.http.post(f"{PAGE}/api/v1/namespace/group-new/").status_code == 403
    role = {"other_namespace": "user-eve", "role": "admin"}
    assert ann.http.post(f"{PAGE}/api/v1/namespace/user-ann/role", json=role).status_code == 403
    assert order(ann, "global/mine", "tiny").status_code == 403


def test_a_token_is_the_person_and_no_more(site: Site) -> None:
    ann = site.person("ann")
    wider = ann.http.post(f"{PAGE}/api/v1/token/", json={"role_bindings": {"*/*": ["admin"]}})
    assert (wider.status_code, "neither less nor more" in wider.text) == (400, True)
    token = ann.http.post(f"{PAGE}/api/v1/token/", json={"primary_namespace": "user-bob"}).json()["data"]["token"]
    answer = httpx.get(f"{site.hub.address}{PAGE}/api/v1/permission/", headers={"Authorization": f"Bearer {token}"})
    said = answer.json()["data"]
    assert (said["primary_namespace"], "*/*" in said["entity_roles"]) == ("user-ann", False)


def test_who_leaves_a_group_loses_its_environments_while_signed_in(site: Site) -> None:
    bob = site.person("bob")
    assert "group-other/*" in bob.http.get(f"{PAGE}/api/v1/permission/").json()["data"]["entity_roles"]
    site.values(other="eve")
    eventually(lambda: "group-other/*" not in bob.http.get(f"{PAGE}/api/v1/permission/").json()["data"]["entity_roles"])
    assert order(bob, "group-other/mine", "tiny").status_code == 403
    site.values(other="bob")


@pytest.mark.parametrize(
    "aim",
    [
        '";alert(1)//',
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/services/conda-store/../../hub/logout",
        "javascript:alert(1)",
        "/user/eve/",
        "",
    ],
)
def test_a_sign_in_leads_to_conda_stores_own_pages_only(site: Site, aim: str) -> None:
    ann = site.hub.person("ann")
    answer = ann.http.get(f"{PAGE}/login/?next={quote(aim, safe='')}")
    assert (answer.status_code, answer.url.path) == (200, f"{PAGE}/ui/")
    assert "alert(1)" not in answer.text
    left = ann.http.post(f"{PAGE}/logout/?next={quote(aim, safe='')}", follow_redirects=False)
    assert left.headers["Location"] == "/hub/home"


def test_a_sign_in_that_somebody_else_began_is_refused(site: Site) -> None:
    ann = site.hub.person("ann")
    answer = ann.http.get(f"{PAGE}/oauth_callback/?code=stolen&state=made-up")
    assert (answer.status_code, "not begun here" in answer.text) == (400, True)


def test_peoples_servers_are_not_sent_the_cookie_and_other_origins_can_not_use_it(site: Site) -> None:
    ann = site.person("ann")
    own = [cookie for cookie in ann.http.cookies.jar if cookie.name == "qhub-conda-store"]
    assert [(cookie.path, cookie.has_nonstandard_attr("HttpOnly")) for cookie in own] == [(PAGE, True)]
    content = json.dumps({"namespace": "user-ann", "specification": "name: x\ndependencies: [tiny]"})
    headers = {"Origin": "http://127.0.0.1:1", "Content-Type": "application/json"}
    answer = ann.http.post(f"{PAGE}/api/v1/specification/", content=content, headers=headers)
    assert (answer.status_code, "another site" in answer.text) == (403, True)
    assert "access-control-allow-origin" not in ann.http.get(f"{PAGE}/api/v1/", headers=headers).headers
