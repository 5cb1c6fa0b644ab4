"""What breaks between a client and the API server, by name."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import TracebackType

from qhub_hub.testing.kube.errors import ApiError, expired
from qhub_hub.testing.kube.store import Store
from qhub_hub.testing.kube.watches import Watches


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as the API server understands it.

    Args:
        verb: get, list, watch, create, update, patch, delete or deletecollection.
        resource: such as `pods`.
        namespace: empty for all, or for cluster objects.
        name: of the object; empty for a collection.
    """

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


class Unreachable(Exception):
    """The connection breaks without an answer."""


class Fault:
    """Something that is broken; mended at the end of its `with`, by `lift()`, or after so many requests.

    Args:
        meet: what happens to a request that it strikes.
        on: which requests: `create pods`, `* secrets`, `watch *`.
        times: how many requests it strikes; None: all, until it is lifted.
    """

    def __init__(self, meet: Callable[[], ApiError | Exception | float], on: str, times: int | None) -> None:
        self.struck = 0
        self._meet, self._on, self._left = meet, on, times
        self._lifted = False

    @property
    def active(self) -> bool:
        """Whether it still strikes."""
        return not self._lifted and self._left != 0

    def lift(self) -> None:
        """Mend it."""
        self._lifted = True

    def strikes(self, call: Call) -> bool:
        """Whether it is about this request."""
        return self.active and fnmatchcase(str(call), self._on)

    async def meet(self) -> None:
        """Let a request run into it."""
        self.struck += 1
        if self._left is not None:
            self._left -= 1
        outcome = self._meet()
        if isinstance(outcome, Exception):
            raise outcome
        await asyncio.sleep(outcome)

    def __enter__(self) -> "Fault":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lift()


class Faults:
    """Breaks and mends one API server. Every method gives a `Fault`; use it in a `with`, or let it count down."""

    def __init__(self, store: Store, watches: Watches) -> None:
        self._store, self._watches = store, watches
        self._faults: list[Fault] = []

    def _add(self, meet: Callable[[], ApiError | Exception | float], on: str, times: int | None) -> Fault:
        fault = Fault(meet, on, times)
        self._faults = [each for each in self._faults if each.active] + [fault]
        return fault

    def api_errors(self, status: int, times: int | None = None, on: str = "*") -> Fault:
        """Requests are answered with an error.

        Args:
            status: such as 500, 503 or 403.
            times: how many requests; None: all.
            on: which requests, as `create pods`; `*` stands for anything.
        """
        return self._add(lambda: ApiError(status, "the fake cluster was told to fail"), on, times)

    def throttled(self, status: int = 429, times: int | None = None, retry_after: int = 1, on: str = "*") -> Fault:
        """Requests are sent away because there are too many.

        Args:
            retry_after: seconds that the answer asks the client to wait.
        """
        details = {"retryAfterSeconds": retry_after}
        message = "too many requests, please try again later"
        return self._add(lambda: ApiError(status, message, details=details), on, times)

    def latency(self, seconds: float, on: str = "*", times: int | None = None) -> Fault:
        """Requests wait before anything happens."""
        return self._add(lambda: seconds, on, times)

    def unreachable(self, on: str = "*") -> Fault:
        """Connections break without an answer, open watches too, until it is lifted."""
        self._watches.drop()
        return self._add(Unreachable, on, None)

    def watch_dropped(self, seconds: float) -> Fault:
        """All watches break, and none can be opened for some seconds; other requests work."""
        fault = self.unreachable("watch *")
        asyncio.get_running_loop().call_later(seconds, fault.lift)
        return fault

    def gone(self) -> None:
        """The history is lost (410): open watches end with that error, and who knows an old version must list anew."""
        self._store.compact()
        self._watches.fail(expired(self._store.version, self._store.version))

    async def meet(self, call: Call) -> None:
        """Let a request run into everything that is broken on its way.

        Raises:
            ApiError: the answer it gets.
            Unreachable: it gets none.
        """
        for fault in list(self._faults):
            if fault.strikes(call):
                await fault.meet()

    def clear(self) -> None:
        """Mend everything."""
        for fault in self._faults:
            fault.lift()
