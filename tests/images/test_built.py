"""Built images, run as a cluster runs them: nobody known, nothing writable, no network."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from qhub_hub import __version__

pytestmark = pytest.mark.images

SOMEBODY = "123456:123456"
SERVER = Path(__file__).with_name("start_server.py")


@pytest.mark.parametrize("user", ["1000:1000", SOMEBODY, "0:0"], ids=["its own", "another", "root"])
def test_the_hub_image_runs_the_package_as_whoever(run, user: str) -> None:
    answer = run("hub", "qhub", "--version", user=user)
    assert (answer.stdout, answer.returncode) == (f"qhub {__version__}\n", 0), answer.stderr


def test_the_hub_image_holds_what_any_control_plane_process_imports(run) -> None:
    modules = "qhub_hub.hub.kube, qhub_hub.hub.wiring, oauthenticator.auth0, nativeauthenticator, psycopg"
    answer = run("hub", "python", "-c", f"import jupyterhub_idle_culler, {modules}")
    assert answer.returncode == 0, answer.stderr


def test_the_hubs_pages_find_their_scripts_and_fonts(run) -> None:
    probe = Path(__file__).with_name("list_page_files.py")
    found = json.loads(run("hub", "python", "/list.py", mounts={probe: "/list.py"}).stdout)
    assert {Path(name).suffix for name in found["named"]} >= {".css", ".js", ".woff2"}
    # A page of JupyterHub 6.1 names this one, nothing loads it, and its own wheel lacks it too.
    assert [name for name in found["missing"] if not name.endswith("js-sha256/build/sha256.min")] == []


COMPILED = """
import importlib.util, sys
from pathlib import Path
sources = [path for path in Path(sys.prefix).glob("lib/python3*/site-packages/**/*.py") if path.stem.isidentifier()]
missing = [path for path in sources if not Path(importlib.util.cache_from_source(str(path))).is_file()]
print(len(sources), *missing[:5])
"""


@pytest.mark.parametrize("image", ["hub", "lab", "conda-store"])
def test_nothing_is_left_to_compile_at_each_start(run, image: str) -> None:
    count, *missing = run(image, "python", "-c", COMPILED).stdout.split()
    assert int(count) > 1000
    assert not [name for name in missing if "/templates/" not in name]


@pytest.mark.parametrize(
    ("image", "folder", "most"),
    [("hub", "/opt/qhub", 165), ("lab", "/opt/lab", 480), ("conda-store", "/opt/conda-store", 240)],
)
def test_an_image_stays_small(run, image: str, folder: str, most: int) -> None:
    megabytes = int(run(image, "du", "-sm", folder).stdout.split()[0])
    assert megabytes <= most


CONDA_STORE = """
import sys
from pathlib import Path
import qhub_hub.conda_store.rattler
sys.path.append(str(Path(qhub_hub.conda_store.rattler.__file__).parent / "python"))
import conda_store_server._internal.server.app, conda_store_server._internal.worker.tasks
import celery.bin.celery, conda_lock.conda_lock
import qhub_hub.conda_store.authentication, qhub_hub.conda_store.configuration, qhub_hub.conda_store.solving
print("all there, and no hub:", "jupyterhub" not in sys.modules, flush=True)
import os; os._exit(0)  # py-rattler breaks Python's own way of ending
"""


@pytest.mark.parametrize("user", ["1000:1000", SOMEBODY], ids=["its own", "another"])
def test_conda_store_and_qhubs_part_of_it_can_be_imported_without_conda(run, user: str) -> None:
    answer = run("conda-store", "python", "-P", "-c", CONDA_STORE, user=user)
    assert answer.stdout == "all there, and no hub: True\n", answer.stderr
    version = run("conda-store", "python", "-P", "-m", "qhub_hub.conda_store.rattler", "--version", CONDA_PKGS_DIRS="/")
    assert "QHub's, by py-rattler" in version.stdout


PROXY = """
const {spawn, execFileSync} = require("child_process");
const proxy = spawn("configurable-http-proxy", ["--ip", "127.0.0.1"], {stdio: "ignore"});
const health = JSON.parse(process.argv[1]);
const look = () => {
  try { execFileSync(health[0], health.slice(1)); } catch { return setTimeout(look, 50); }
  proxy.on("exit", () => { console.log("healthy, then ended"); process.exit(0); });
  proxy.kill();
};
look();
"""


@pytest.mark.parametrize("user", ["1000:1000", SOMEBODY], ids=["its own", "another"])
def test_the_proxy_answers_and_ends_when_told(run, healthcheck: Callable[[str], list[str]], user: str) -> None:
    answer = run("proxy", "node", "-e", PROXY, json.dumps(healthcheck("proxy")), user=user)
    assert answer.stdout == "healthy, then ended\n", answer.stderr


def test_the_proxy_has_no_shell_for_an_intruder(run) -> None:
    assert run("proxy", "/bin/sh", "-c", "true").returncode == 127


def served(run, home: Path, *arguments: str, **env: str) -> dict[str, object]:
    """What became of a server that somebody started: see start_server.py."""
    mounts = {home: "/home/ann", SERVER: "/start_server.py"}
    person = {"HOME": "/home/ann", "USER": "ann", "JUPYTERHUB_USER": "ann"}
    answer = run("lab", "python", "-sP", "/start_server.py", *arguments, user=SOMEBODY, mounts=mounts, **person, **env)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return json.loads(answer.stdout.splitlines()[-1])


@pytest.mark.root
def test_a_server_of_somebody_unknown_to_the_image_starts_soon_and_is_healthy(run, home, healthcheck) -> None:
    found = served(run, home, json.dumps(healthcheck("lab")))
    assert found["healthy"] is True
    assert float(str(found["seconds"])) < 15  # about 1 s on a machine that does nothing else


@pytest.mark.root
def test_the_expected_extensions_are_there_and_collaboration_is_off(run, home, healthcheck) -> None:
    found = served(run, home, json.dumps(healthcheck("lab")))
    loaded = {"dask_labextension", "jupyter_lsp", "jupyter_resource_usage", "jupyterlab_git", "nbdime"}
    assert loaded <= set(found["loaded"])  # type: ignore[call-overload]
    assert "jupyter_server_ydoc" not in found["loaded"]  # type: ignore[operator]


@pytest.mark.root
def test_a_profile_turns_collaboration_on(run, home, healthcheck) -> None:
    found = served(run, home, json.dumps(healthcheck("lab")), LAB_COLLABORATION="on")
    assert "jupyter_server_ydoc" in found["loaded"]  # type: ignore[operator]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A wheel with a module and a command."""
    wheel = tmp_path / "greeting-1.0-py3-none-any.whl"
    record = "greeting-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("greeting.py", "def main():\n    print('hello')\n")
        archive.writestr(f"{record}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        archive.writestr(f"{record}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{record}/entry_points.txt", "[console_scripts]\ngreet = greeting:main\n")
        archive.writestr(f"{record}/RECORD", "")
    return wheel


KERNEL = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel()
try:
    print(client.execute_interactive("import greeting; print(greeting.__file__)", timeout=30)["content"]["status"])
finally:
    manager.shutdown_kernel(now=True)
"""


@pytest.mark.root
def test_what_a_person_installs_lands_in_their_home_and_is_there_after_a_restart(run, home, package) -> None:
    def somebody(*command: str):
        mounts = {home: "/home/ann", package: f"/{package.name}"}
        return run("lab", *command, user=SOMEBODY, mounts=mounts, HOME="/home/ann")

    installed = somebody("pip", "install", "--no-index", f"/{package.name}")
    assert installed.returncode == 0, installed.stderr
    assert list(home.glob(".local/lib/python3*/site-packages/greeting.py"))
    assert somebody("sh", "-c", "greet").stdout == "hello\n"
    assert somebody("python", "-sP", "-c", KERNEL).stdout.endswith("ok\n")


@pytest.mark.root
def test_what_a_person_breaks_in_their_home_does_not_keep_their_server_from_starting(run, home, healthcheck) -> None:
    broken = home / ".local/lib/python3.11/site-packages/tornado"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('broken')\n")
    programs = home / ".local/bin"
    programs.mkdir()
    (programs / "python").write_text("#!/bin/sh\nexit 3\n")
    (programs / "python").chmod(0o755)
    for path in [home, *home.rglob("*")]:
        os.chown(path, 123456, 123456)
    assert served(run, home, json.dumps(healthcheck("lab")))["healthy"] is True
