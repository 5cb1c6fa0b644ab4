"""Pod Security admission: the levels `baseline` and `restricted`, told apart and worded as the API server does.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ (Linux pods).
"""

from qhub_hub.testing.kube.kinds import Object
from qhub_hub.testing.kube.pod_security_baseline import (
    BASELINE,
    BESIDE_RESTRICTED,
    Check,
    added_capabilities,
    containers,
    context,
    named,
    seccomp_type,
    those,
)

ENFORCE = "pod-security.kubernetes.io/enforce"
"""Label of a namespace that names the level its pods must keep to."""

_RESTRICTED_VOLUMES = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)


def violations(spec: Object, level: str) -> list[str]:
    """What a pod does against a level; empty where it keeps to it.

    Args:
        spec: of the pod.
        level: `privileged`, `baseline` or `restricted`.
    """
    checks = {"baseline": BASELINE, "restricted": _RESTRICTED}.get(level, ())
    return [found for check in checks if (found := check(spec))]


def denial(spec: Object, level: str) -> str | None:
    """The sentence with which a pod is refused, or None."""
    found = violations(spec, level)
    return f'violates PodSecurity "{level}:latest": {", ".join(found)}' if found else None


def _escalation(spec: Object) -> str | None:
    names = those(spec, lambda container: context(container).get("allowPrivilegeEscalation") is not False)
    if not names:
        return None
    rule = "must set securityContext.allowPrivilegeEscalation=false"
    return f"allowPrivilegeEscalation != false ({named(names)} {rule})"


def _restricted_capabilities(spec: Object) -> str | None:
    def keeps(container: Object) -> bool:
        return "ALL" in ((context(container).get("capabilities") or {}).get("drop") or [])

    said = []
    if names := those(spec, lambda container: not keeps(container)):
        said.append(f'{named(names)} must set securityContext.capabilities.drop=["ALL"]')
    if names := those(spec, lambda container: bool(added_capabilities(container) - {"NET_BIND_SERVICE"})):
        extra = sorted(set().union(*map(added_capabilities, containers(spec))) - {"NET_BIND_SERVICE"})
        listed = ", ".join(f'"{name}"' for name in extra)
        said.append(f"{named(names)} must not include {listed} in securityContext.capabilities.add")
    return f"unrestricted capabilities ({'; '.join(said)})" if said else None


def _volume_types(spec: Object) -> str | None:
    wrong = {}
    for volume in spec.get("volumes") or []:
        kinds = set(volume) - {"name"}
        if not kinds & _RESTRICTED_VOLUMES:
            wrong[volume["name"]] = next(iter(kinds), "emptyDir")
    if not wrong:
        return None
    types = ", ".join(f'"{each}"' for each in sorted(set(wrong.values())))
    uses = "use" if len(wrong) > 1 else "uses"
    noun = "types" if len(set(wrong.values())) > 1 else "type"
    return f"restricted volume types ({named(list(wrong), 'volume')} {uses} restricted volume {noun} {types})"


def _non_root(spec: Object) -> str | None:
    wanted = context(spec).get("runAsNonRoot")
    false = those(spec, lambda container: context(container).get("runAsNonRoot") is False)
    unset = those(spec, lambda container: context(container).get("runAsNonRoot") is None)
    said = []
    who = (["pod"] if wanted is False else []) + ([named(false)] if false else [])
    if who:
        said.append(f"{' and '.join(who)} must not set securityContext.runAsNonRoot=false")
    if not said and unset and wanted is not True:
        said.append(f"pod or {named(unset)} must set securityContext.runAsNonRoot=true")
    return f"runAsNonRoot != true ({'; '.join(said)})" if said else None


def _root_user(spec: Object) -> str | None:
    names = those(spec, lambda container: context(container).get("runAsUser") == 0)
    who = (["pod"] if context(spec).get("runAsUser") == 0 else []) + ([named(names)] if names else [])
    return f"runAsUser=0 ({' and '.join(who)} must not set runAsUser=0)" if who else None


def _restricted_seccomp(spec: Object) -> str | None:
    good = ("RuntimeDefault", "Localhost")
    wrong = those(spec, lambda container: seccomp_type(container) not in (*good, ""))
    unset = those(spec, lambda container: not seccomp_type(container))
    said = []
    if seccomp_type(spec) not in (*good, ""):
        said.append(f'pod must not set securityContext.seccompProfile.type to "{seccomp_type(spec)}"')
    if wrong:
        said.append(f'{named(wrong)} must not set securityContext.seccompProfile.type to "Unconfined"')
    if not said and unset and not seccomp_type(spec):
        rule = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        said.append(f"pod or {named(unset)} {rule}")
    return f"seccompProfile ({'; '.join(said)})" if said else None


_RESTRICTED: tuple[Check, ...] = (
    *BESIDE_RESTRICTED,
    _escalation,
    _restricted_capabilities,
    _volume_types,
    _non_root,
    _root_user,
    _restricted_seccomp,
)
