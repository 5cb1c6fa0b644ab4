"""More than a thousand environments, in a conda-store that nobody has signed in to."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from qhub_hub.conda_store.folder import SERVER, Folder, Programs
from qhub_hub.conda_store.rest import CondaStore, Unavailable
from qhub_hub.conda_store.settings import Settings, Values
from qhub_hub.testing.one_machine import free_port
from qhub_hub.testing.waiting import eventually
from tests.conda_store.conftest import PAGE
from tests.conda_store.programs import programs

MANY = 1200
TOKEN = "reconciler-of-this-test"
# Names that conda-store takes for patterns, beside those that they would match.
ODD = ("user-ann", "userxann", "user.ann", "user_ann", "user+ann", "user-an_", "user-a.n")


@dataclass
class Bare:
    """A conda-store of which only the server runs, and whose hub is a word."""

    port: int
    database: Path
    rest: CondaStore


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    folder = tmp_path_factory.mktemp("bare")
    (folder / "data").mkdir()
    port = free_port()
    settings = Settings(
        address="127.0.0.1",
        port=port,
        base="",
        hub_api="http://127.0.0.1:1/hub/api",
        token="t" * 32,
        signing="s" * 64,
        reconciler=TOKEN,
        store=str(folder / "store"),
        data=str(folder / "data"),
        values=str(folder / "values.json"),
        python=sys.executable,
        conda="conda",
    )
    place = Folder(folder, Programs(str(programs()), has_conda=False))
    place.fill(settings)
    (folder / "values.json").write_text(Values().text())
    keeper = (sys.executable, "-P", "-m", "qhub_hub.conda_store.keeper", "0")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*keeper, place.programs.command(SERVER), "--config", str(place.config)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=place.variables(folder, folder / "packages"),
            start_new_session=True,
        )
    rest = CondaStore(port, TOKEN)

    def answers() -> bool:
        assert server.poll() is None, (folder / "log").read_text()
        try:
            return bool(rest.namespaces())
        except Unavailable:
            return False

    eventually(answers)
    yield Bare(port, folder / "data" / "conda-store.sqlite", rest)
    assert server.stdin is not None
    server.stdin.close()
    server.wait()


def insert(bare: Bare, namespace: str, names: list[str]) -> None:
    """Environments, each with a build, as conda-store writes them."""
    now = "2026-11-21 12:00:00.000000"
    with closing(sqlite3.connect(bare.database)) as database:
        cursor = database.cursor()
        cursor.execute("insert or ignore into namespace (name, metadata_) values (?, '{}')", [namespace])
        (of,) = cursor.execute("select id from namespace where name = ?", [namespace]).fetchone()
        for name in names:
            spec = json.dumps({"name": name, "channels": [], "dependencies": ["tiny"]})
            cursor.execute(
                "insert into specification (name, spec, sha256, created_on, is_lockfile) values (?, ?, ?, ?, 0)",
                [name, spec, f"{namespace}/{name}", now],
            )
            specification = cursor.lastrowid
            cursor.execute(
                "insert into environment (namespace_id, name, description) values (?, ?, '')",
                [of, name],
            )
            environment = cursor.lastrowid
            cursor.execute(
                "insert into build (specification_id, environment_id, status, size, scheduled_on, ended_on, "
                "build_key_version) values (?, ?, 'COMPLETED', 1, ?, ?, 2)",
                [specification, environment, now, now],
            )
            cursor.execute("update environment set current_build_id = ? where id = ?", [cursor.lastrowid, environment])
        database.commit()


def test_all_of_more_than_a_thousand_environments_and_builds_are_listed(bare: Bare) -> None:
    insert(bare, "global", [f"many-{number}" for number in range(MANY)])
    begun = time.monotonic()
    listed = [one for one in bare.rest.environments() if one.namespace == "global"]
    assert len({one.name for one in listed}) == len(listed) == MANY
    builds = [build.id for build in bare.rest.builds()]
    assert {one.current for one in listed} <= {*builds}
    assert builds == sorted(builds, reverse=True)
    assert time.monotonic() - begun < 60


def test_names_that_are_patterns_match_nobody_elses(bare: Bare) -> None:
    for namespace in ODD:
        insert(bare, namespace, ["env"])
    script = (
        "import json, sys, jwt, datetime\n"
        "from conda_store_server._internal import schema\n"
        "from qhub_hub.conda_store.authorization import SlugAuthorization\n"
        "from conda_store_server.server.schema import AuthenticationToken, Permissions\n"
        "from qhub_hub.conda_store.rights import Rights\n"
        "ask = SlugAuthorization()\n"
        "seen = {}\n"
        "for own in json.loads(sys.argv[1]):\n"
        "    token = AuthenticationToken(role_bindings=Rights(False, own, (own,), (own,)).bindings())\n"
        "    seen[own] = [n for n in json.loads(sys.argv[1]) if ask.authorize(token, f'{n}/env', "
        "{Permissions.ENVIRONMENT_READ})]\n"
        "print(json.dumps(seen))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(bare.database.parents[1] / "python")}
    ended = subprocess.run(
        [str(programs() / "python"), "-c", script, json.dumps(ODD)], env=env, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    # What is no slug is nobody's, whoever has it, and matches nothing.
    assert json.loads(ended.stdout) == {name: [name] if name in ("user-ann", "userxann") else [] for name in ODD}
    for namespace in ODD:
        answer = httpx.get(
            f"http://127.0.0.1:{bare.port}{PAGE}/api/v1/environment/{namespace}/env/",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert answer.status_code == (200 if set(namespace) <= set("abcdefghijklmnopqrstuvwxyz-") else 400)


def test_a_hub_that_does_not_answer_lets_nobody_in(bare: Bare) -> None:
    script = (
        "import datetime, sys, jwt\n"
        "print(jwt.encode({'name': 'ann', 'primary_namespace': 'user-ann', 'role_bindings': {'*/*': ['admin']},"
        " 'exp': datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)}, 's' * 64, 'HS256'))\n"
    )
    token = subprocess.run(
        [str(programs() / "python"), "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()
    answer = httpx.get(
        f"http://127.0.0.1:{bare.port}{PAGE}/api/v1/permission/", headers={"Authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, "hub can't be asked" in answer.text) == (503, True)
