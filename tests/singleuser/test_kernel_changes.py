"""An open page hears of new kernels soon, and its asking is nobody's activity."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.environments import Environment, Kernel, write_manifest

pytestmark = pytest.mark.root


def told_of_a_namespace(folder: Path, env: dict[str, str]) -> None:
    (folder / "environments/global").mkdir(parents=True)
    (folder / "environments").chmod(0o755)
    (folder / "environments/global").chmod(0o755)
    env["QHUB_ENVIRONMENTS"] = str(folder / "environments/global")


def last_activity(server: Any) -> datetime:
    return datetime.fromisoformat(json.loads(server.request("api/status")[1])["last_activity"])


def test_the_mark_changes_with_the_environments_and_asking_is_no_activity(start: Any) -> None:
    with start(told_of_a_namespace) as server:
        before = last_activity(server)
        status, headers = server.head("qhub/kernels")
        assert (status, headers["Qhub-Kernels"]) == (304, server.head("qhub/kernels")[1]["Qhub-Kernels"])
        assert last_activity(server) == before
        folder = server.folder / "environments/global"
        kernel = Kernel(
            "python3", "Python 3", "python", ("python", "-m", "ipykernel_launcher", "-f", "{connection_file}")
        )
        write_manifest(folder, (Environment("global", "work", f"{folder}/builds/work/1", kernels=(kernel,)),))
        assert server.head("qhub/kernels")[1]["Qhub-Kernels"] != headers["Qhub-Kernels"]
        specs = json.loads(server.request("api/kernelspecs")[1])["kernelspecs"]
        assert specs["env--global--work--python3"]["spec"]["display_name"] == "work (global)"
        assert server.head("qhub/kernels", bearer="")[0] == 403
        assert server.head("qhub/kernels", bearer="strangers")[0] == 403
        status, answer = server.request("api/kernels", body={"name": "env--global--work--python3"})
        assert status == 409, "the build is not there"
        assert "The files of global/work are not there, or not open to you." in json.loads(answer)["message"]
        assert not [path for path in server.home.rglob("*") if "kernel" in path.name.lower() and path.is_file()]


def test_the_page_finds_the_extension(start: Any) -> None:
    with start(told_of_a_namespace) as server:
        assert "qhub-kernels" in server.request("lab")[1].decode()
        status, script = server.request("lab/extensions/qhub-kernels/static/kernels.js")
        assert (status, b"refreshSpecs" in script) == (200, True)
