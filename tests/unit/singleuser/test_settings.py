"""Culling rules and defaults of a server."""

import subprocess
import sys
from typing import Any

import pytest

from qhub_hub.singleuser.settings import defaults, rules


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, {}),
        ({"QHUB_KERNEL_IDLE": "0", "QHUB_TERMINAL_IDLE": "0", "QHUB_IDLE": "0"}, {}),
        (
            {"QHUB_KERNEL_IDLE": "3600"},
            {
                "MappingKernelManager": {
                    "cull_idle_timeout": 3600,
                    "cull_interval": 300,
                    "cull_connected": True,
                    "cull_busy": False,
                }
            },
        ),
        (
            {"QHUB_TERMINAL_IDLE": "60"},
            {"TerminalManager": {"cull_inactive_timeout": 60, "cull_interval": 15}},
        ),
        ({"QHUB_TERMINAL_IDLE": "1"}, {"TerminalManager": {"cull_inactive_timeout": 1, "cull_interval": 5}}),
        (
            {"QHUB_IDLE": "600"},
            {
                "ServerApp": {"shutdown_no_activity_timeout": 1200},
                "JupyterHubSingleUser": {"hub_activity_interval": 150},
            },
        ),
        (
            {"QHUB_IDLE": "86400"},
            {
                "ServerApp": {"shutdown_no_activity_timeout": 95040},
                "JupyterHubSingleUser": {"hub_activity_interval": 300},
            },
        ),
    ],
    ids=["unset", "never", "kernels", "terminals", "shortest", "server", "server-day"],
)
def test_the_hubs_rules_become_the_servers(env: dict[str, str], expected: dict[str, Any]) -> None:
    assert rules(env) == expected


@pytest.mark.parametrize("text", ["soon", "-5", "1.5", "1h", "²"])
def test_a_limit_that_is_no_number_is_told_and_stops_nothing(text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert rules({"QHUB_IDLE": text}) == {}
    assert f"QHUB_IDLE is {text!r}, which is not a number of seconds" in caplog.text


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({}, None),
        ({"QHUB_ENVIRONMENTS_PAGE": ""}, None),
        ({"QHUB_NAMES_NOTICE": "Names are numbers."}, {"qhubNotice": "Names are numbers."}),
        (
            {"QHUB_ENVIRONMENTS_PAGE": "/services/conda-store/"},
            {"qhubEnvironmentsPage": "/services/conda-store/"},
        ),
    ],
    ids=["nothing", "no-page", "a-notice", "where-environments-are-made"],
)
def test_the_page_is_told_what_there_is_to_tell(env: dict[str, str], told: dict[str, str] | None) -> None:
    server = defaults({"SHELL": "/bin/bash", **env}).ServerApp
    assert (server.tornado_settings["page_config_data"] if "tornado_settings" in server else None) == told


def test_the_way_to_the_server_imports_nothing_that_it_does_not_need() -> None:
    # What is loaded before JupyterLab is paid by every start; what is named here was measured in seconds.
    code = (
        "import sys; from qhub_hub.singleuser.imports import skip_wasted_work; "
        "from qhub_hub.singleuser import __main__; early = set(sys.modules); skip_wasted_work(); "
        "import jupyter_events.schema; late = set(k for k, v in sys.modules.items() if v); "
        "print(sorted({'tornado', 'pydantic', 'sqlalchemy', 'cffi', 'jupyterhub'} & early), "
        "sorted({'rfc3987_syntax', 'lark'} & late))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[] []\n"
