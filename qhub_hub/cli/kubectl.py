"""Asks a cluster by the administrator's own `kubectl`: their context, their rights, no further dependency."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import IO, Any

from qhub_hub.cli.console import CommandError

PATIENCE = 60.0  # seconds for an answer of the API server

# What kubectl says, and what that means here.
_SIGNS = {
    "error: context": "your kubeconfig has no such context; `kubectl config get-contexts` shows which it has",
    "forbidden": "your account may not do that; ask whoever runs the cluster",
    "notfound": "it is not there",
    "not found": "it is not there",
    "does not exist": "it is not there",
    "was refused": "the cluster can't be reached; look at the context with `kubectl config get-contexts`",
    "no such host": "the cluster can't be reached; look at the context with `kubectl config get-contexts`",
    "timed out": "the cluster does not answer in time",
    "i/o timeout": "the cluster does not answer in time",
    "unauthorized": "the cluster does not know you; sign in to it again",
    "unable to upgrade connection": "the container does not run",
}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class KubectlError(CommandError):
    """kubectl could not do it.

    Args:
        doing: what was tried, as in "The pods can't be read".
        said: what kubectl wrote on its standard error.
    """

    def __init__(self, doing: str, said: str) -> None:
        lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("WARNING")]
        # A command of ours in a pod has said itself what is wrong; kubectl adds only that it failed.
        own = [line for line in lines if line.startswith("qhub: ")]
        last = (own or lines or ["nothing"])[-1][:400]
        why = next((why for sign, why in _SIGNS.items() if sign in said.lower()), "") if not own else ""
        super().__init__(f"{doing}{f': {why}' if why else ''}.\n{'in the pod, ' if own else 'kubectl says: '}{last}")
        self.why = why or f"kubectl says: {last}"
        self.said = said


@dataclass(frozen=True)
class Kubectl:
    """One namespace of one cluster.

    Args:
        namespace: of the release.
        context: of the kubeconfig; empty: the current one.

    Raises:
        CommandError: the namespace is none, or there is no kubectl.
    """

    namespace: str
    context: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.namespace):
            raise CommandError(
                f"{self.namespace!r} can't be a namespace: allowed are up to 63 lower-case letters, digits and hyphens."
            )
        if shutil.which("kubectl") is None:
            raise CommandError(
                "There is no kubectl on PATH, by which QHub asks the cluster.\n"
                "hint: install it (https://kubernetes.io/docs/tasks/tools), and choose the cluster with --context."
            )

    def run(
        self,
        doing: str,
        *words: str,
        stdin: bytes | IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
        patience: float = PATIENCE,
    ) -> bytes:
        """Run one command in the namespace; what is secret goes by `stdin`, as arguments are seen by everybody.

        Args:
            doing: how a sentence about its failure begins.
            words: subcommand, options, names.
            stdin: bytes, or a file; None: nothing.
            stdout: where its output goes; None: it is returned.
            patience: seconds.

        Raises:
            KubectlError: it failed.
        """
        command = ["kubectl", f"--namespace={self.namespace}", *([f"--context={self.context}"] if self.context else [])]
        source: Any = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin or subprocess.DEVNULL}
        try:
            ended = subprocess.run(  # noqa: S603 - a list of arguments, the program from PATH as the administrator has it
                [*command, *words],
                stdout=stdout or subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=patience,
                check=False,
                **source,
            )
        except subprocess.TimeoutExpired:
            raise KubectlError(doing, f"timed out after {patience:g} s") from None
        if ended.returncode:
            raise KubectlError(doing, ended.stderr.decode(errors="replace"))
        return ended.stdout or b""

    def get(self, what: str, *options: str) -> Any:
        """Objects as the API server gives them.

        Args:
            what: kinds (`pods,events`: the answer has `items`) or one object (`secret/hub`).
        """
        return json.loads(self.run(f"{what} can't be read", "get", what, "--output=json", *options))
