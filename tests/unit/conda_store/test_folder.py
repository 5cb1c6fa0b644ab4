"""What conda-store's programs find: QHub's package, and QHub's conda command where there is no conda."""

import subprocess
import sys
from pathlib import Path

import pytest

from qhub_hub.conda_store import Settings
from qhub_hub.conda_store.folder import Folder, Programs, forget_drafts
from qhub_hub.environments.conda_store import derived


def settings(**stated: object) -> Settings:
    fields = dict.fromkeys(Settings.__dataclass_fields__, "x") | {"port": 1, "python": sys.executable, **stated}
    return Settings(**fields)  # type: ignore[arg-type]


def test_without_a_conda_its_command_and_its_package_are_qhubs(tmp_path: Path) -> None:
    folder = Folder(tmp_path, Programs("/nowhere", has_conda=False))
    given: list[Path] = []
    folder.fill(settings(), given.append)
    folder.fill(settings(), given.append)  # as at the next start
    assert {path.name for path in given} == {"config.py", "settings.json"}
    variables = folder.variables(tmp_path, tmp_path / "cache/conda")
    for command in ("conda", "mamba"):
        said = subprocess.run([command, "--version"], env=variables, capture_output=True, text=True, check=True)
        assert "QHub's, by py-rattler" in said.stdout
    code = "import conda, qhub_hub; from conda.models.match_spec import MatchSpec; print(MatchSpec('Numpy >=2').name)"
    said = subprocess.run(
        [sys.executable, "-S", "-P", "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    assert said.stdout == "numpy\n"


@pytest.mark.parametrize(("there", "used"), [(("conda",), "conda"), (("conda", "mamba"), "mamba")])
def test_a_real_conda_stays_what_it_is(tmp_path: Path, there: tuple[str, ...], used: str) -> None:
    programs, root = tmp_path / "programs", tmp_path / "root"
    for path in (programs, root):
        path.mkdir()
    for name in there:
        (programs / name).touch(mode=0o755)
    folder = Folder(root, Programs(str(programs), has_conda=True))
    folder.fill(settings())
    assert folder.programs.conda == used
    assert [path.name for path in (root / "python").iterdir()] == ["qhub_hub"]
    assert not any((root / "bin").iterdir())


def test_nothing_of_whoever_starts_them_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HUB", "hush")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    variables = Folder(tmp_path, Programs("/nowhere", has_conda=False)).variables(tmp_path, tmp_path / "cache/conda")
    assert "SECRET_OF_THE_HUB" not in variables
    assert variables["HTTPS_PROXY"] == "http://proxy:3128"


def test_a_companys_own_authority_counts_for_whatever_fetches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path, Programs("/nowhere", has_conda=False))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert "REQUESTS_CA_BUNDLE" not in folder.variables(tmp_path, tmp_path / "cache/conda")
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/ssl/own.pem")
    variables = folder.variables(tmp_path, tmp_path / "cache/conda")
    assert variables["REQUESTS_CA_BUNDLE"] == variables["SSL_CERT_FILE"] == "/etc/ssl/own.pem"


def test_what_is_not_whole_yet_lies_on_the_disk_of_the_packages_and_is_forgotten(tmp_path: Path) -> None:
    folder = Folder(tmp_path, Programs("/nowhere", has_conda=False))
    variables = folder.variables(tmp_path, tmp_path / "cache/conda")
    drafts = Path(variables["TMPDIR"])
    assert (drafts.is_dir(), drafts.parent) == (True, tmp_path)
    (drafts / "one").mkdir()
    (drafts / "one/part").touch()
    (drafts / "two").touch()
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (drafts / "link").symlink_to(kept)
    forget_drafts(variables)
    assert (drafts.is_dir(), list(drafts.iterdir()), (kept / "file").exists()) == (True, [], True)
    forget_drafts({"TMPDIR": str(kept)})  # whoever starts a worker otherwise
    assert (kept / "file").exists()


def test_secrets_of_one_key_are_told_apart() -> None:
    assert len({derived(key, use) for key in (b"a", b"b") for use in ("signing", "reconciler")}) == 4


@pytest.mark.parametrize(("base", "prefix"), [("", "/services/conda-store"), ("/lab", "/lab/services/conda-store")])
def test_it_answers_below_the_hubs_path(base: str, prefix: str) -> None:
    assert settings(base=base).prefix == prefix
