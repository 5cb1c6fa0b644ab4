"""Two people of different groups, each in a browser of their own, on different nodes."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from qhub_hub.testing.one_machine import Person
from tests.browser.test_two_people import in_terminal
from tests.cluster.kubernetes import until
from tests.cluster.release import Release, typed
from tests.pages import sign_in

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _stopped(team: Release) -> Iterator[None]:
    """What people started by their browsers is stopped."""
    yield
    for name in ("ann", "bob"):
        team.leave(team.person(name))


def signed_in(team: Release, page: Page, name: str) -> Page:
    sign_in(page, team, name)
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    return page


def start(page: Page, card: str, person: str) -> None:
    page.get_by_role("radio", name=re.compile(card)).check(force=True)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(f"/user/{person}/lab"), timeout=120_000)


def test_each_sees_their_cards_and_works_as_themselves_on_their_node(
    team: Release,
    pools: dict[str, str],
    context: Callable[..., BrowserContext],
    keep_screenshot: Callable[[Page, str], None],
) -> None:
    size = {"width": 1280, "height": 1080}
    ann = signed_in(team, context(viewport=size).new_page(), "ann")
    expect(ann.get_by_role("radio", name=re.compile("Near"))).to_be_enabled()
    expect(ann.get_by_role("radio", name=re.compile("Far"))).to_be_disabled()
    expect(ann.get_by_text("Only for members of ocean")).to_be_visible()
    ann.get_by_role("radio", name=re.compile("Near")).check(force=True)
    keep_screenshot(ann, "cluster-spawn-page")
    ann.get_by_role("button", name="Start").click()
    ann.wait_for_url(re.compile("/hub/spawn-pending/ann"), timeout=60_000)
    expect(ann.locator("#progress-message")).not_to_be_empty()
    keep_screenshot(ann, "cluster-waiting")
    ann.wait_for_url(re.compile("/user/ann/lab"), timeout=120_000)

    bob = signed_in(team, context(viewport=size).new_page(), "bob")
    expect(bob.get_by_role("radio", name=re.compile("Near"))).to_be_disabled()
    start(bob, "Far", "bob")

    said = in_terminal(ann, "id; whoami; pwd; echo $HOME; ls -ld ~ ~/shared/*")
    keep_screenshot(ann, "cluster-lab")
    assert "uid=130001(ann) gid=130001(ann)" in said, said
    assert "80001(climate)" in said
    assert "ocean" not in said
    assert re.search(r"drwx------ +\d+ ann +ann ", said), said
    assert re.search(r"drwxrws--- +\d+ root +climate ", said), said
    said = in_terminal(bob, "id; ls /home")
    assert re.search(r"uid=(1\d{5})\(bob\) gid=\1\(bob\)", said), said
    assert "80002(ocean)" in said
    assert "ann" not in said, "another's home is in sight"
    nodes = {name: (team.server_pod(name) or {})["spec"]["nodeName"] for name in ("ann", "bob")}
    assert nodes == {"ann": pools["near"], "bob": pools["far"]}


def test_a_group_shares_files_across_nodes_and_others_stay_outside(
    team: Release, pools: dict[str, str], sign_in: Callable[[str], Person]
) -> None:
    ann, bob, eve = (sign_in(name) for name in ("ann", "bob", "eve"))
    for person, profile in ((ann, "near"), (bob, "far"), (eve, "small")):
        person.api("POST", f"/users/{person.name}/server", {"profile": profile})
    until("all three servers run", lambda: all(one.server().get("ready") for one in (ann, bob, eve)))
    assert (team.server_pod("ann") or {})["spec"]["nodeName"] != (team.server_pod("bob") or {})["spec"]["nodeName"]

    typed(ann, "rm -f /shared/field-trip/log && echo from ann > /shared/field-trip/log")
    assert typed(bob, "cat /shared/field-trip/log && echo from bob >> /shared/field-trip/log") == "from ann"
    assert typed(ann, "cat ~/shared/field-trip/log").splitlines() == ["from ann", "from bob"]
    assert typed(bob, "stat -c '%U %G %A' /shared/field-trip/log") == "ann field-trip -rw-rw-r--"
    assert "No such file" in typed(bob, "ls /shared/climate")
    for path in ("/shared/field-trip/log", "/home/ann"):
        assert re.search("No such file|Permission denied", typed(eve, f"ls {path}"))
