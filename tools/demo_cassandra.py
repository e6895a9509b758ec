"""The original case on a real Cassandra: a keyspace, a table of vectors, 100 samples, ten epochs, and back.

Starts one node on a loopback address, makes the role `username` with the password `password`, and as that role: CREATE KEYSPACE
(SimpleStrategy, replication factor 3), a table (id uuid PRIMARY KEY, data vector<float, 10>, target vector<float, 1>) of 100 samples
randn(10) -> randn(1), Linear(10, 1) trained on it with MSELoss and SGD(lr=0.01), shuffled batches of 10, 10 epochs: once with two
processes (ddp), once with one (data-parallel); then the rows are read back and compared. Each statement and command is printed.
RINGFEED_BUILD and RINGFEED_DEMO choose the build and the folder (the tests use others).
"""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools/cassandra"))
import cluster  # noqa: E402
import login  # noqa: E402

RINGFEED = Path(os.environ.get("RINGFEED_BUILD", ROOT / "build/release")) / "bin/ringfeed"
FOLDER = Path(os.path.relpath(os.environ.get("RINGFEED_DEMO", ROOT / "build/demo-cassandra")))
SAMPLES, INPUTS = 100, 10
KEYSPACE = ("CREATE KEYSPACE IF NOT EXISTS mykeyspace WITH replication = "
            "{'class': 'SimpleStrategy', 'replication_factor': 3}")
TRAIN = ("--model", "linear", "--input", "data", "--target", "target", "--loss", "mse", "--optimizer", "sgd", "--lr", "0.01",
         "--epochs", "10", "--batch-size", "10", "--seed", "1", "--device", "cpu")


def float32(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


def say(text: str) -> None:
    print(text, flush=True)


def run(*arguments: str) -> None:
    """One command of ringfeed, as the role `username`; its password in the environment, where no process list shows it."""
    say("\n$ ringfeed " + " ".join(arguments))
    subprocess.run([RINGFEED, *arguments], check=True, env=dict(os.environ, RINGFEED_PASSWORD="password"))


def connect(address: str, user: str, password: str):  # noqa: ANN201
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
    from cassandra import ConsistencyLevel

    profile = ExecutionProfile(consistency_level=ConsistencyLevel.LOCAL_ONE)
    return Cluster([address], auth_provider=PlainTextAuthProvider(user, password), protocol_version=5,
                   execution_profiles={EXEC_PROFILE_DEFAULT: profile})


def execute(session, statement: str, *values: object):  # noqa: ANN001, ANN201
    say(f"cql> {statement};")
    return session.execute(statement, values or None)


def demo(address: str) -> None:
    say(f"\n-- as the superuser, at {address}")
    driver = connect(address, login.SUPERUSER, login.SUPERUSER)
    superuser = driver.connect()
    execute(superuser, "DROP KEYSPACE IF EXISTS mykeyspace")
    execute(superuser, "CREATE ROLE IF NOT EXISTS username WITH PASSWORD = 'password' AND LOGIN = true")
    execute(superuser, "GRANT CREATE ON ALL KEYSPACES TO username")
    driver.shutdown()

    say("\n-- as username")
    driver = connect(address, "username", "password")
    session = driver.connect()
    execute(session, KEYSPACE)
    samples = [[float32(random.gauss(0, 1)) for _ in range(INPUTS + 1)] for _ in range(SAMPLES)]
    FOLDER.mkdir(parents=True, exist_ok=True)
    source = FOLDER / "samples.csv"
    source.write_text("".join(",".join(map(repr, sample)) + "\n" for sample in samples))
    url = f"cassandra://username@{address}/mykeyspace/mymodel"
    run("ingest", str(source), url, "--layout", "rows", "--tensor", f"data=f0..f{INPUTS - 1}:{INPUTS}:float32",
        "--tensor", f"target=f{INPUTS}:1:float32")
    created = execute(session, "DESCRIBE TABLE mykeyspace.mymodel").one().create_statement
    say(created.split(" WITH ")[0])

    run("train", url, *TRAIN, "--parallel", "ddp", "--nproc", "2", "--output", str(FOLDER / "ddp"), "--overwrite")
    run("train", url, *TRAIN, "--parallel", "data-parallel", "--output", str(FOLDER / "data-parallel"), "--overwrite")

    say("")
    rows = list(execute(session, "SELECT id, data, target FROM mykeyspace.mymodel"))
    driver.shutdown()
    read = sorted([*row.data, *row.target] for row in rows)
    if read != sorted(samples):
        sys.exit("demo: the rows that were read back are not those that were written")
    say(f"{len(rows)} rows read back: bit for bit those that were written")


def main() -> None:
    folder = FOLDER / "cassandra"
    nodes = cluster.Cluster(folder.resolve())
    say("demo: starting one Cassandra node (some 10 s)")
    try:
        demo(nodes.up(1)[0].address)
    finally:
        nodes.down()
        say("demo: the node is stopped; its data are in " + str(folder))


if __name__ == "__main__":
    main()
