"""Clusters of a real hub: who they are, what they may be, and when they end."""

import json

import pytest

pytestmark = [pytest.mark.root]

USE = """
import json, os
from dask_gateway import Gateway
cluster = Gateway().new_cluster()
client = cluster.get_client()

def look():
    path = os.path.join(os.environ["QHUB_SHARED"], "data", "from-worker")
    with open(path, "w") as file:
        file.write("done")
    import pwd
    state = os.stat(path)
    return {
        "uid": os.getuid(), "gids": os.getgroups(), "cwd": os.getcwd(), "name": pwd.getpwuid(os.getuid()).pw_name,
        "owner": state.st_uid, "mode": oct(state.st_mode & 0o777),
        "secrets": [name for name in os.environ if "JUPYTERHUB" in name or name == "CONFIGPROXY_AUTH_TOKEN"],
    }

print(json.dumps(client.submit(look).result()))
print(cluster.name)
cluster.shutdown()
"""


def test_the_three_lines_work_and_workers_are_the_person(notebook):
    ann = notebook("ann")
    said, name = ann.run(USE).splitlines()[:2]
    found = json.loads(said)
    uid, _ = ann.ids
    assert (found["uid"], found["owner"], found["name"], found["mode"]) == (uid, uid, "ann", "0o664")
    assert found["cwd"] == str(ann.home)
    assert len(found["gids"]) >= 2  # data and everyone
    assert found["secrets"] == []
    assert len(name) == 32


REFUSED = """
import json, os, sys, urllib.request, urllib.error
requests = {requests!r}
address = os.environ["DASK_GATEWAY__ADDRESS"] + "/api/v1/clusters/"
for body in requests:
    request = urllib.request.Request(address, body.encode(), {{
        "Authorization": "jupyterhub " + os.environ["JUPYTERHUB_API_TOKEN"], "Content-Type": "application/json"}})
    try:
        print(json.dumps([urllib.request.urlopen(request).status, ""]))
    except urllib.error.HTTPError as error:
        print(json.dumps([error.code, json.loads(error.read())["error"]]))
"""


def test_forged_requests_are_refused_each_with_a_sentence(notebook):
    wrong = {
        "[]": 400,
        "{": 400,
        '{"cluster_options": []}': 201,  # nothing in it: the default choice
        '{"cluster_options": [1]}': 422,
        '{"cluster_options": {"image": "evil"}}': 422,
        '{"cluster_options": {"uid": 0}}': 422,
        '{"cluster_options": {"profile": "fast"}}': 422,
        '{"cluster_options": {"profile": "a\\nb"}}': 422,
        '{"cluster_options": {"environment": "group-gpu/secret"}}': 422,
        '{"cluster_options": {"idle_minutes": true}}': 422,
        '{"cluster_options": {"idle_minutes": 100000}}': 422,
        '{"cluster_options": {"variables": {"LD_PRELOAD": "/tmp/x.so"}}}': 422,
    }
    eve = notebook("eve")
    answers = [json.loads(line) for line in eve.run(REFUSED.format(requests=list(wrong))).splitlines()]
    assert [status for status, _ in answers] == list(wrong.values())
    for status, sentence in answers:
        assert status == 201 or sentence.endswith(".")
        assert sentence.isprintable()


LIMITS = """
from dask_gateway import Gateway
gateway = Gateway()
first, second = gateway.submit(), gateway.submit()
try:
    gateway.submit()
except ValueError as error:
    print(error)
cluster = gateway.connect(first, shutdown_on_close=True)
import warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    cluster.scale(10**9)
print([str(one.message) for one in said if "workers" in str(one.message)])
for name in (first, second):
    gateway.stop_cluster(name)
"""


def test_limits_hold_over_all_clusters_of_a_person_and_say_so(notebook):
    lines = notebook("bob").run(LIMITS).splitlines()
    assert lines[0].startswith("Your Dask clusters use 2 clusters of at most 2 clusters, and this one needs 1 cluster")
    assert "exceed resource limit of 3 workers" in lines[1]


HANGING = """
import faulthandler, os, threading
from dask_gateway import Gateway
done = [0]

def watch():
    before = -1
    while True:
        threading.Event().wait(60)
        if done[0] == before:
            faulthandler.dump_traceback(all_threads=True)
            os._exit(3)
        before = done[0]

threading.Thread(target=watch, daemon=True).start()
gateway = Gateway()
for _ in range(300):
    try:
        gateway.new_cluster(profile="none-such")
    except ValueError:
        done[0] += 1
print(done[0])
"""


def test_three_hundred_refusals_in_a_row_do_not_hang_the_kernel(notebook):
    assert notebook("eve").run(HANGING).strip() == "300"


IN_VAIN = """
import dask_gateway
try:
    dask_gateway.Gateway().new_cluster(variables={"DASK_DISTRIBUTED__SCHEDULER__BANDWIDTH": "nonsense"})
except dask_gateway.GatewayClusterError as error:
    print(error)
"""


def test_a_scheduler_that_can_not_start_says_why(notebook):
    assert "Could not interpret 'nonsense' as a byte unit" in notebook("bob").run(IN_VAIN)
