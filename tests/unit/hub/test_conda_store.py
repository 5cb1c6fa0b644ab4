"""Where the hub finds conda-store: on one machine, in a release, or nowhere."""

from pathlib import Path

import pytest

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.release import ReleaseSecrets, conda_store
from qhub_hub.config.models import Config
from qhub_hub.hub.conda_store import service_of
from qhub_hub.hub.deployment import Cluster, CondaStore, OneMachine, Secrets

SECRETS = Secrets(cookie=b"c" * 32, proxy="p", crypt=(b"k" * 32,), password="p", admin_password="a")
COMMON = {"database": "sqlite://", "usage": "sqlite://", "secrets": SECRETS, "login_hint": ""}
URL = "http://qhub-conda-store:8103"


def machine(port: int) -> OneMachine:
    return OneMachine(
        **COMMON,  # type: ignore[arg-type]
        address="http://127.0.0.1:8000",
        hub_port=1,
        proxy_api_port=2,
        proxy_command=(),
        runtime=Path("/nowhere"),
        dask_port=3,
        dask_command=(),
        conda_store_port=port,
    )


def cluster(base_url: str = "/", store: CondaStore | None = None) -> Cluster:
    return Cluster(
        **COMMON,  # type: ignore[arg-type]
        address="",
        namespace="team",
        release="qhub",
        hub_url="http://hub:8081",
        proxy_api_url="http://proxy-api:8001",
        storage_url="http://qhub-storage:8102",
        lab_image="lab",
        values={"hub": {"baseUrl": base_url}},
        service_tokens={},
        config_d=Path("/nowhere"),
        conda_store=store,
    )


def secrets(folder: Path, **keys: str) -> ReleaseSecrets:
    (folder / "secret").mkdir()
    for key, text in keys.items():
        (folder / "secret" / key).write_text(text)
    return ReleaseSecrets(folder)


def test_nobody_without_it_has_a_service() -> None:
    assert [service_of(place) for place in (None, machine(0), cluster())] == [None, None, None]


def test_one_machine_has_it_on_the_loopback_address() -> None:
    found = service_of(machine(8103))
    assert found is not None
    assert (found.url, found.route) == ("http://127.0.0.1:8103", "/services/conda-store/")
    assert len(found.token) == 64
    assert found.token not in (SECRETS.proxy, SECRETS.cookie.hex())


@pytest.mark.parametrize(("base_url", "base"), [("/", ""), ("/lab/", "/lab"), ("lab", "/lab"), ("", "")])
def test_a_release_has_it_below_the_hubs_path(tmp_path: Path, base_url: str, base: str) -> None:
    held = secrets(tmp_path, **{"hub.services.conda-store.apiToken": "t" * 40})
    environments = Config.model_validate({"environments": {"provider": "conda-store"}}).environments
    store = conda_store(environments, cluster(base_url), held, {"QHUB_CONDA_STORE_URL": URL})
    found = service_of(cluster(base_url, store))
    assert found is not None
    assert (found.url, found.route) == (URL, f"{base}/services/conda-store/")
    assert found.entry["oauth_redirect_uri"] == f"{base}/services/conda-store/oauth_callback/"
    assert found.entry["api_token"] == "t" * 40


@pytest.mark.parametrize("stated", [{}, {"provider": "conda-store", "builder": {"enabled": False}}], ids=str)
def test_a_release_in_which_it_does_not_build_has_none(tmp_path: Path, stated: dict[str, object]) -> None:
    environments = Config.model_validate({"environments": stated}).environments
    assert conda_store(environments, cluster(), secrets(tmp_path), {}) is None


def test_a_missing_token_is_named(tmp_path: Path) -> None:
    environments = Config.model_validate({"environments": {"provider": "conda-store"}}).environments
    with pytest.raises(CommandError, match=r"hub\.services\.conda-store\.apiToken is missing"):
        conda_store(environments, cluster(), secrets(tmp_path), {"QHUB_CONDA_STORE_URL": URL})
