"""Which platform this is."""

import platform
from types import SimpleNamespace

_MACHINES = {"x86_64": "64", "AMD64": "64"}

context = SimpleNamespace(subdir=f"linux-{_MACHINES.get(platform.machine(), platform.machine())}")
