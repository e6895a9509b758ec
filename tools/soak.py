"""Epoch after epoch from three Cassandra nodes on which faults happen, and at the end: was each epoch exact, and did anything grow?

Usage: tools/soak.py [SECONDS [SEED]] (1800 when not given); `make soak SECONDS=...`. A process reads with a ledger, while nodes are killed, frozen,
restarted in order, and killed by two. Exit code 1 when the ledger is not exact, when memory grows by more than 1 MiB in 10 minutes (beyond
what one measurement differs from the next), when threads or descriptors become more, or when there are more connections in the end than a
session has.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "build/dev/python"), str(ROOT / "tests/cassandra")]
import numpy  # noqa: E402
import ringfeed  # noqa: E402
from running import Running, cluster, eventually, login  # noqa: E402

SAMPLES, WIDTH, BATCH = 20_000, 256, 100
GROWTH_BYTES_PER_SECOND_MAX = (1 << 20) / 600
NOISE_BYTES = 4 << 20
CALM_SECONDS = 5  # between faults
LAST_CALM_SECONDS = 20  # behind the last one: all connections that are to be there are there
NODES, CONNECTIONS_PER_HOST = 3, 4
CONNECTIONS_MAX = NODES * CONNECTIONS_PER_HOST + 1  # and the one on which the driver hears of the cluster
LOGIN = {"username": login.SUPERUSER, "password": login.SUPERUSER, "connections_per_host": CONNECTIONS_PER_HOST}


def read(url: str, ledger: str, seconds: float) -> None:
    """The process that is looked at: prints a line of figures after each epoch."""
    end = time.monotonic() + seconds
    page = os.sysconf("SC_PAGE_SIZE")
    loader = ringfeed.Loader(ringfeed.open(url, **LOGIN), BATCH, seed=7, ledger=ledger)
    while time.monotonic() < end:
        for batch in loader:
            assert (batch["data"] == batch["id"][:, None]).all()
        print(json.dumps({"rss": int(Path("/proc/self/statm").read_text().split()[1]) * page, "threads": len(os.listdir("/proc/self/task")),
                          **descriptors()}), flush=True)
    loader.close()


def descriptors() -> dict[str, int]:
    """How many there are, connections apart."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of the listing itself, or of another thread
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    connections = sum(name.startswith("socket:") for name in found)
    return {"descriptors": len(found) - connections, "connections": connections}


def hurt(nodes: Running, chance: random.Random) -> str:
    """One fault, and its end."""
    number = chance.choice([1, 2, 3])
    fault = chance.choice(["killed", "frozen", "restarted", "two killed"])
    if fault == "killed":
        nodes.kill(number)
        time.sleep(chance.uniform(1, 10))
    elif fault == "frozen":
        nodes.freeze(number)
        time.sleep(chance.uniform(1, 20))
    elif fault == "restarted":
        nodes.restart(number)
    else:
        for other in {1, 2, 3} - {number}:
            nodes.kill(other)
        time.sleep(chance.uniform(1, 5))
    nodes.heal()
    return f"{fault} ({number})"


def growth(figures: list[dict[str, int]], seconds: float) -> float:
    """Bytes of memory a second, by least squares over all but the first fifth."""
    memory = [figure["rss"] for figure in figures[len(figures) // 5:]]
    if len(memory) < 2:
        return 0.0
    return statistics.linear_regression(range(len(memory)), memory).slope * len(figures) / seconds


def troubles(figures: list[dict[str, int]], seconds: float) -> list[str]:
    """What became more."""
    found = []
    slope = growth(figures, seconds)
    if slope * seconds > max(GROWTH_BYTES_PER_SECOND_MAX * seconds, NOISE_BYTES):
        found.append(f"memory grows by {slope * 600 / (1 << 20):.1f} MiB in 10 minutes")
    half = (len(figures) + 1) // 2
    for name in ("threads", "descriptors"):
        first, last = (max(figure[name] for figure in part) for part in (figures[:half], figures[half:] or figures))
        if last > first:
            found.append(f"{name}: {first} became {last}")
    # While nodes come and go, connections are opened beside those that are being given up.
    if figures[-1]["connections"] > CONNECTIONS_MAX:
        found.append(f"connections: {figures[-1]['connections']}, which have to be {CONNECTIONS_MAX} at most")
    return found


def soak(seconds: float, seed: int) -> int:
    chance = random.Random(seed)
    print(f"soak: {seconds:.0f} s, seed {seed}", flush=True)
    with cluster.temporary_folder() as folder, tempfile.TemporaryDirectory() as ledger, tempfile.TemporaryFile("w+") as output:
        nodes = Running(folder, NODES)
        try:
            session = nodes.session()
            eventually(lambda: session.execute(
                "CREATE KEYSPACE soak WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"))
            url = f"cassandra://{','.join(nodes.addresses)}/soak/numbers"
            ids = numpy.arange(SAMPLES)
            ringfeed.write(url, {"id": ids, "data": numpy.repeat(ids.astype(numpy.float32)[:, None], WIDTH, axis=1)}, chunk_bytes=65536, **LOGIN)
            reader = subprocess.Popen([sys.executable, __file__, "read", url, ledger, str(seconds)], stdout=output)
            start = time.monotonic()
            while time.monotonic() < start + seconds - LAST_CALM_SECONDS and reader.poll() is None:
                time.sleep(CALM_SECONDS)
                print(f"soak: {time.monotonic() - start:.0f} s: {hurt(nodes, chance)}", flush=True)
            reader.wait()
            output.seek(0)
            figures = [json.loads(line) for line in output]
            audit = ringfeed.audit(ledger, url, **LOGIN)
        finally:
            nodes.close()
    found = troubles(figures, seconds)
    if reader.returncode != 0:
        found.append(f"the reader ended with exit code {reader.returncode}")
    if not audit.exact:
        found.append(f"the ledger is not exact: {audit}")
    print(f"soak: {len(figures)} epochs, memory {growth(figures, seconds) * 600 / (1 << 20):+.2f} MiB in 10 minutes, last {figures[-1]}, {audit}")
    for words in found:
        print(f"soak: {words}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        read(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    else:
        sys.exit(soak(float(sys.argv[1]) if len(sys.argv) > 1 else 1800, int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)))
