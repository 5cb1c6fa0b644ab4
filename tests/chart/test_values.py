"""Values: what is refused and with which words, and that none of them is without effect."""

import json
import re

import pytest
import yaml

from qhub_hub.config import load_values
from qhub_hub.hub.chart_values import HUB, SPAWNER
from tests.chart.conftest import CHART, SETS

SUBCHART = CHART / "charts/jupyterhub"

REFUSED = [
    ("qhub: {nmae: x}", "at '/qhub': additional properties 'nmae' not allowed"),
    ("qhub: {culling: {idle: soon}}", "at '/qhub/culling/idle'"),
    ("qhub: {storage: {claim: {accessMode: Many}}}", "'ReadWriteMany', 'ReadWriteOnce'"),
    ("jupyterhub: {hub: {extraConfg: {}}}", "at '/hub': additional properties 'extraConfg' not allowed"),
    ("jupyterhub: {hub: {db: {type: mysql}}}", "at '/hub/db/type': value must be one of 'sqlite-pvc'"),
    ("jupyterhub: {hub: {db: {type: postgres}}}", "at '/hub/db/url'"),
    ("jupyterhub: {hub: {cookieSecret: short}}", "at '/hub/cookieSecret'"),
    ("jupyterhub: {hub: {config: {jupyterHub: {}}}}", "jupyterHub"),
    ("jupyterhub: {hub: {deploymentStrategy: {type: RollingUpdate}}}", "at '/hub/deploymentStrategy/type'"),
    ("jupyterhub: {proxy: {https: {type: letsencrypt}}}", "'secret', 'manual', 'offload'"),
    ("jupyterhub: {singleuser: {extraFiles: {a: {mountPath: /a}}}}", "at '/singleuser/extraFiles/a'"),
    ("jupyterhub: {hub: {extraFiles: {a: {mountPath: /a.txt, data: {}}}}}", "Use stringData for other files"),
    ("jupyterhub: {enabled: false}", "at '/enabled': value must be true"),
    ("jupyterhub: {singleuser: {networkPolicy: null}}", "at '/singleuser': missing property 'networkPolicy'"),
    ("jupyterhub: {singleuser: {networkPolicy: {enabled: null}}}", "missing property 'enabled'"),
    ("jupyterhub: {proxy: {https: {enabled: true}}}", "jupyterhub.proxy.https.secret.name is empty"),
    ("jupyterhub: {httpRoute: {enabled: true}}", "jupyterhub.httpRoute.gateway.name is empty"),
    ("qhub: {nodeGroups: {user: {placeholders: 1}}}", "jupyterhub.scheduling.podPriority.enabled is false"),
    (
        "qhub: {nodeGroups: {user: {placeholders: 1}}}\njupyterhub: {scheduling: {podPriority: {enabled: true}}}",
        "qhub.nodeGroups.user.cpu or .memory is not stated",
    ),
]


@pytest.mark.parametrize(("values", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_wrong_values_are_refused_with_their_place(refusal, values: str, words: str) -> None:
    assert words in refusal(values)


def test_a_section_too_large_for_a_secret_is_refused_with_a_way_out(refusal) -> None:
    people = {f"person-{number}": {"displayName": "x" * 90} for number in range(9000)}
    assert "Let the sign-in provider say who is in which group" in refusal(json.dumps({"qhub": {"users": people}}))


def test_all_values_that_belong_elsewhere_are_named_at_once(refusal) -> None:
    said = refusal(
        "jupyterhub: {cull: {timeout: 60}, singleuser: {memory: {limit: 1G}, profileList: [{}], uid: 1000},"
        " scheduling: {userScheduler: {enabled: true}}}"
    )
    for words in (
        "jupyterhub.cull is now qhub.culling",
        "jupyterhub.singleuser.memory.limit is now qhub.profiles.<name>.memory.limit",
        "jupyterhub.singleuser.profileList is now qhub.profiles",
        "jupyterhub.singleuser.uid is now qhub.users.<name>.uid",
        "jupyterhub.scheduling.userScheduler.enabled is now nothing",
    ):
        assert words in said


def test_values_that_turn_off_what_does_not_exist_here_are_fine(render) -> None:
    off = (
        "jupyterhub: {scheduling: {userScheduler: {enabled: false}, userPlaceholder: {replicas: 0}},"
        " prePuller: {hook: {enabled: false}}, singleuser: {cloudMetadata: {blockWithIptables: false}, memory: {}}}"
    )
    assert render(values=off).text.count("\nkind:") == render().text.count("\nkind:")


def keys(node: object, path: str = "") -> set[str]:
    """Paths of all values that are no maps."""
    if not isinstance(node, dict) or not node:
        return {path}
    return {each for name, child in node.items() for each in keys(child, f"{path}.{name}" if path else name)}


def properties(schema: dict, node: dict, path: str = "") -> set[str]:
    """Paths of all keys that a schema names, but for those that only say where to go."""
    node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
    if "Elsewhere" in node.get("description", "") or not node.get("properties"):
        return set() if "Elsewhere" in node.get("description", "") else {path}
    return {
        each
        for name, child in node["properties"].items()
        for each in properties(schema, child, f"{path}.{name}" if path else name)
    }


def test_the_file_of_defaults_shows_every_key_that_the_schema_allows() -> None:
    schema = json.loads((SUBCHART / "values.schema.json").read_text())
    allowed = {each for each in properties(schema, schema) if not each.startswith("global") and each != "enabled"}
    shown = keys(yaml.safe_load((SUBCHART / "values.yaml").read_text()))
    # What a probe, a budget or an image may say besides is Kubernetes' business.
    rare = re.compile(r"podSecurityContext|Probe\.|pdb\.|resources\.|labels$|annotations$|imagePullSecrets$")
    assert {each for each in allowed - shown if not rare.search(each)} == set()
    assert shown - allowed - {each for each in shown if rare.search(each)} == set()


def test_every_key_has_an_effect() -> None:
    templates = "\n".join(file.read_text() for file in CHART.rglob("templates/**/*") if file.is_file())
    defaults = yaml.safe_load((SUBCHART / "values.yaml").read_text())
    read_by_hub = {
        *HUB,
        *SPAWNER,
        "hub.config",
        "hub.extraConfig",
        "hub.loadRoles",
        "custom",
        "singleuser.extraEnv",
        "hub.db.url",
    }
    unread = {
        path
        for path in keys(defaults)
        if not any(path == each or path.startswith(f"{each}.") for each in read_by_hub)
        and not re.search(rf"\b{path.rsplit('.', 1)[-1]}\b", templates)
    }
    # Probes, budgets and strategies are handed on whole.
    assert {path for path in unread if not re.search(r"Probe\.|pdb\.|Strategy\.|podSecurityContext", path)} == set()


@pytest.mark.parametrize(
    "taken_back",
    [
        "qhub: null",
        "jupyterhub: null\nglobal: {imagePullSecrets: null}",
        "qhub: {storage: null, signIn: null, profiles: null, groups: null}",
        "qhub: {nodeGroups: {user: null}, storage: {claim: null}}",
        "jupyterhub: {hub: {config: {JupyterHub: null}, services: {a: null}, resources: null}}",
    ],
)
def test_what_is_taken_back_with_null_is_as_if_left_out(render, taken_back: str) -> None:
    assert {"hub", "proxy", "qhub-environments", "qhub-storage"} == set(render(values=taken_back).names("Deployment"))


@pytest.mark.parametrize("file", SETS, ids=lambda file: file.stem)
def test_the_sets_of_values_are_right_to_qhub_too(file) -> None:
    assert not load_values(file).warnings


def test_the_hub_reads_the_section_as_it_was_written(render) -> None:
    section = yaml.safe_load(render("everything").secret("qhub")["qhub.yaml"])
    assert section.keys() == {"qhub"}
    assert section["qhub"]["nodeGroups"]["gpu"]["memory"] == 17179869184
    assert section["qhub"]["profiles"]["small"]["cpu"]["guarantee"] == "250m"
