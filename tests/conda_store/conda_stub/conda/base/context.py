from types import SimpleNamespace

context = SimpleNamespace(subdir="linux-64")
