"""The Kubernetes client is imported piece by piece, and nobody can tell but by time and memory."""

import gc
import subprocess
import sys
from importlib import import_module

import pytest

from qhub_hub.installation.imports import without_collections

CODE = """
import sys
from qhub_hub.installation.imports import import_kubernetes_client_by_need
import_kubernetes_client_by_need()
import_kubernetes_client_by_need()
"""


def said(code: str) -> str:
    return subprocess.run([sys.executable, "-P", "-c", CODE + code], capture_output=True, text=True, check=True).stdout


def test_a_spawner_can_be_imported_without_most_of_the_client() -> None:
    models = "[name for name in sys.modules if name.startswith('kubernetes_asyncio.client.models.')]"
    assert int(said(f"import qhub_hub.hub.kube; print(len({models}))")) < 100


def test_whatever_the_client_offers_is_there_when_it_is_asked_for() -> None:
    names = ("V1Pod", "CoreV1Api", "ApiException", "Configuration", "models", "api", "rest", "ApiClient")
    code = f"from kubernetes_asyncio import client; print([hasattr(client, name) for name in {names}])"
    assert said(code).strip() == str([True] * len(names))
    assert said("from kubernetes_asyncio.client import V1PodSpec as a; from kubernetes_asyncio.client.models import "
                "V1PodSpec as b; print(a is b)").strip() == "True"  # fmt: skip


def test_what_it_does_not_offer_is_missing_as_ever() -> None:
    code = "from kubernetes_asyncio import client; print(hasattr(client, 'V1Nonsense'), 'V1Pod' in dir(client))"
    assert said(code).split() == ["False", "True"]


def test_garbage_is_collected_again_after_an_import_that_failed() -> None:
    with pytest.raises(ImportError, match="nothing"), without_collections():
        import_module("qhub_hub.nothing_of_that_name")
    assert gc.isenabled()
