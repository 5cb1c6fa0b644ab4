"""A real server: who gets in, what the person may change, and what never leaves the machine."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root

HOSTILE = {
    "ServerApp": {
        "identity_provider_class": "jupyter_server.auth.identity.IdentityProvider",
        "authorizer_class": "jupyter_server.auth.authorizer.AllowAllAuthorizer",
        "jpserver_extensions": {"jupyterhub": False},
        "base_url": "/elsewhere/",
        "port": 1,
        "token": "",
        "password": "",
        "password_required": False,
    },
    "IdentityProvider": {"token": ""},
    "MappingKernelManager": {"cull_idle_timeout": 0, "cull_busy": True, "buffer_offline_messages": False},
    "LabApp": {"news_url": "https://news.invalid/feed.xml"},
}


def own_configuration(folder: Path, _env: dict[str, str]) -> None:
    """The person's own Jupyter configuration, in their home."""
    place = folder / "home/.jupyter"
    place.mkdir()
    (place / "jupyter_server_config.json").write_text(json.dumps(HOSTILE))
    for path in (place, place / "jupyter_server_config.json"):
        os.chown(path, 100_777, 100_777)


@pytest.mark.parametrize(("token", "status"), [("anns", 200), ("strangers", 403), ("forged", 403), ("", 403)], ids=str)
def test_only_the_person_gets_in(server: Any, token: str, status: int) -> None:
    assert server.request("api/contents", token)[0] == status


def test_a_persons_own_configuration_counts_but_opens_no_door(start: Any) -> None:
    with start(own_configuration) as server:
        statuses = [server.request("api/contents", token)[0] for token in ("anns", "strangers", "forged", "")]
        page = page_config(server)
        server.request("api/kernels", body={"name": "python3"})
        log = server.log
    assert statuses == [200, 403, 403, 403]
    assert page["news"] == {"disabled": False}, "what is theirs may be changed"
    assert "Culling kernels with idle durations > 1200 seconds at 300 second intervals" in log
    assert "Culling kernels even with busy state" not in log


def page_config(server: Any) -> dict[str, Any]:
    status, body = server.request("lab")
    assert status == 200
    text = body.decode().split('id="jupyter-config-data"', 1)[1].split(">", 1)[1].split("</script>", 1)[0]
    config: dict[str, Any] = json.loads(text)
    return config


def test_nothing_is_asked_of_the_internet_and_no_program_is_started_in_vain(server: Any) -> None:
    page = page_config(server)
    assert server.request("lab/api/news") == (200, b'{"news": []}')
    assert server.request("lab/api/update") == (200, b'{"notification": null}')
    assert page["extensionManager"]["can_install"] is False
    assert "qhubNotice" not in page
    watched = server.watched
    assert {line for line in watched if line.startswith("connect")} == {"connect 127.0.0.1"}
    assert not {line for line in watched if "node" in line}


def test_the_way_to_the_shared_folders_is_in_the_home(server: Any) -> None:
    assert (server.home / "shared").readlink() == server.folder / "share/shared"
    names = {entry["name"] for entry in json.loads(server.request("api/contents/shared")[1])["content"]}
    assert names == {"ml"}
