"""The one file: reading, merging and checking values, and noticing when they change."""

from qhub_hub.config.live import RESTART_KEYS, LiveConfig
from qhub_hub.config.loading import Values, load, load_values
from qhub_hub.config.machine import on_machine
from qhub_hub.config.models import Config
from qhub_hub.config.problems import ConfigError, Path, Position, Problem, parse_path, show_path
from qhub_hub.config.schema import schema

__all__ = [
    "RESTART_KEYS",
    "Config",
    "ConfigError",
    "LiveConfig",
    "Path",
    "Position",
    "Problem",
    "Values",
    "load",
    "load_values",
    "on_machine",
    "parse_path",
    "schema",
    "show_path",
]
