"""Pod Security level `baseline`: what no pod needs that is not part of the cluster itself.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ (Linux pods).
"""

from collections.abc import Callable, Iterator
from typing import Any

from qhub_hub.testing.kube.kinds import Object

Check = Callable[[Object], str | None]
"""Says what a pod's spec does against a rule."""

_BASELINE_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
_SAFE_SYSCTLS = frozenset(
    [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    ]
)
_SELINUX_TYPES = frozenset(["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"])


def containers(spec: Object) -> Iterator[Object]:
    """All containers of a pod, of whatever sort."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or []


def context(holder: Object) -> dict[str, Any]:
    """The security context of a pod or container."""
    return holder.get("securityContext") or {}


def named(names: list[str], noun: str = "container") -> str:
    """Names as a message lists them."""
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"{noun}{'s' if len(names) > 1 else ''} {quoted}"


def those(spec: Object, breaks: Callable[[Object], bool]) -> list[str]:
    """Names of the containers that break a rule."""
    return [container["name"] for container in containers(spec) if breaks(container)]


def _host_namespaces(spec: Object) -> str | None:
    found = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return f"host namespaces ({', '.join(found)})" if found else None


def _host_paths(spec: Object) -> str | None:
    names = [volume["name"] for volume in spec.get("volumes") or [] if "hostPath" in volume]
    return f"hostPath volumes ({named(names, 'volume')})" if names else None


def _host_ports(spec: Object) -> str | None:
    ports = {
        container["name"]: [port["hostPort"] for port in container.get("ports") or [] if port.get("hostPort")]
        for container in containers(spec)
    }
    names = [name for name, used in ports.items() if used]
    used = [str(port) for name in names for port in ports[name]]
    if not names:
        return None
    uses = "use" if len(names) > 1 else "uses"
    return f"hostPort ({named(names)} {uses} hostPort{'s' if len(used) > 1 else ''} {', '.join(used)})"


def _privileged(spec: Object) -> str | None:
    names = those(spec, lambda container: bool(context(container).get("privileged")))
    return f"privileged ({named(names)} must not set securityContext.privileged=true)" if names else None


def added_capabilities(container: Object) -> set[str]:
    """Capabilities that a container asks for."""
    return set((context(container).get("capabilities") or {}).get("add") or [])


def _baseline_capabilities(spec: Object) -> str | None:
    names = those(spec, lambda container: bool(added_capabilities(container) - _BASELINE_CAPABILITIES))
    if not names:
        return None
    extra = sorted(set().union(*map(added_capabilities, containers(spec))) - _BASELINE_CAPABILITIES)
    listed = ", ".join(f'"{name}"' for name in extra)
    return f"non-default capabilities ({named(names)} must not include {listed} in securityContext.capabilities.add)"


def _sysctls(spec: Object) -> str | None:
    unsafe = [each["name"] for each in context(spec).get("sysctls") or [] if each["name"] not in _SAFE_SYSCTLS]
    return f"forbidden sysctls ({', '.join(unsafe)})" if unsafe else None


def _proc_mount(spec: Object) -> str | None:
    names = those(spec, lambda container: context(container).get("procMount", "Default") != "Default")
    return f'procMount ({named(names)} must not set securityContext.procMount to "Unmasked")' if names else None


def _selinux(spec: Object) -> str | None:
    def options(holder: Object) -> dict[str, Any]:
        return context(holder).get("seLinuxOptions") or {}

    def breaks(holder: Object) -> bool:
        found = options(holder)
        return found.get("type", "") not in _SELINUX_TYPES or bool(found.get("user") or found.get("role"))

    names = those(spec, breaks)
    who = (["pod"] if breaks(spec) else []) + ([named(names)] if names else [])
    if not who:
        return None
    wrong = [options(holder) for holder in (spec, *containers(spec)) if breaks(holder)]
    types = sorted({found["type"] for found in wrong if found.get("type", "") not in _SELINUX_TYPES})
    listed = ", ".join(f'"{each}"' for each in types)
    said = [f"type{'s' if len(types) > 1 else ''} {listed}"] if types else []
    said += [f"{each} may not be set" for each in ("user", "role") if any(found.get(each) for found in wrong)]
    return f"seLinuxOptions ({' and '.join(who)} set forbidden securityContext.seLinuxOptions: {'; '.join(said)})"


def _apparmor(spec: Object) -> str | None:
    def breaks(holder: Object) -> bool:
        return (context(holder).get("appArmorProfile") or {}).get("type") == "Unconfined"

    names = those(spec, breaks)
    who = (["pod"] if breaks(spec) else []) + ([named(names)] if names else [])
    rule = 'must not set AppArmor profile type to "Unconfined"'
    return f"forbidden AppArmor profile ({' and '.join(who)} {rule})" if who else None


def _probed_hosts(container: Object) -> list[str]:
    handlers = [container.get(f"{probe}Probe") or {} for probe in ("liveness", "readiness", "startup")]
    handlers += [(container.get("lifecycle") or {}).get(moment) or {} for moment in ("postStart", "preStop")]
    actions = [handler.get(action) or {} for handler in handlers for action in ("httpGet", "tcpSocket")]
    return [action["host"] for action in actions if action.get("host")]


def _probe_hosts(spec: Object) -> str | None:
    names = those(spec, lambda container: bool(_probed_hosts(container)))
    hosts = sorted({host for container in containers(spec) for host in _probed_hosts(container)})
    if not names:
        return None
    uses = "use" if len(names) > 1 else "uses"
    listed = ", ".join(f'"{host}"' for host in hosts)
    noun = "hosts" if len(hosts) > 1 else "host"
    return f"probe or lifecycle host ({named(names)} {uses} probe or lifecycle {noun} {listed})"


def seccomp_type(holder: Object) -> str:
    """Which seccomp profile a pod or container names; empty: none."""
    return str((context(holder).get("seccompProfile") or {}).get("type", ""))


def _baseline_seccomp(spec: Object) -> str | None:
    names = those(spec, lambda container: seccomp_type(container) == "Unconfined")
    who = (["pod"] if seccomp_type(spec) == "Unconfined" else []) + ([named(names)] if names else [])
    if not who:
        return None
    return f'seccompProfile ({" and ".join(who)} must not set securityContext.seccompProfile.type to "Unconfined")'


_COMMON: tuple[Check, ...] = (_host_ports, _probe_hosts, _privileged, _proc_mount, _selinux)
BASELINE: tuple[Check, ...] = (
    _apparmor,
    _baseline_capabilities,
    _host_namespaces,
    _host_paths,
    *_COMMON,
    _baseline_seccomp,
    _sysctls,
)
BESIDE_RESTRICTED: tuple[Check, ...] = (_apparmor, _host_namespaces, *_COMMON, _sysctls)
"""What `restricted` takes over; for the others it has stricter ones."""
