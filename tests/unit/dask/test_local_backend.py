"""Files of a cluster: upstream's own set-up gives `/` away, so every change of an owner is watched."""

import os
from types import SimpleNamespace

from qhub_hub.dask.local.backend import QHubLocalBackend
from qhub_hub.dask.local.cluster_config import Place, cluster_config, process_of
from qhub_hub.sessions import ClusterRequest, make_cluster_plan


def set_up(tmp_path, monkeypatch):
    changed = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, uid, gid, **how: changed.append((str(path), uid, gid, how)))
    cluster = SimpleNamespace(
        name="abc", tls_cert=b"cert", tls_key=b"key", config=SimpleNamespace(worker={"uid": 100_001, "gid": 100_001})
    )
    backend = SimpleNamespace(clusters_directory=str(tmp_path))
    return QHubLocalBackend.setup_working_directory(backend, cluster), changed


def test_only_the_folder_of_the_cluster_and_what_is_in_it_change_hands(tmp_path, monkeypatch):
    folder, changed = set_up(tmp_path, monkeypatch)
    assert folder == str(tmp_path / "abc")
    assert [path for path, *_ in changed] == [
        f"{folder}/dask.crt",
        f"{folder}/dask.pem",
        f"{folder}/scratch",
        folder,
    ]
    assert {(uid, gid, how["follow_symlinks"]) for _, uid, gid, how in changed} == {(100_001, 100_001, False)}


def test_key_and_folder_are_closed_to_everybody_else(tmp_path, monkeypatch):
    folder, _ = set_up(tmp_path, monkeypatch)
    modes = {name: os.stat(f"{folder}/{name}").st_mode & 0o777 for name in (".", "dask.crt", "dask.pem", "scratch")}
    assert modes == {".": 0o700, "dask.crt": 0o600, "dask.pem": 0o600, "scratch": 0o700}


def test_the_processes_are_their_owner_in_their_home_with_the_groups_umask(config_of, person, tmp_path):
    ann = person("ann", "data")
    plan = make_cluster_plan(config_of(), ann.identity, ClusterRequest())
    settings = cluster_config(plan, ann, Place(tmp_path, tmp_path / "names", "/opt/python"))
    worker = process_of(settings["worker"], ["worker"])
    assert (worker.uid, worker.gid, worker.gids, worker.umask) == (100_001, 100_001, (70_000,), 0o002)
    assert worker.cwd == tmp_path / "home" / "ann"
    assert worker.memory_limit == 2 * 2**30
    assert settings["worker_memory"] < worker.memory_limit
    assert settings["worker_cmd"][-3:] == ["/opt/python", "-m", "distributed.cli.dask_worker"]
    assert not any(name.startswith("JUPYTERHUB") for name in worker.env)
