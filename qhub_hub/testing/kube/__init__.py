"""A Kubernetes cluster in the test process: for tests of hub plugins that need no cluster."""

from qhub_hub.testing.kube.admission import Review, Rule
from qhub_hub.testing.kube.cluster import FakeKube
from qhub_hub.testing.kube.errors import ApiError
from qhub_hub.testing.kube.faults import Call, Fault, Faults
from qhub_hub.testing.kube.kinds import Kind
from qhub_hub.testing.kube.kubelet import Container, ContainerError, Kubelet
from qhub_hub.testing.kube.pod import Pod
from qhub_hub.testing.kube.pod_faults import PodFault, PodFaults
from qhub_hub.testing.kube.process_kubelet import ProcessKubelet
from qhub_hub.testing.kube.stub_kubelet import StubContainer, StubKubelet

__all__ = [
    "ApiError",
    "Call",
    "Container",
    "ContainerError",
    "FakeKube",
    "Fault",
    "Faults",
    "Kind",
    "Kubelet",
    "Pod",
    "PodFault",
    "PodFaults",
    "ProcessKubelet",
    "Review",
    "Rule",
    "StubContainer",
    "StubKubelet",
]
