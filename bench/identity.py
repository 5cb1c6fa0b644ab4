"""How fast ids are given out and names are made. Run: python bench/identity.py

Every figure is also printed as a ratio to the plain way of doing the same, measured in the same run.
"""

import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PEOPLE, PROCESSES, AT_ONCE = 10_000, 4, 100
GOAL_PER_SECOND, GOAL_CACHED_US, GOAL_IDENTITY_US = 2_000, 5, 50

OURS = """
import sys
from qhub_hub.identity.store import IdentityStore
store = IdentityStore(f"sqlite:///{sys.argv[1]}")
part, count, at_once = map(int, sys.argv[2:])
ids = []
print("ready", flush=True); sys.stdin.readline()
for start in range(0, count, at_once):
    names = [f"user{part}x{n}" for n in range(start, start + at_once)]
    ids += [record.uid for record in store.users(dict.fromkeys(names)).values()]
print(*ids)
"""

# The plain way: a transaction per name, and one more than the highest so far.
PLAIN = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
db.execute("pragma synchronous=full")
part, count, _ = map(int, sys.argv[2:])
ids = []
print("ready", flush=True); sys.stdin.readline()
for n in range(count // 10):
    db.execute("begin immediate")
    uid = db.execute("select coalesce(max(id), 99999) + 1 from ids").fetchone()[0]
    db.execute("insert into ids values (?, ?)", (f"user{part}x{n}", uid))
    db.execute("commit")
    ids.append(uid)
print(*ids)
"""


def allocate(program: str, path: Path) -> tuple[float, list[int]]:
    """Seconds that the processes need together, from a common start, and the ids that they got."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), str(part), str(PEOPLE // PROCESSES), str(AT_ONCE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in range(PROCESSES)
    ]
    for process in processes:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise SystemExit("a process of the benchmark did not start")
    started = time.perf_counter()
    for process in processes:
        if process.stdin is not None:
            process.stdin.write("go\n")
            process.stdin.flush()
    answers = [process.communicate()[0] for process in processes]
    return time.perf_counter() - started, [int(uid) for answer in answers for uid in answer.split()]


def microseconds(function: Callable[[], object], times: int = 20_000) -> float:
    """Time of one call."""
    function()
    started = time.perf_counter()
    for _ in range(times):
        function()
    return (time.perf_counter() - started) / times * 1e6


def bench_allocation(folder: Path) -> None:
    """10,000 people from 4 processes, against the plain way."""
    with sqlite3.connect(folder / "plain.sqlite") as plain:
        plain.execute("pragma journal_mode=wal")
        plain.execute("create table ids (name text primary key, id integer unique)")
    plain_seconds, plain_ids = allocate(PLAIN, folder / "plain.sqlite")
    seconds, ids = allocate(OURS, folder / "ids.sqlite")
    rate, plain_rate = len(ids) / seconds, len(plain_ids) / plain_seconds
    whole = sorted(ids) == list(range(100_000, 100_000 + PEOPLE))
    print(f"allocation: {rate:,.0f}/s from {PROCESSES} processes (goal > {GOAL_PER_SECOND:,}/s)")
    print(f"  one transaction per name, max(id)+1: {plain_rate:,.0f}/s; ratio {rate / plain_rate:.1f}")
    print(f"  {len(ids):,} ids, no duplicate and no gap: {'yes' if whole else 'NO'}")


def bench_lookups(folder: Path) -> None:
    """What a spawn asks, with 10,000 people and 2,000 groups."""
    from qhub_hub.config.models import Config
    from qhub_hub.identity import Memberships, identity_of, peers_of, render_group, render_passwd, view_of
    from qhub_hub.identity.store import IdentityStore

    groups = {f"group{n}": {"members": [f"user{n * 7 % PEOPLE + m}" for m in range(25)]} for n in range(2_000)}
    config = Config.model_validate(
        {"users": {f"user{n}": {} for n in range(PEOPLE)}, "groups": groups | {"all": {"everyone": True}}}
    )
    started = time.perf_counter()
    memberships = Memberships(config)
    print(f"memberships turned round once per Config: {(time.perf_counter() - started) * 1e3:.0f} ms")
    store = IdentityStore(f"sqlite:///{folder}/lookups.sqlite")
    store.users({f"user{n}": None for n in range(PEOPLE)})
    person = identity_of(memberships, store, "user5000")
    cached = microseconds(lambda: store.user("user5000"))
    whole = microseconds(lambda: identity_of(memberships, store, "user5000"), 5_000)
    with sqlite3.connect(folder / "lookups.sqlite") as plain:
        query = "select number from qhub_ids where kind = 'user' and name = 'user5000' and state != 'gone'"
        asked = microseconds(lambda: plain.execute(query).fetchone(), 5_000)
    print(f"id seen before: {cached:.2f} us (goal < {GOAL_CACHED_US}); ratio to asking SQLite {cached / asked:.3f}")
    print(f"identity_of with {len(person.groups)} groups: {whole:.1f} us (goal < {GOAL_IDENTITY_US})")
    peers = peers_of(memberships, store, person)
    view = view_of(person, peers)
    rendered = microseconds(lambda: (render_passwd(view), render_group(view)), 50)
    print(f"passwd and group text with {len(peers)} co-members: {rendered / 1e3:.2f} ms")
    store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        bench_allocation(Path(name))
        bench_lookups(Path(name))
