"""`helm install` with no values at all, and then what its notes say, word for word."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.test_two_people import in_terminal
from tests.cluster.kubernetes import CHART, helm, ran, until
from tests.cluster.release import Release, qhub

pytestmark = pytest.mark.browser


@dataclass
class Installed:
    """A release, and when its installation began."""

    release: Release
    began: float

    def commands(self, word: str) -> list[str]:
        """Commands in the notes that contain a word."""
        lines = [line.strip() for line in self.release.notes.splitlines()]
        return [line for line in lines if line.startswith("kubectl") and word in line]


@pytest.fixture(scope="module")
def installed(new_release: Callable[..., Release]) -> Installed:
    """What two words on the command line give."""
    release = new_release()
    began = time.monotonic()
    ended = helm("install", "qhub", str(CHART), "--namespace", release.namespace, values="")
    assert ended.returncode == 0, ended.stderr
    release.notes = ended.stdout
    return Installed(release, began)


def follow(command: str) -> str:
    """What a command of the notes prints."""
    ended = ran("bash", "-c", command, timeout=310)
    assert ended.returncode == 0, f"{command}: {ended.stderr}"
    return ended.stdout.strip()


def test_the_notes_lead_from_the_installation_to_a_terminal(
    installed: Installed,
    context: Callable[..., BrowserContext],
    figure: Callable[[str, float], None],
) -> None:
    (wait,) = installed.commands("rollout status")
    follow(wait)
    (forward,) = installed.commands("port-forward")
    # The notes lead to port 8000 of this machine, which somebody else may be using.
    assert forward.endswith("port-forward service/proxy-public 8000:80")
    installed.release.ready()
    of_all, of_admin = (follow(command) for command in installed.commands("get secret"))
    assert of_all != of_admin

    page = context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(installed.release.address)
    page.get_by_label("Username").fill("carla")
    page.get_by_label("Password").fill(of_all)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    figure("helm install → signed in (with the browser)", installed.began)
    pressed = time.monotonic()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile("/user/carla/lab"), timeout=120_000)
    figure("Start pressed → JupyterLab's page, on fresh nodes", pressed)
    said = in_terminal(page, "id; whoami; pwd; ls -ld ~")
    assert re.search(r"uid=(1\d{5})\(carla\) gid=\1\(carla\) groups=\1\(carla\),7\d{4}\(everyone\)", said), said
    assert re.search(r"^/home/carla\r?$", said, re.MULTILINE), said
    assert re.search(r"drwx------ +\d+ carla +carla ", said), said

    administrator = context().new_page()
    administrator.goto(f"{installed.release.address}/hub/login?next=/hub/admin")
    administrator.get_by_label("Username").fill("admin")
    administrator.get_by_label("Password").fill(of_admin)
    administrator.get_by_role("button", name="Sign in").click()
    expect(administrator.get_by_text("carla").first).to_be_visible(timeout=30_000)


def test_the_password_of_all_is_not_that_of_the_administrator(installed: Installed) -> None:
    installed.release.ready()
    person = installed.release.person("dora")
    assert person.api("GET", "/users").status_code == 403
    refused = person.http.post(
        "/hub/login",
        params={"_xsrf": person.xsrf("/hub/")},
        data={"username": "admin", "password": installed.release.password("dora")},
        follow_redirects=False,
    )
    assert refused.status_code == 403


def test_the_notes_say_what_removal_leaves(installed: Installed) -> None:
    notes = " ".join(installed.release.notes.split())
    assert "leaves people's files and their ids" in notes
    (removal,) = installed.commands("delete pvc")
    claims = {claim["metadata"]["name"] for claim in installed.release.objects("pvc")}
    assert set(removal.split(" pvc ")[1].split()) == claims == {"qhub-share", "hub-db-dir"}


def test_doctor_finds_nothing_wrong(installed: Installed) -> None:
    installed.release.ready()

    def content() -> bool:
        ended = qhub("doctor", "--namespace", installed.release.namespace)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout.startswith("0 problems")

    until("qhub doctor has no complaint", content, every=2)
