"""Records of packages: what can't be understood counts for nothing, and a platform is one of Linux's."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.environments.oci import ImageError
from qhub_hub.environments.oci.packages import Installed, read_packages
from qhub_hub.environments.oci.prefix import Prefix


def installed(folder: Path, *records: Any) -> Installed:
    meta = folder / "conda-meta"
    meta.mkdir(exist_ok=True)
    for number, record in enumerate(records):
        (meta / f"{number}.json").write_text(record if isinstance(record, str) else json.dumps(record))
    return read_packages(Prefix(folder), list(Prefix(folder).entries()))


def package(**more: Any) -> dict[str, Any]:
    return {"name": "one", "version": "1", "files": ["bin/one"], "subdir": "linux-64", **more}


def test_the_newest_package_says_how_old_the_image_is(tmp_path: Path) -> None:
    found = installed(tmp_path, package(timestamp=1_700_000_000_000), package(name="two", timestamp=1_600_000_000))
    assert f"{found.newest:%Y-%m-%d}" == "2023-11-14"
    assert sorted(one.name for one in found.packages) == ["one", "two"]
    assert found.architecture("arm64") == "amd64"


@pytest.mark.parametrize(
    ("platforms", "architecture"),
    [(["linux-aarch64", "noarch"], "arm64"), (["noarch"], "riscv64"), ([], "riscv64")],
    ids=["other", "any", "nothing"],
)
def test_the_processor_is_that_of_the_packages(tmp_path: Path, platforms: list[str], architecture: str) -> None:
    records = [package(name=f"p{number}", subdir=platform) for number, platform in enumerate(platforms)]
    assert installed(tmp_path, *records).architecture("riscv64") == architecture


@pytest.mark.parametrize("platforms", [["osx-64"], ["linux-64", "linux-aarch64"]], ids=["not Linux", "two"])
def test_what_no_image_can_hold_is_said(tmp_path: Path, platforms: list[str]) -> None:
    records = [package(name=f"p{number}", subdir=platform) for number, platform in enumerate(platforms)]
    with pytest.raises(ImageError, match="An image is for one platform of Linux"):
        installed(tmp_path, *records).architecture("amd64")


anything = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one, max_size=3))


@given(
    st.fixed_dictionaries(
        {}, optional={"name": anything, "version": anything, "files": anything, "timestamp": anything}
    )
)
def test_whatever_a_record_says_nothing_breaks(tmp_path_factory: pytest.TempPathFactory, record: Any) -> None:
    installed(tmp_path_factory.mktemp("m"), record, "no JSON", "[]")
