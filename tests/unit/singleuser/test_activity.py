"""When the server is stamped with work that nobody watches."""

from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_server._tz import utcnow

from qhub_hub.singleuser.activity import SETTING, Activity
from qhub_hub.singleuser.jobs import DETACHED, Process, Reading


class Growing:
    """Programs that use a second of processor time from one look to the next."""

    def __init__(self) -> None:
        self.looks = 0

    def read(self, terminals: Any) -> dict[int, Reading]:
        self.looks += 1
        return {root: Reading({(9, 1): Process(1, 1, 1, 100 * self.looks, 0)}, {}) for root in (*terminals, DETACHED)}


def settings_of(*states: str, **more: Any) -> dict[str, Any]:
    kernels = {str(number): SimpleNamespace(execution_state=state) for number, state in enumerate(states)}
    manager = SimpleNamespace(list_kernel_ids=lambda: list(kernels), get_kernel=kernels.__getitem__)
    return {"kernel_manager": manager, **more}


@pytest.mark.parametrize(
    ("states", "active"), [((), False), (("idle", "starting"), False), (("idle", "busy"), True)], ids=str
)
async def test_a_kernel_that_runs_a_cell_is_activity_also_when_it_says_nothing(
    states: tuple[str, ...], active: bool
) -> None:
    settings = settings_of(*states)
    await Activity(settings, Growing()).look()
    assert (SETTING in settings) is active


async def test_without_a_terminal_ever_used_the_process_table_is_not_read() -> None:
    jobs = Growing()
    await Activity(settings_of(), jobs).look()
    assert jobs.looks == 0


async def test_a_job_whose_terminal_came_and_went_between_two_looks_is_activity() -> None:
    settings = settings_of(terminal_last_activity=utcnow())
    activity = Activity(settings, Growing())
    await activity.look()
    assert SETTING not in settings, "one look says nothing about work"
    await activity.look()
    assert SETTING in settings


async def test_work_in_a_terminal_keeps_it_from_being_culled() -> None:
    terminal = SimpleNamespace(ptyproc=SimpleNamespace(pid=7), last_activity=None)
    settings = settings_of(terminal_manager=SimpleNamespace(terminals={"1": terminal}))
    activity = Activity(settings, Growing())
    await activity.look()
    assert terminal.last_activity is None
    await activity.look()
    assert terminal.last_activity is not None
