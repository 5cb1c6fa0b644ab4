"""Environments that conda-store builds: declared ones, people's own, and what becomes of them."""

import json
import os
import signal
import sqlite3
from base64 import b64decode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from qhub_hub.cli import main
from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.waiting import eventually
from tests.conda_store.conftest import PAGE, Site, listed, order
from tests.environments.lab import kernels_of, run_cell, start_kernel


def finished(person: Person, ordered: httpx.Response) -> dict[str, object]:
    """A build, once it is over."""
    path = f"{PAGE}/api/v1/build/{ordered.json()['data']['build_id']}/"
    eventually(lambda: person.http.get(path).json()["data"]["status"] in ("COMPLETED", "FAILED"))
    return person.http.get(path).json()["data"]


@pytest.mark.root
def test_a_declared_environment_becomes_a_kernel_that_is_the_person(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = site.built("global/work")
    assert entry["prefix"] == str((site.environments / "global/envs/work").resolve())
    assert "ipykernel" in entry["packages"]
    eve = site.person("eve")
    eve.start()
    eve.open_server()
    name = "env--global--work--python3"
    eventually(lambda: name in kernels_of(eve))
    kernel = start_kernel(eve, name).json()["id"]
    prefix, uid = run_cell(eve, kernel, "import os, sys; print(sys.prefix, os.getuid())").split()
    assert (prefix, int(uid) >= 100_000) == (entry["prefix"], True)
    assert "PermissionError" in run_cell(eve, kernel, "import sys; print(open(sys.prefix + '/mine', 'w'))")
    assert Path(prefix).stat().st_uid == 65533

    # What she makes herself is hers alone, and in her Lab within seconds.
    ordered = order(eve, "user-eve/own", "python", "ipykernel")
    assert ordered.status_code == 200, ordered.text
    assert finished(eve, ordered)["status"] == "COMPLETED"
    eventually(lambda: "env--user-eve--own--python3" in kernels_of(eve))
    assert (site.environments / "user-eve").stat().st_mode & 0o007 == 0
    assert not any(key.startswith("user-eve") for key in listed(site.person("ann")))

    # The commands see the same, and say who builds.
    state = ["--state", str(site.hub.state), "-f", str(site.hub.values[0])]
    assert main(["env", "list", *state]) == 1  # one can't be built
    said = capsys.readouterr().out
    assert all(key in said for key in ("global/work", "user-eve/own", "conda-store builds these"))
    assert main(["env", "explain", "user-eve/own", *state]) == 0
    assert "in conda-store" in capsys.readouterr().out
    assert main(["env", "build", "global/work", *state]) == 1
    assert "press Rebuild" in capsys.readouterr().err
    eve.stop()


def test_what_can_not_be_built_says_why_in_a_sentence(site: Site) -> None:
    eventually(lambda: site.entry("global/wrong"))
    assert site.entry("global/wrong")["message"].startswith("nosuchpackage is in none of the channels file:///")
    ann = site.person("ann")
    finished(ann, order(ann, "user-ann/clash", "needs-old-tiny", "tiny=2.0"))
    eventually(lambda: site.entry("user-ann/clash"))
    assert site.entry("user-ann/clash")["message"].startswith("These packages can't be installed together")


@pytest.mark.parametrize(
    ("key", "dependencies", "more", "expected"),
    [
        ("user-bob/mine", ["tiny"], {}, "403 You may not do that with user-bob/mine"),
        ("global/mine", ["tiny"], {}, "403 You may not do that with global/mine"),
        ("group-data/tiny", ["tiny=2.0"], {}, "400 is declared in the values file"),
        ("user-ann/my.env", ["tiny"], {}, "400 can't be the name of an environment"),
        ("user-ann/..", ["tiny"], {}, "400 can't be the name of an environment"),
        ("user_ann/mine", ["tiny"], {}, "400 can't be the name of a namespace"),
        ("user.ann/mine", ["tiny"], {}, "400 can't be the name of a namespace"),
        ("user-ann/mine", ["tiny"], {"channels": ["https://evil.example/c"]}, "400 is not allowed here"),
        ("user-ann/mine", ["tiny"], {"channels": ["conda-forge"]}, "400 is not allowed here"),
        ("user-ann/mine", [{"pip": ["tiny"]}], {}, "400 below `pip:` are not built"),
        ("user-ann/mine", ["https://evil.example/x-1-0.conda"], {}, "400 "),
        ("user-ann/mine", [], {}, "400 1 to 500 dependencies"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_order_that_may_not_be_is_refused(
    site: Site, key: str, dependencies: list[str], more: dict[str, object], expected: str
) -> None:
    answer = order(site.person("ann"), key, *dependencies, **more)
    status, _, sentence = expected.partition(" ")
    assert (answer.status_code, sentence in answer.json()["message"]) == (int(status), True), answer.text


def test_lock_files_and_references_are_refused(site: Site) -> None:
    ann = site.person("ann")
    for content in (
        {"is_lockfile": True, "environment_name": "x", "specification": "{}"},
        {"specification": "a: &a [x]\nname: x\ndependencies: *a"},
        {"specification": "x" * 70_000},
        {"specification": ["x"]},
    ):
        answer = ann.http.post(f"{PAGE}/api/v1/specification/", json={"namespace": "user-ann", **content})
        assert answer.status_code == 400, answer.text


def test_a_changed_declaration_is_built_anew_and_the_build_before_stays(site: Site) -> None:
    before = site.built("group-data/tiny")
    wanted = "2.0" if before["packages"] == {"tiny": "1.0"} else "1.0"
    site.values(tiny=wanted)
    eventually(lambda: site.entry("group-data/tiny")["packages"] == {"tiny": wanted})
    assert Path(before["prefix"]).is_dir(), "programs may still run from it"


def test_its_owner_goes_back_to_an_earlier_build_and_deletes_all(site: Site) -> None:
    ann, environment = site.person("ann"), f"{PAGE}/api/v1/environment/user-ann/gone/"
    first = finished(ann, order(ann, "user-ann/gone", "tiny=1.0"))
    second = finished(ann, order(ann, "user-ann/gone", "tiny=2.0"))
    eventually(lambda: site.entry("user-ann/gone").get("packages") == {"tiny": "2.0"})
    newer = Path(site.entry("user-ann/gone")["prefix"])
    assert ann.http.put(environment, json={"build_id": first["id"]}).status_code == 200
    eventually(lambda: site.entry("user-ann/gone")["packages"] == {"tiny": "1.0"})
    # As QHub removes what is not kept any more.
    assert ann.http.delete(f"{PAGE}/api/v1/build/{second['id']}/").status_code == 200
    eventually(lambda: not newer.exists())
    prefix, link = Path(site.entry("user-ann/gone")["prefix"]), site.environments / "user-ann/envs/gone"
    assert link.resolve() == prefix
    assert ann.http.delete(environment).status_code == 200
    eventually(lambda: not site.entry("user-ann/gone") and not prefix.exists() and not link.is_symlink())


def test_who_has_used_their_room_up_is_told_so(site: Site) -> None:
    bob = site.person("bob")
    finished(bob, order(bob, "user-bob/one", "tiny"))
    site.values(quota="1Ki")
    eventually(lambda: site.told["personal_quota"] == 2**10)
    refused = order(bob, "user-bob/two", "tiny")
    assert (refused.status_code, "The builds in user-bob take" in refused.text) == (400, True)
    site.values(quota="1Gi")
    eventually(lambda: site.told["personal_quota"] == 2**30)


def test_nobody_puts_a_build_of_others_into_force(site: Site) -> None:
    site.built("group-data/tiny")
    ann, eve = site.person("ann"), site.person("eve")
    theirs = ann.http.get(f"{PAGE}/api/v1/environment/group-data/tiny/").json()["data"]["current_build_id"]
    own = finished(eve, order(eve, "user-eve/tiny", "tiny"))
    for number, status in ((theirs, 404), (10**6, 404), (own["id"], 200)):
        chosen = eve.http.put(f"{PAGE}/api/v1/environment/user-eve/tiny/", json={"build_id": number})
        assert chosen.status_code == status, chosen.text
    other = eve.http.put(f"{PAGE}/api/v1/environment/group-data/tiny/", json={"build_id": theirs})
    assert other.status_code == 403


def test_nobody_can_hold_everybody_up_by_having_packages_solved(site: Site) -> None:
    answer = site.person("ann").http.get(f"{PAGE}/api/v1/specification/?conda=tiny")
    assert (answer.status_code, "have the environment built" in answer.text) == (400, True)


def test_without_conda_stores_programs_the_hub_says_what_to_install_and_runs_on(
    qhub_up: Callable[..., RunningHub], open_folder: Path
) -> None:
    values = f"qhub: {{environments: {{provider: conda-store, condaStore: {{programs: {open_folder}}}}}}}"
    hub = qhub_up("no-conda-store", values)
    assert "conda-store-server is not in" in hub.said()
    home = hub.person("ann").http.get("/hub/home")
    assert (home.status_code, PAGE in home.text) == (200, False)


@pytest.mark.root
def test_conda_stores_processes_are_a_user_of_their_own_without_the_hubs_secrets(site: Site) -> None:
    secrets = {path.read_text().strip() for path in (site.hub.state / "secrets").iterdir()}
    found = processes(site)
    assert found
    for process in found:
        status = (process / "status").read_text()
        assert "\nUid:\t65533\t65533\t65533\t65533\n" in status
        assert "\nGid:\t65533\t65533\t65533\t65533\n" in status
        said = (process / "environ").read_text() + (process / "cmdline").read_text()
        assert not any(secret in said for secret in secrets)
    for path in (site.hub.state / "conda-store").glob("*.*"):
        assert (path.stat().st_uid, path.stat().st_mode & 0o027) == (0, 0), path


def processes(site: Site) -> list[Path]:
    """conda-store's own processes, without those that hold them."""
    config = os.fsencode(site.hub.state / "conda-store" / "config.py")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if config in said and b"keeper" not in said:
            found.append(process)
    return found


def test_kernels_stay_while_conda_store_is_away_and_every_order_ends(site: Site) -> None:
    entry, ann = site.built("global/work"), site.person("ann")
    ordered = order(ann, "user-ann/died", "python", "ipykernel")
    build = f"{PAGE}/api/v1/build/{ordered.json()['data']['build_id']}/"
    eventually(lambda: ann.http.get(build).json()["data"]["status"] == "BUILDING")
    lost, waits = order(ann, "user-ann/lost", "tiny"), order(ann, "user-ann/waits", "tiny")
    lose(site, lost.json()["data"]["build_id"])
    killed = processes(site)
    for process in killed:
        os.kill(int(process.name), signal.SIGKILL)
    assert site.entry("global/work") == entry
    eventually(lambda: "ended before it was done" in site.entry("user-ann/died").get("message", ""))
    assert not set(processes(site)) & set(killed)
    assert site.entry("global/work") == entry
    for one in (waits, lost, order(ann, "user-ann/died", "tiny")):
        assert finished(ann, one)["status"] == "COMPLETED"
    assert site.built("user-ann/died")["message"] == ""
    log = (site.hub.state / "logs" / "conda-store-worker.log").read_text()
    assert "channeldata.json" not in log, "it copies whole channels into its database"


def lose(site: Site, build: int) -> None:
    """Take an order out of the queue, of some minutes ago, as a disk that is full or too slow does it."""
    data = site.hub.state / "conda-store" / "data"
    with closing(sqlite3.connect(data / "queue.sqlite", timeout=60)) as queue, queue:
        for row, payload in queue.execute("select id, payload from kombu_message where visible").fetchall():
            if f"build-{build}-environment" in b64decode(json.loads(payload)["body"]).decode():
                queue.execute("delete from kombu_message where id = ?", [row])
    with closing(sqlite3.connect(data / "conda-store.sqlite", timeout=60)) as database, database:
        database.execute("update build set scheduled_on = '2026-01-01 00:00:00.000000' where id = ?", [build])
