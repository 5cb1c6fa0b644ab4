"""The Secret with what was made once: which keys it must hold, and where the chart reads it from."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.diagnosis.snapshot import BUILDER, Object, Snapshot

COOKIE = "hub.config.JupyterHub.cookie_secret"
CRYPT = "hub.config.CryptKeeper.keys"
_HEX = {COOKIE: 64, CRYPT: 64}
_SHORTEST = {
    "hub.config.ConfigurableHTTPProxy.auth_token": 32,
    "qhub.storageToken": 16,
    "qhub.password": 16,
    "qhub.adminPassword": 32,
}
"""Characters at least."""

_CONDA_STORE = {"hub.services.conda-store.apiToken": 16, "qhub.condaStoreKey": 16}
"""And where conda-store builds."""
_EXISTING = "/usr/local/etc/jupyterhub/existing-secret"


def existing_secret(hub: Object) -> str:
    """Name of the Secret that the values state as `hub.existingSecret`; empty: the chart makes its own."""
    spec = hub["spec"]["template"]["spec"]
    mounts = {
        mount["name"]
        for container in spec["containers"]
        for mount in container.get("volumeMounts") or ()
        if mount["mountPath"].rstrip("/") == _EXISTING
    }
    names = [
        volume["secret"]["secretName"]
        for volume in spec.get("volumes") or ()
        if volume["name"] in mounts and "secret" in volume
    ]
    return names[0] if names else ""


def decoded(secret: Object) -> dict[str, str]:
    """The texts of a Secret; what is no text is left out."""
    texts = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            texts[key] = base64.b64decode(value).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return texts


def check(snapshot: Snapshot) -> Iterator[Finding]:
    """A finding per Secret that lacks what the hub asks for."""
    hub = snapshot.named("deployments", "hub")
    if hub is None or "secrets" not in snapshot.objects:
        return
    own = existing_secret(hub)
    name = own or "hub"
    where, secret = f"secret/{name}", snapshot.named("secrets", name)
    shortest = _SHORTEST | (_CONDA_STORE if _conda_store_builds(snapshot) else {})
    if secret is None:
        why = "jupyterhub.hub.existingSecret names it" if own else "the chart makes it"
        remedy = "Make it with all keys" if own else "Run `helm upgrade` with your values: it is made again"
        asked = ", ".join(sorted([*_HEX, *shortest]))
        yield Finding("secrets", where, f"it does not exist, and {why}.", f"{remedy} ({asked}).")
        return
    if wrong := [f"{key} {fault}" for key, fault in _faults(decoded(secret), shortest).items()]:
        remedy = (
            "Add them (kubectl edit), then: kubectl rollout restart deployment/hub"
            if own
            else ("Restore them with `qhub restore`, or run `helm upgrade`: what is missing is made again")
        )
        yield Finding("secrets", where, f"{'; '.join(wrong)}.", f"{remedy}.")


def _conda_store_builds(snapshot: Snapshot) -> bool:
    """Whether the release has conda-store: its server is in the pod that builds, where the provider says so."""
    builder = snapshot.named("deployments", BUILDER)
    pod = builder["spec"].get("template", {}).get("spec", {}) if builder else {}
    return any(container["name"] == "server" for container in pod.get("containers", ()))


def _faults(texts: Mapping[str, str], shortest: Mapping[str, int]) -> dict[str, str]:
    """What is wrong with a Secret's keys; values are not repeated."""
    asked = sorted([*_HEX, *shortest])
    found = {key: "is missing" for key in asked if not texts.get(key, "").strip()}
    for key, digits in _HEX.items():
        parts = [part for part in texts.get(key, "").strip().split(";") if part]
        if key not in found and not all(re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", part) for part in parts):
            found[key] = f"must be {digits} hexadecimal digits (openssl rand -hex {digits // 2})"
    for key, least in shortest.items():
        if key not in found and len(texts[key].strip()) < least:
            found[key] = f"has {len(texts[key].strip())} characters and must have {least} at least"
    return found
