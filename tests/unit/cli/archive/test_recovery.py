"""A release is restored in an order that can be repeated, and no secret is ever an argument."""

import base64
import json
from pathlib import Path
from typing import IO, Any

import pytest

from qhub_hub.cli.archive import identities
from qhub_hub.cli.archive.recovery import newer_than, restore, restore_pod
from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.kubectl import Kubectl, KubectlError
from qhub_hub.identity import HighWater
from qhub_hub.identity.store import IdentityStore

COOKIE = "hub.config.JupyterHub.cookie_secret"
HUB = {
    "metadata": {"name": "hub"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"component": "hub", "release": "qhub"}},
        "template": {
            "spec": {
                "serviceAccountName": "hub",
                "initContainers": [{"name": "first"}],
                "containers": [
                    {"name": "hub", "image": "qhub/hub", "args": ["qhub", "hub"], "readinessProbe": {}, "env": []},
                    {"name": "beside", "image": "other"},
                ],
            }
        },
    },
}


class Cluster(Kubectl):
    """Answers as a cluster does, and remembers what it was asked."""

    def __init__(self, servers: int = 0, broken: str = "", mark: int = 0) -> None:
        super().__init__("team")
        object.__setattr__(self, "asked", [])
        object.__setattr__(self, "answers", (servers, broken, mark))

    def run(
        self,
        doing: str,
        *words: str,
        stdin: bytes | IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
        patience: float = 60,
    ) -> bytes:
        self.asked.append((" ".join(words), stdin if isinstance(stdin, bytes) else b""))
        servers, broken, mark = self.answers
        if broken and broken in " ".join(words):
            raise KubectlError(doing, "broken")
        if words[:2] == ("get", "deployment/hub"):
            return json.dumps(HUB).encode()
        if words[:2] == ("get", "pods"):
            return json.dumps({"items": [{}] * servers}).encode()
        if words[:2] == ("get", "secret/hub"):
            return b'{"data": {}}'
        if "--share" in words and isinstance(stdin, bytes):
            water = json.loads(stdin)
            found = {**water, "last_user_id": max(water["last_user_id"], mark)}
            return json.dumps({"mark": found, "owners": {"home": {"zoe": mark}, "shared": {}}}).encode()
        return b""


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """What a backup of a release held in which ann is known."""
    store = IdentityStore(f"sqlite:///{tmp_path}/a.sqlite")
    store.user("ann")
    store.close()
    folder = tmp_path / "unpacked"
    folder.mkdir()
    identities.export(f"sqlite:///{tmp_path}/a.sqlite", folder / "identities.jsonl")
    (folder / "secrets.json").write_text(json.dumps({COOKIE: "ab" * 32}))
    return folder


def test_databases_and_keys_change_while_no_hub_runs(unpacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster: Any = Cluster()
    assert restore(cluster, unpacked, Console()) == []
    asked = [words for words, _ in cluster.asked]
    signs = ("--replicas=0", "--share", "create", "restore --hub", "delete pod", "patch", "--replicas=1", "restart")
    places = [max(place for place, words in enumerate(asked) if sign in words) for sign in signs]
    assert places == sorted(places)


def test_no_secret_is_an_argument_that_others_on_the_machine_can_read(unpacked: Path) -> None:
    cluster: Any = Cluster()
    restore(cluster, unpacked, Console())
    told = " ".join(words for words, _ in cluster.asked)
    encoded = base64.b64encode(("ab" * 32).encode()).decode()
    assert "ab" * 32 not in told
    assert encoded not in told
    assert any(encoded.encode() in stdin for words, stdin in cluster.asked if words.startswith("patch"))


@pytest.mark.parametrize("broken", ["--share", "create", "restore --hub", "patch"])
def test_the_hub_runs_again_whatever_breaks(unpacked: Path, broken: str) -> None:
    cluster: Any = Cluster(broken=broken)
    with pytest.raises(KubectlError):
        restore(cluster, unpacked, Console())
    assert cluster.asked[-1][0] == "scale deployment/hub --replicas=1"


def test_servers_of_people_are_not_forgotten_by_their_hub(unpacked: Path) -> None:
    cluster: Any = Cluster(servers=3)
    with pytest.raises(CommandError, match="3 servers of people run"):
        restore(cluster, unpacked, Console())
    assert not [words for words, _ in cluster.asked if not words.startswith("get")]


def test_a_key_that_is_none_of_the_hubs_does_not_get_into_its_secret(unpacked: Path) -> None:
    (unpacked / "secrets.json").write_text(json.dumps({"values.yaml": "hub: {}"}))
    cluster: Any = Cluster()
    with pytest.raises(CommandError, match="is not what QHub writes"):
        restore(cluster, unpacked, Console())
    assert cluster.asked == []


def test_a_newer_share_moves_the_counters_and_names_folders_nobody_knows(unpacked: Path) -> None:
    notes = restore(Cluster(mark=100_007), unpacked, Console())
    assert "older than the share" in notes[0]
    assert "home/zoe belongs to 100007" in notes[1]
    assert identities.read(unpacked / "identities.jsonl").high_water.last_user_id > 100_007


def test_a_share_of_the_same_age_leaves_nothing_to_say(unpacked: Path) -> None:
    known = identities.read(unpacked / "identities.jsonl")
    assert newer_than(known, HighWater(known.realm, 100_000, 0), {"home": {"ann": 100_000}, "shared": {}}) == []


def test_the_pod_of_a_restore_waits_with_the_hubs_volumes_and_no_token() -> None:
    pod = restore_pod(HUB)
    (container,) = pod["spec"]["containers"]
    assert container["command"][0] == "sleep"
    assert not container.keys() & {"args", "readinessProbe"}
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert "initContainers" not in pod["spec"]
    assert "component" not in pod["metadata"]["labels"]  # no Service sends anybody there


@pytest.mark.parametrize("namespace", ["", "Team", "a b", "--all", "x" * 64, "a;b"])
def test_what_can_be_no_namespace_never_reaches_kubectl(namespace: str) -> None:
    with pytest.raises(CommandError, match="can't be a namespace"):
        Kubectl(namespace)


def test_a_sentence_of_ours_in_a_pod_comes_through() -> None:
    error = KubectlError("The databases can't be read", "qhub: The disk is full.\ncommand terminated with exit code 1")
    assert "The disk is full." in str(error)
