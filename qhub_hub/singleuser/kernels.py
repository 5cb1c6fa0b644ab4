"""Kernels of shared environments, besides those that are installed beside the server.

They are read from the manifests of the namespaces that the hub names, so they appear and go while the server runs, and
no environment is looked into before it is used. Nothing is written anywhere.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from tornado.web import HTTPError

from qhub_hub.environments import READY, Catalogue, Environment, Kernel, Manifests, is_personal

FOLDERS, CHOSEN = "QHUB_ENVIRONMENTS", "QHUB_ENVIRONMENT"
_MARK = "env--"  # begins the names of these kernels; `-` parts them, as Jupyter allows no slash

# What `conda activate` would do: packages such as GDAL say where their data is. The kernel then replaces the shell.
_ACTIVATED = 'for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do . "$script"; done; exec "$@"'


class EnvironmentKernels(KernelSpecManager):
    """Jupyter's own kernels, and those of the environments that the hub lets this person see."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._manifests = Manifests(folders=folders(os.environ))
        self._complained: tuple[str, ...] = ()
        self._last: Catalogue = ()
        self._changes = 0

    def changes(self) -> int:
        """How often the environments have changed so far."""
        catalogue = self._manifests.read()
        if catalogue is not self._last:  # the same object as long as no manifest changes
            self._last = catalogue
            self._changes += 1
        return self._changes

    def find_kernel_specs(self) -> dict[str, str]:
        """Folder of each kernel by its name."""
        found: dict[str, str] = super().find_kernel_specs()
        return found | {name: _resources(*place) for name, place in self._environments().items() if _usable(*place)}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """How a kernel is started.

        Raises:
            NoSuchKernel: there is none of this name.
            HTTPError: its environment can't be used; with a sentence that the person sees.
        """
        if not kernel_name.startswith(_MARK):
            return super().get_kernel_spec(kernel_name)
        place = self._environments().get(kernel_name)
        if place is None:
            raise HTTPError(404, self._absence(kernel_name))
        environment, kernel = place
        if not _usable(*place):
            raise HTTPError(409, f"{environment.key} can't be used: {kernel.problem or environment.message}")
        if not os.access(environment.prefix, os.X_OK):
            raise HTTPError(409, f"The files of {environment.key} are not there, or not open to you.")
        return _spec(environment, kernel)

    def get_all_specs(self) -> dict[str, Any]:
        """All kernels, as the page lists them."""
        specs = {
            name: {"resource_dir": path, "spec": super(EnvironmentKernels, self).get_kernel_spec(name).to_dict()}
            for name, path in super().find_kernel_specs().items()
        }
        for name, place in self._environments().items():
            if _usable(*place):
                # This form is what Jupyter Server passes on as it is; in folders it would look for pictures, a thousand
                # times.
                specs[name] = self._model(name, *place)
            elif _is_own(place[0]) and place[0].message:
                specs[name] = {"name": name, "spec": _notice(place[0]).to_dict(), "resources": {}}
        return specs

    def _environments(self) -> dict[str, tuple[Environment, Kernel]]:
        catalogue = self._manifests.read()
        if self._manifests.problems != self._complained:
            self._complained = self._manifests.problems
            for problem in self._complained:
                self.log.warning("%s Its environments are not offered.", problem)
        return {
            kernel_name(environment, kernel): (environment, kernel)
            for environment in catalogue
            for kernel in (*environment.kernels, *_stand_in(environment))
        }

    def _model(self, name: str, environment: Environment, kernel: Kernel) -> dict[str, Any]:
        base = getattr(self.parent, "base_url", "/")
        logos = {os.path.splitext(logo)[0]: f"{base}kernelspecs/{name}/{logo}" for logo in kernel.logos}
        return {"name": name, "spec": _spec(environment, kernel).to_dict(), "resources": logos}

    def _absence(self, name: str) -> str:
        namespace, *rest = name.removeprefix(_MARK).split("--")
        key = "/".join([namespace, *rest[:1]])
        if any(folder.name.lower() == namespace and not folder.is_dir() for folder in folders(os.environ)):
            return (
                f"The environment {key} is not in this server: nothing was ever built in {namespace} when it started. "
                "Stop it (File > Hub Control Panel) and start it anew, or choose another kernel."
            )
        return f"The environment {key} is not there any more, or you may no longer use it. Choose another kernel."


def folders(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Folders of the namespaces that the hub names."""
    return tuple(Path(folder) for folder in env.get(FOLDERS, "").split(":") if folder.startswith("/"))


def kernel_name(environment: Environment, kernel: Kernel) -> str:
    """The kernel's name in notebooks: the same for every build of the environment."""
    return f"{_MARK}{environment.namespace}--{environment.name}--{kernel.name}".lower()


def default_kernel(env: Mapping[str, str]) -> str:
    """Name of the kernel that new notebooks get: of the environment that was chosen at the start; empty: Jupyter's.

    Reads one manifest, and only where an environment was chosen.
    """
    namespace, _, name = env.get(CHOSEN, "").partition("/")
    for environment in Manifests(folders=tuple(path for path in folders(env) if path.name == namespace)).read():
        if environment.name == name:
            return next((kernel_name(environment, kernel) for kernel in environment.kernels if not kernel.problem), "")
    return ""


def _is_own(environment: Environment) -> bool:
    return is_personal(environment.namespace)


def _stand_in(environment: Environment) -> tuple[Kernel, ...]:
    """A kernel that can not be started, for what has none, and for people's own whose last build failed."""
    return (Kernel(""),) if not environment.kernels or (_is_own(environment) and environment.message) else ()


def _notice(environment: Environment) -> KernelSpec:
    """Tells people of their own environment; who starts it is told the reason."""
    what = "an older build: start this to see why" if environment.prefix else "not built: start this to see why"
    return KernelSpec(argv=[], display_name=f"{environment.name} (yours), {what}")


def _usable(environment: Environment, kernel: Kernel) -> bool:
    return environment.status == READY and bool(kernel.name) and not kernel.problem


def _resources(environment: Environment, kernel: Kernel) -> str:
    return f"{environment.prefix}/share/jupyter/kernels/{kernel.name}"


def _spec(environment: Environment, kernel: Kernel) -> KernelSpec:
    prefix = environment.prefix
    command = [f"{prefix}/bin/{os.path.basename(kernel.argv[0])}", *kernel.argv[1:]]
    if environment.activated:
        command = ["/bin/sh", "-c", _ACTIVATED, "sh", *command]
    several = len(environment.kernels) > 1
    return KernelSpec(
        resource_dir=_resources(environment, kernel),
        argv=command,
        env={
            **kernel.env,
            "CONDA_PREFIX": prefix,
            "CONDA_DEFAULT_ENV": environment.key,
            "CONDA_SHLVL": "1",
            # What Dask clusters of this kernel run, unless it says otherwise.
            "QHUB_KERNEL_ENVIRONMENT": environment.key,
            "PATH": f"{prefix}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
        },
        display_name=f"{environment.name} ({environment.namespace}{', ' + kernel.title if several else ''})",
        language=kernel.language,
        interrupt_mode=kernel.interrupt_mode,
        metadata={**kernel.metadata, "qhub": {"environment": environment.key, "build": environment.build}},
    )
