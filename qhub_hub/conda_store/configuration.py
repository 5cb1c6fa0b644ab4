"""conda-store's configuration, made where its programs read their configuration file: in their own processes."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from qhub_hub.conda_store import lock, rules
from qhub_hub.conda_store.interrupted import BUSY, take_up_builds
from qhub_hub.conda_store.settings import settings_here

_LARGEST_PAGE = 1000  # rows
_QUEUE = "queue.sqlite"
_POLLED = 0.2  # seconds between two looks into it
_SILENT = 60  # seconds without a byte of a package


def configure(c: Any) -> None:
    """Set what server and worker need.

    Args:
        c: conda-store's configuration, as its file gets it.
    """
    settings = settings_here()
    _both(c, settings.store, settings.data, settings.conda)
    c.CondaStoreServer.address = settings.address
    c.CondaStoreServer.port = settings.port
    c.CondaStoreServer.url_prefix = settings.prefix
    c.CondaStoreServer.behind_proxy = True  # the hub's
    c.CondaStoreServer.cors_allow_origin_regex = None  # by default every web page may ask in the name of its visitor
    c.CondaStoreServer.enable_metrics = False
    c.CondaStoreServer.max_page_size = _LARGEST_PAGE
    # By name: only the server has what these need.
    c.CondaStoreServer.authentication_class = "qhub_hub.conda_store.authentication.HubAuthentication"
    c.CondaStoreWorker.concurrency = 1
    take_up_builds(Path(settings.data, _QUEUE))
    _index_nothing()
    _work_one_by_one()
    _fetch_packages_whole()


def _both(c: Any, store: str, data: str, conda: str) -> None:
    c.CondaStore.store_directory = store
    c.CondaStore.build_directory = "{store_directory}/{namespace}/builds"
    c.CondaStore.environment_directory = "{store_directory}/{namespace}/envs/{name}"
    c.CondaStore.database_url = f"sqlite:///{data}/conda-store.sqlite?check_same_thread=False&timeout={BUSY}"
    # Apart from the other, which changes only when something happens: QHub looks at it for that.
    c.CondaStore.celery_broker_url = f"sqla+sqlite:///{data}/{_QUEUE}"
    c.CondaStore.celery_results_backend = f"db+sqlite:///{data}/{_QUEUE}"
    c.CondaStore.storage_class = "qhub_hub.conda_store.storage.SignedStorage"
    c.CondaStore.build_artifacts = ["LOCKFILE", "YAML"]
    c.CondaStore.conda_command = conda
    c.CondaStore.conda_indexed_channels = []
    c.CondaStore.default_namespace = "global"
    # The process makes them as they must be; else all files are gone through once more after a build.
    c.CondaStore.default_uid = None
    c.CondaStore.default_gid = None
    c.CondaStore.default_permissions = None
    c.CondaStore.validate_specification = rules.validate_specification
    c.CondaStore.validate_action = rules.validate_action
    c.CondaStore.lock_backend = lock.NAME
    _know(lock)


def _index_nothing() -> None:
    """conda-store 2025.2.2 copies every channel that a build has used into its database, every quarter of an hour.

    Of conda-forge that takes minutes and hundreds of megabytes, and nobody asks for it here.
    """
    from conda_store_server._internal import orm

    orm.CondaChannel.update_packages = lambda self, db, subdirs=None: None


def _work_one_by_one() -> None:
    """conda-store 2025.2.2 builds in a child that celery replaces after every ten tasks.

    A child that is killed leaves its build "building" for ever, where a worker that is killed is started anew; and it
    is made by a fork beside threads that use SQLite.
    """
    from conda_store_server.conda_store import CondaStore
    from kombu.transport.sqlalchemy import Transport

    Transport.polling_interval = _POLLED  # a build is four tasks, each of which waits for its turn
    own = CondaStore.celery_config.fget

    def celery_config(self: Any) -> dict[str, Any]:
        patient = {"connect_args": {"timeout": BUSY}}
        more = {"worker_pool": "solo", "broker_transport_options": patient, "database_engine_options": patient}
        return {**own(self), **more}

    CondaStore.celery_config = property(celery_config)


def _fetch_packages_whole() -> None:
    """conda-store 2025.2.2 asks for a `.conda` in parts, which not every server of a mirror gives, and keeps all of it.

    It also waits for a silent server for ever, and nothing else is built meanwhile.
    """
    from conda_package_streaming import url as streaming

    def reader(url: str) -> tuple[str, Any]:
        answer = streaming.session.get(url, stream=True, timeout=_SILENT, headers={"Connection": "close"})
        answer.raise_for_status()
        return urlsplit(url).path.rpartition("/")[2], answer.raw

    streaming.conda_reader_for_url = reader


def _know(plugin: Any) -> None:
    """conda-store 2025.2.2 looks for plugins in this list and nowhere else."""
    from conda_store_server import plugins

    if plugin not in plugins.BUILTIN_PLUGINS:
        plugins.BUILTIN_PLUGINS.append(plugin)
