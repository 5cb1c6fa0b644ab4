"""What is asked before an object is written: rules of the cluster, and those a test adds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from qhub_hub.testing.kube.kinds import Kind, Object

Operation = Literal["CREATE", "UPDATE", "DELETE"]


@dataclass(slots=True)
class Review:
    """A write that is about to happen. A rule may change `object`, as a mutating webhook does.

    Args:
        operation: what is about to be done.
        kind: of the object.
        namespace: of the object; empty for cluster objects.
        name: of the object.
        object: as it would be written; before a deletion, as it is.
        before: as it is; None before a creation.
    """

    operation: Operation
    kind: Kind
    namespace: str
    name: str
    object: Object
    before: Object | None = None


Rule = Callable[[Review], str | None]
"""Says why a write is refused (the client gets it with 403), or None to let it pass."""
