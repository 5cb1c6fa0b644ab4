"""Dask's client and JupyterLab's Dask panel know the gateway, wherever there is one."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from qhub_hub.singleuser.dask import lead_panel, mend_client
from qhub_hub.singleuser.dask_dashboards import routes

GATEWAY = {"DASK_GATEWAY__ADDRESS": "http://127.0.0.1:1", "DASK_GATEWAY__PUBLIC_ADDRESS": "/services/dask-gateway/"}
LINKS = """
from types import SimpleNamespace
from distributed import Client, client
import dask
print(dask.config.get("distributed.client.security-loader"))
for address in ("gateway://127.0.0.1:1/0123abcd", "tls://127.0.0.1:2"):
    bare = object.__new__(Client)
    bare.cluster = None
    bare.scheduler = SimpleNamespace(address=address)
    bare._get_scheduler_info = lambda **_: (bare.scheduler, {"services": {"dashboard": 8787}})
    print(bare.dashboard_link)
print(client._maybe_call_security_loader("tls://127.0.0.1:2"))
"""


def run(code: str, **more: str) -> list[str]:
    """What a Python prints that a server starts."""
    env = {"PATH": "/usr/bin:/bin", **GATEWAY, **more}
    mend_client(env)
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_a_client_by_address_shows_the_dashboard_of_the_gateway_and_leaves_others_alone() -> None:
    assert run(LINKS) == [
        "qhub_gateway_security.load",
        "/services/dask-gateway/clusters/0123abcd/status",
        "http://127.0.0.1:8787/status",
        "None",
    ]


def test_whoever_has_a_loader_of_their_own_keeps_it() -> None:
    assert run(LINKS.rpartition("print")[0], DASK_DISTRIBUTED__CLIENT__SECURITY_LOADER="mine.load")[0] == "mine.load"


def test_an_environment_without_the_gateways_client_says_what_it_lacks() -> None:
    code = (
        "import sys; sys.modules['dask_gateway'] = None\n"
        "from qhub_gateway_security import load\n"
        "try: load({'address': 'gateway://127.0.0.1:1/0123abcd'})\n"
        "except ImportError as error: print(error)"
    )
    assert "lacks the package dask-gateway" in run(code)[0]


@pytest.mark.parametrize(
    ("env", "made"),
    [(GATEWAY, ("qhub_hub.singleuser.dask_panel", "GatewayCluster")), ({}, (None, None))],
    ids=["a gateway", "none"],
)
def test_the_panel_makes_clusters_of_the_gateway_where_there_is_one(
    env: dict[str, str], made: tuple[str | None, ...]
) -> None:
    env = dict(env)
    lead_panel(env)
    assert tuple(env.get(f"DASK_LABEXTENSION__FACTORY__{name}") for name in ("MODULE", "CLASS")) == made


@pytest.mark.parametrize(
    ("env", "settings", "asked"),
    [
        ({}, {}, {}),
        ({"QHUB_ENVIRONMENT": "global/work"}, {}, {"environment": "global/work"}),
        ({"QHUB_ENVIRONMENT": "global/work"}, {"environment": "data/x"}, {"environment": "data/x"}),
    ],
    ids=["none chosen", "chosen at the start", "said otherwise"],
)
def test_clusters_of_the_panel_run_the_environment_that_was_chosen_at_the_start(
    env: dict[str, str], settings: dict[str, str], asked: dict[str, str]
) -> None:
    code = (
        "import asyncio\n"
        "from qhub_hub.singleuser.dask_panel import GatewayCluster\n"
        "async def main():\n"
        f"    cluster = GatewayCluster(asynchronous=True, **{settings!r})\n"
        "    print(cluster._cluster_kwargs)\n"
        "asyncio.run(main())"
    )
    assert run(code, **env, DASK_GATEWAY__AUTH__TYPE="basic") == [str(asked)]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("dask/dashboard/2c17106d-0119-4277-800a-35e0b75c3f67/individual-plots.json", "PanelDashboardHandler"),
        ("services/dask-gateway/clusters/0123abcd/individual-progress", "GatewayPageHandler"),
        ("/services/dask-gateway/clusters/0123abcd/status", "GatewayPageHandler"),
        ("dask/dashboard-check/http%3A%2F%2Flocalhost%3A8787", ""),
        ("dask/clusters", ""),
        ("services/dask-gateway/api/v1/clusters/", ""),
        ("services/dask-gatewayX/clusters/0123abcd/status", ""),
        ("services/conda-store/", ""),
    ],
)
def test_dashboards_alone_are_led_to_the_gateway(path: str, found: str) -> None:
    request = SimpleNamespace(path=f"/user/ann/{path}")
    matching = [rule for rule in routes("/user/ann/", "/services/dask-gateway/") if rule.matcher.match(request)]
    assert "".join(rule.target.__name__ for rule in matching) == found
