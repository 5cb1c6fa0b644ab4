"""An environment that conda-store built leaves the machine as an image: the same one after a rebuild."""

import subprocess
import sys
from pathlib import Path

from qhub_hub.testing.waiting import eventually
from tests.conda_store.conftest import PAGE, Site


def write(site: Site, key: str, folder: Path) -> str:
    """Digest of the image."""
    place = ["--state", str(site.hub.state), "-f", str(site.hub.values[0])]
    ended = subprocess.run(
        [sys.executable, "-m", "qhub_hub", "env", "image", key, "--output", f"oci:{folder}", *place],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_a_rebuild_of_the_same_packages_is_the_same_image(site: Site, tmp_path: Path) -> None:
    before = site.built("global/work")["build"]
    digest = write(site, "global/work", tmp_path / "a")
    admin = site.hub.person("admin")
    admin.http.get(f"{PAGE}/ui/", headers={"Accept": "text/html"})
    number = before.split("-")[2]
    asked = admin.http.put(f"{PAGE}/api/v1/build/{number}/")
    assert asked.status_code == 200, asked.text
    eventually(lambda: site.entry("global/work")["build"] != before, what="the rebuild is in force")
    assert site.entry("global/work")["status"] == "ready"
    assert write(site, "global/work", tmp_path / "b") == digest
