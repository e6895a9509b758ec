"""Row tables: made by `ingest --layout rows`, made usable by `attach`, read in place; the Python driver is the oracle."""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from running import ROOT, Running, eventually

pytestmark = pytest.mark.cassandra
BUILD = ROOT / os.environ.get("RINGFEED_BUILD", "build/dev")
SECONDS_MAX = 300
ONE_WARNING = "LOCAL_QUORUM needs 2 replicas and 1 live; going on at LOCAL_ONE"


@dataclass
class Ringfeed:
    """The program of the build under test, logged in as a user, with indexes in a folder of the test's own."""

    folder: Path
    address: str
    keyspace: str
    user: str = "cassandra"
    password: str = "cassandra"

    def url(self, name: str) -> str:
        return f"cassandra://{self.user}@{self.address}/{self.keyspace}/{name}"

    def environment(self) -> dict[str, str]:
        return dict(os.environ, RINGFEED_PASSWORD=self.password, RINGFEED_INDEX=str(self.folder / "index"))

    def command(self, *arguments: str) -> list[str]:
        return [str(BUILD / "bin/ringfeed"), *arguments]

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(self.command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                timeout=SECONDS_MAX, env=self.environment())
        assert result.returncode == code, f"{arguments}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result

    def error(self, *arguments: str, code: int) -> str:
        """Its one line."""
        lines = self(*arguments, code=code).stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("ringfeed: "), lines
        return lines[0]

    def samples(self, url: str, count: int = 1_000_000) -> list[dict]:
        """All samples of a data set, in its order."""
        lines = self("head", url, "-n", str(count), "--json").stdout.splitlines()
        return [json.loads(line)["sample"] for line in lines[:-1]]

    def blocks(self, name: str, version: int = 1) -> list[list]:
        found = list((self.folder / "index").glob(f"*/{self.keyspace}/{name}/v{version}.json"))
        assert len(found) == 1
        return json.loads(found[0].read_text())["index"]["splits"][0]["blocks"]


def floats(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


@pytest.fixture
def ringfeed(one_node: Running, tmp_path: Path) -> Ringfeed:
    """The program, and a keyspace of the test's own."""
    keyspace = "rows_" + uuid.uuid4().hex[:12]
    one_node.session().execute(f"CREATE KEYSPACE {keyspace} WITH replication = "
                               "{'class': 'SimpleStrategy', 'replication_factor': 1}")
    return Ringfeed(tmp_path, one_node.addresses[0], keyspace)


def fill(one_node: Running, statement: str, rows: list[tuple]) -> None:
    from cassandra.concurrent import execute_concurrent_with_args

    session = one_node.session()
    execute_concurrent_with_args(session, session.prepare(statement), rows, concurrency=50)


def write_npy(folder: Path, count: int, width: int) -> tuple[list[str], dict[bytes, bytes]]:
    """Sources data.npy and target.npy, and the bytes of each target by those of its data."""
    import numpy as np

    generator = np.random.default_rng(7)
    data = generator.standard_normal((count, width)).astype("<f4")
    target = generator.standard_normal((count, 1)).astype("<f4")
    np.save(folder / "data.npy", data)
    np.save(folder / "target.npy", target)
    return ([str(folder / "data.npy"), str(folder / "target.npy")],
            {data[i].tobytes(): target[i].tobytes() for i in range(count)})


# ---- the original case ----


@pytest.fixture
def my_model(one_node: Running, ringfeed: Ringfeed) -> Ringfeed:
    """mymodel with 100 rows, in a keyspace with three replicas of which one lives."""
    from cassandra import ConsistencyLevel

    session = one_node.session()
    ringfeed.keyspace += "_rf3"
    session.execute(f"CREATE KEYSPACE {ringfeed.keyspace} WITH replication = "
                    "{'class': 'SimpleStrategy', 'replication_factor': 3}")
    session.execute(f"CREATE TABLE {ringfeed.keyspace}.mymodel "
                    "(id uuid PRIMARY KEY, data vector<float, 10>, target vector<float, 1>)")
    insert = session.prepare(f"INSERT INTO {ringfeed.keyspace}.mymodel (id, data, target) VALUES (?, ?, ?)")
    insert.consistency_level = ConsistencyLevel.LOCAL_ONE
    generator = random.Random(5)
    for _ in range(100):
        session.execute(insert, (uuid.UUID(int=generator.getrandbits(128), version=4),
                                 [generator.gauss(0, 1) for _ in range(10)], [generator.gauss(0, 1)]))
    return ringfeed


TRAIN = ("--model", "linear", "--input", "data", "--target", "target", "--loss", "mse", "--optimizer", "sgd",
         "--lr", "0.01", "--epochs", "10", "--batch-size", "10", "--json")


def test_table_that_is_not_attached_says_how(my_model: Ringfeed) -> None:
    url = my_model.url("mymodel")
    for command in (["train", url, *TRAIN], ["head", url], ["inspect", url], ["verify", url]):
        line = my_model.error(*command, code=2)
        assert line.endswith(f"run: ringfeed attach '{url}'"), line
    assert "there is no data set here" in my_model.error("head", my_model.url("nothing"), code=2)


def test_original_case_with_one_replica_of_three(my_model: Ringfeed, one_node: Running) -> None:
    url = my_model.url("mymodel")
    attached = my_model("attach", url)
    assert attached.stderr.count("\n") == 1 and ONE_WARNING in attached.stderr
    rows = one_node.session().execute(f"SELECT data, target FROM {my_model.keyspace}.mymodel")
    expected = [(floats(row.data), floats(row.target)) for row in rows]
    assert [(floats(s["data"]), floats(s["target"])) for s in my_model.samples(url)] == expected

    losses = []
    for parallel in (["--nproc", "2"], ["--nproc", "2"], ["--parallel", "data-parallel"]):
        trained = my_model("train", url, *TRAIN, *parallel)
        assert "LOCAL_ONE" not in trained.stderr
        losses.append(json.loads(trained.stdout.splitlines()[-1])["losses"])
        assert len(losses[-1]) == 10 and losses[-1][-1] < losses[-1][0]
    assert losses[0] == losses[1]
    assert losses[2] == pytest.approx(losses[0], rel=1e-5)


def test_ingest_into_rows_with_one_replica_of_three(my_model: Ringfeed, one_node: Running) -> None:
    sources, expected = write_npy(my_model.folder, 100, 10)
    url = my_model.url("filled")
    warning = my_model("ingest", *sources, url, "--layout", "rows").stderr
    assert warning.count("\n") == 1 and ONE_WARNING in warning
    rows = list(one_node.session().execute(f"SELECT data, target FROM {my_model.keyspace}.filled"))
    assert {floats(row.data): floats(row.target) for row in rows} == expected and len(rows) == 100
    my_model("train", url, *TRAIN)


# ---- three nodes ----


@pytest.fixture
def three(three_nodes: Running, tmp_path: Path) -> Iterator[Ringfeed]:
    """The program, and a keyspace with three replicas that all live. The test leaves the cluster whole."""
    keyspace = "rows_" + uuid.uuid4().hex[:12]
    three_nodes.session().execute(f"CREATE KEYSPACE {keyspace} WITH replication = "
                                  "{'class': 'SimpleStrategy', 'replication_factor': 3}")
    # Not the superuser, who is looked up at QUORUM: one node that has just died may be one too many for a while.
    three_nodes.make_role(keyspace, "three-password", [f"ALL ON KEYSPACE {keyspace}"])
    yield Ringfeed(tmp_path, ",".join(three_nodes.addresses), keyspace, keyspace, "three-password")
    three_nodes.heal()


def test_original_case_on_three_nodes(three: Ringfeed) -> None:
    sources, expected = write_npy(three.folder, 100, 10)
    url = three.url("mymodel")
    assert three("ingest", *sources, url, "--layout", "rows").stderr == ""
    assert {floats(s["data"]): floats(s["target"]) for s in three.samples(url)} == expected
    losses = [json.loads(three("train", url, *TRAIN, *parallel).stdout.splitlines()[-1])["losses"]
              for parallel in (["--nproc", "2"], ["--parallel", "data-parallel"])]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_rows_are_read_while_a_node_is_away(three: Ringfeed, three_nodes: Running, fault: str) -> None:
    sources, expected = write_npy(three.folder, 5000, 100)
    url = three.url("t")
    three("ingest", *sources, url, "--layout", "rows")
    before = three.samples(url)
    getattr(three_nodes, fault)(3)
    three.address = three_nodes.addresses[0]
    assert three.samples(three.url("t")) == before
    assert {floats(s["data"]): floats(s["target"]) for s in before} == expected
    attached = three("attach", three.url("t"))  # a quorum lives
    assert "warning" not in attached.stderr and "version 2" in attached.stdout


def test_a_replica_without_the_rows_changes_nothing(three: Ringfeed, three_nodes: Running) -> None:
    """Rows that one replica missed are read at LOCAL_QUORUM from the others."""
    from cassandra import ConsistencyLevel

    session = three_nodes.session()
    table = f"{three.keyspace}.t"
    session.execute(f"CREATE TABLE {table} (a int PRIMARY KEY, x int) WITH speculative_retry = 'NEVER'")
    three_nodes.kill(3)
    insert = session.prepare(f"INSERT INTO {table} (a, x) VALUES (?, ?)")
    insert.consistency_level = ConsistencyLevel.TWO
    for i in range(200):
        eventually(lambda i=i: session.execute(insert, (i, i)))
    three.address = three_nodes.addresses[0]
    three("attach", three.url("t"))
    expected = three.samples(three.url("t"))
    assert len(expected) == 200
    three_nodes.start(3)
    three.address = three_nodes.addresses[2]
    assert three.samples(three.url("t")) == expected


# ---- ingest ----


def test_ingest_again_and_killed_writes_the_same_rows(ringfeed: Ringfeed, one_node: Running) -> None:
    from cassandra import DriverException
    from cassandra.cluster import NoHostAvailable

    count = 20_000
    sources, expected = write_npy(ringfeed.folder, count, 10)
    command = ["ingest", *sources, ringfeed.url("t"), "--layout", "rows"]
    process = subprocess.Popen(ringfeed.command(*command), env=ringfeed.environment(), stderr=subprocess.DEVNULL)
    table = f"{ringfeed.keyspace}.t"

    def rows() -> int:
        return len(list(one_node.session().execute(f"SELECT id FROM {table}")))

    def has_rows() -> bool:
        try:
            return one_node.session().execute(f"SELECT id FROM {table} LIMIT 1").one() is not None
        except (DriverException, NoHostAvailable):  # the table is not there yet
            return False

    end = time.monotonic() + SECONDS_MAX
    try:
        while True:  # it stands still while one looks, so that it is never done before it is killed
            process.send_signal(signal.SIGSTOP)
            if has_rows():
                break
            process.send_signal(signal.SIGCONT)
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    assert 0 < rows() < count
    assert "not attached" in ringfeed.error("head", ringfeed.url("t"), code=2)
    ringfeed(*command)
    first = {row.id: (floats(row.data), floats(row.target))
             for row in one_node.session().execute(f"SELECT id, data, target FROM {table}")}
    assert len(first) == count and dict(first.values()) == expected
    assert all(key.version == 8 for key in first)
    assert "unchanged" in ringfeed(*command).stdout
    samples = ringfeed.samples(ringfeed.url("t"))
    assert {floats(s["data"]): floats(s["target"]) for s in samples} == expected and len(samples) == count


def test_ingest_refuses_what_is_there(ringfeed: Ringfeed, one_node: Running) -> None:
    sources, _ = write_npy(ringfeed.folder, 50, 4)
    session = one_node.session()
    session.execute(f"CREATE TABLE {ringfeed.keyspace}.other (id uuid PRIMARY KEY, data vector<float, 5>, target float)")
    assert "with other columns" in ringfeed.error("ingest", *sources, ringfeed.url("other"), "--layout", "rows", code=1)
    ringfeed("ingest", *sources, ringfeed.url("t"), "--layout", "rows")
    again = ["ingest", *sources, ringfeed.url("t"), "--layout", "rows", "--seed", "1"]
    assert "--append" in ringfeed.error(*again, code=1)
    ringfeed(*again, "--append")
    assert len(ringfeed.samples(ringfeed.url("t"))) == 100
    assert "this is a row table" in ringfeed.error("ingest", *sources, ringfeed.url("t"), code=1)
    ringfeed("ingest", *sources, ringfeed.url("packed"))
    assert "a packed data set has this name" in ringfeed.error("ingest", *sources, ringfeed.url("packed"), "--layout",
                                                               "rows", code=1)
    assert "no keyspace" in ringfeed.error("ingest", *sources, f"cassandra://cassandra@{ringfeed.address}/missing/t",
                                           "--layout", "rows", code=2)


def test_splits_of_rows(ringfeed: Ringfeed, one_node: Running) -> None:
    sources, expected = write_npy(ringfeed.folder, 1000, 4)
    url = ringfeed.url("t")
    ringfeed("ingest", *sources, url, "--layout", "rows", "--split", "train=0.8,val=0.2")
    found = {}
    for split, count in (("train", 800), ("val", 200)):
        samples = ringfeed.samples(f"{url}?split={split}")
        rows = one_node.session().execute(f"SELECT data FROM {ringfeed.keyspace}.t WHERE split = '{split}' ALLOW FILTERING")
        assert [floats(s["data"]) for s in samples] == [floats(row.data) for row in rows]
        assert len(samples) == count
        found |= {floats(s["data"]): floats(s["target"]) for s in samples}
    assert found == expected
    # Another machine, without the index, finds the splits in the table.
    elsewhere = ["attach", url, "--index", str(ringfeed.folder / "elsewhere"), "--json"]
    splits = json.loads(ringfeed(*elsewhere).stdout)["splits"]
    assert {name: split["samples"] for name, split in splits.items()} == {"train": 800, "val": 200}


def test_every_dtype_comes_back(ringfeed: Ringfeed) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 40
    generator = np.random.default_rng(3)
    columns = {}
    for dtype in ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"):
        values = (generator.standard_normal((count, 6)) * 50).astype(dtype)
        columns[dtype] = pa.array(values[:, 0])
        columns[dtype + "_tensor"] = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), 6)
    columns["flag"] = pa.array([i % 3 == 0 for i in range(count)])
    columns["flags"] = pa.FixedSizeListArray.from_arrays(pa.array([i % 2 == 0 for i in range(count * 3)]), 3)
    columns["list"] = pa.array([list(range(i % 4)) for i in range(count)], pa.list_(pa.int32()))
    columns["bools"] = pa.array([[True] * (i % 3) for i in range(count)], pa.list_(pa.bool_()))
    columns["bytes"] = pa.array([bytes(range(i)) for i in range(count)], pa.binary())
    columns["text"] = pa.array(["ü" * (i % 5) for i in range(count)], pa.string())
    pq.write_table(pa.table(columns), ringfeed.folder / "all.parquet")
    ringfeed("ingest", str(ringfeed.folder / "all.parquet"), str(ringfeed.folder / "local"))
    ringfeed("ingest", str(ringfeed.folder / "all.parquet"), ringfeed.url("t"), "--layout", "rows")

    def content(url: str) -> tuple[list, list]:
        types = json.loads(ringfeed("inspect", url, "--json").stdout)["columns"]
        rows = sorted(json.dumps(sample, sort_keys=True) for sample in ringfeed.samples(url))
        return [(column["name"], column["type"]) for column in types], rows

    local = content(str(ringfeed.folder / "local"))
    assert len(local[1]) == count and content(ringfeed.url("t")) == local
    ringfeed("attach", ringfeed.url("t"))  # dtypes and shapes stand in the table's comment
    assert content(ringfeed.url("t")) == local


# ---- attach: columns ----


def test_every_type_of_a_table(ringfeed: Ringfeed, one_node: Running) -> None:
    import datetime

    session = one_node.session()
    table = f"{ringfeed.keyspace}.t"
    session.execute(f"""CREATE TABLE {table} (id uuid PRIMARY KEY, a tinyint, b smallint, c int, d bigint, e float, f double,
        g boolean, h text, i ascii, j blob, k uuid, l timeuuid, m timestamp, n list<int>, o frozen<list<float>>,
        p vector<tinyint, 3>, q vector<smallint, 2>, r vector<int, 2>, s vector<bigint, 2>, t vector<double, 2>,
        u vector<boolean, 3>, v decimal)""")
    other = uuid.uuid1()
    key = uuid.uuid4()
    when = datetime.datetime(2020, 1, 2, 3, 4, 5, 678000)
    values = (key, -3, -300, -70000, -(2**40), 1.5, -2.25, True, "größe", "plain", b"\x00\xff", key, other, when, [1, -2],
              [0.5], [1, -1, 127], [300, -300], [1, -70000], [2**40, -1], [0.1, -0.2], [True, False, True], None)
    fill(one_node, f"INSERT INTO {table} (id, {', '.join('abcdefghijklmnopqrstuv')}) VALUES ({', '.join('?' * 23)})", [values])
    url = ringfeed.url("t")
    refused = ringfeed.error("attach", url, code=2)
    assert "column v is of type decimal" in refused and "--drop" in refused
    ringfeed("attach", url, "--columns", ",".join("abcdefghijklmnopqrstu") + ",id")
    assert ringfeed.samples(url) == [{
        "a": -3, "b": -300, "c": -70000, "d": -(2**40), "e": 1.5, "f": -2.25, "g": True, "h": "größe", "i": "plain",
        "j": "00ff", "k": str(key), "l": str(other), "m": 1577934245678, "n": [1, -2], "o": [0.5], "p": [1, -1, 127],
        "q": [300, -300], "r": [1, -70000], "s": [2**40, -1], "t": [0.1, -0.2], "u": [True, False, True], "id": str(key)}]
    assert "no column nothing" in ringfeed.error("attach", url, "--columns", "a,nothing", code=2)


def test_tensors_of_blobs_vectors_and_lists(ringfeed: Ringfeed, one_node: Running) -> None:
    table = f"{ringfeed.keyspace}.t"
    one_node.session().execute(f"CREATE TABLE {table} (id int PRIMARY KEY, b blob, v vector<float, 6>, l list<int>, x int)")
    fill(one_node, f"INSERT INTO {table} (id, b, v, l, x) VALUES (?, ?, ?, ?, ?)",
         [(7, struct.pack("<4h", 1, -2, 3, -4), [1, 2, 3, 4, 5, 6], [9, 8], 5)])
    url = ringfeed.url("t")
    ringfeed("attach", url, "--tensor", "image=b:2x2:int16", "--tensor", "m=v:2x3:float32", "--tensor", "pair=l:2:int32")
    assert ringfeed.samples(url) == [{"image": [[1, -2], [3, -4]], "pair": [9, 8], "m": [[1, 2, 3], [4, 5, 6]], "x": 5}]
    ringfeed("attach", url, "--tensor", "image=b:3:int16", "--columns", "b,x")
    wrong = ringfeed.error("head", url, code=3)
    assert "the row with id=7: column b: 8 bytes, where int16 [3] takes 6" in wrong
    ringfeed("attach", url, "--tensor", "pair=l:3:int32", "--columns", "l")
    assert "id=7: column l: 2 elements, where int32 [3] takes 3" in ringfeed.error("head", url, code=3)
    for tensor, what in (("m=v:2x2:float32", "6 elements"), ("m=v:6:float64", "not float64"), ("m=w:6:float32", "no column w")):
        assert what in ringfeed.error("attach", url, "--tensor", tensor, code=2)


def test_a_null_names_its_row(ringfeed: Ringfeed, one_node: Running) -> None:
    table = f"{ringfeed.keyspace}.t"
    one_node.session().execute(f"CREATE TABLE {table} (a int, b text, c int, x float, l list<int>, PRIMARY KEY ((a, b), c))")
    fill(one_node, f"INSERT INTO {table} (a, b, c, x) VALUES (?, ?, ?, ?)", [(1, "q", i, None if i == 3 else i) for i in range(6)])
    url = ringfeed.url("t")
    ringfeed("attach", url)
    line = ringfeed.error("head", url, code=3)
    assert "the row with a=1, b='q', c=3: column x: null, which a sample cannot hold" in line
    ringfeed("attach", url, "--columns", "l")  # an empty list that is not frozen is a null to Cassandra
    assert ringfeed.samples(url) == [{"l": []}] * 6


# ---- attach: keys ----


@pytest.mark.parametrize("order", ["ASC", "DESC", "mixed"])
def test_wide_partitions(ringfeed: Ringfeed, one_node: Running, order: str) -> None:
    table = f"{ringfeed.keyspace}.t"
    orders = {"ASC": "c ASC, d ASC", "DESC": "c DESC, d DESC", "mixed": "c ASC, d DESC"}[order]
    one_node.session().execute(
        f"CREATE TABLE {table} (a int, b text, c int, d text, s int STATIC, x int, PRIMARY KEY ((a, b), c, d)) "
        f"WITH CLUSTERING ORDER BY ({orders})")
    rows = [(a, "p" * (a % 3), i // 7, str(i), a, 1000 * a + i) for a in range(20) for i in range(3000 if a == 11 else a)]
    fill(one_node, f"INSERT INTO {table} (a, b, c, d, s, x) VALUES (?, ?, ?, ?, ?, ?)", rows)
    fill(one_node, f"INSERT INTO {table} (a, b, s) VALUES (?, ?, ?)", [(100 + i, "only static", i) for i in range(5)])
    url = ringfeed.url("t")
    ringfeed("attach", url, "--block-bytes", "4KiB", "--columns", "a,b,c,d,s,x")
    expected = [dict(zip("abcdsx", (r.a, r.b, r.c, r.d, r.s, r.x), strict=True))
                for r in one_node.session().execute(f"SELECT a, b, c, d, s, x FROM {table}") if r.c is not None]
    assert len(expected) == len(rows)
    assert ringfeed.samples(url) == expected
    blocks = ringfeed.blocks("t")
    assert sum(len(block) == 8 for block in blocks) > 5
    assert sum(block[2] for block in blocks) == len(rows)
    ringfeed("verify", url)


KEYS_WITH_THE_SPLIT = ("split, n", "(split, k), n", "k, split, n", "k, n, split", "k, n")


def test_the_split_may_be_any_column_of_the_key(ringfeed: Ringfeed, one_node: Running) -> None:
    """In partitions longer than a block, each shape of statement is one that the server takes."""
    expected = {"val": set(range(0, 400, 10)), "train": set(range(400)) - set(range(0, 400, 10))}
    for number, key in enumerate(KEYS_WITH_THE_SPLIT):
        table = f"{ringfeed.keyspace}.s{number}"
        one_node.session().execute(f"CREATE TABLE {table} (k int, split text, n int, x vector<float, 32>, PRIMARY KEY ({key}))")
        fill(one_node, f"INSERT INTO {table} (k, split, n, x) VALUES (?, ?, ?, ?)",
             [(n % 2, "val" if n % 10 == 0 else "train", n, [float(n)] * 32) for n in range(400)])
        url = ringfeed.url(f"s{number}")
        ringfeed("attach", url, "--split-column", "split", "--columns", "n,x", "--block-bytes", "4KiB")
        ringfeed("verify", url)
        for split, numbers in expected.items():
            found = [sample["n"] for sample in ringfeed.samples(f"{url}?split={split}")]
            assert len(found) == len(numbers) and set(found) == numbers, key


def test_masks_views_compact_tables_and_values_that_are_not_finite(ringfeed: Ringfeed, one_node: Running) -> None:
    session = one_node.session()
    for statement in (
            "CREATE TABLE {}.t (id int PRIMARY KEY, label int, x float, odd 'org.apache.cassandra.db.marshal.LexicalUUIDType')",
            "CREATE MATERIALIZED VIEW {0}.v AS SELECT * FROM {0}.t WHERE id IS NOT NULL AND label IS NOT NULL PRIMARY KEY (label, id)",
            "CREATE TABLE {}.c (id int PRIMARY KEY, n int) WITH COMPACT STORAGE",
            "CREATE TABLE {}.k (id 'org.apache.cassandra.db.marshal.LexicalUUIDType' PRIMARY KEY, x float)",
            "INSERT INTO {}.t (id, label, x) VALUES (1, 5, 1.5)",
            "INSERT INTO {}.c (id, n) VALUES (1, 7)"):
        session.execute(statement.format(ringfeed.keyspace))
    table, view, compact = (ringfeed.url(name) for name in "tvc")
    ringfeed("attach", view, "--columns", "id,label,x")
    assert ringfeed.samples(view) == [{"id": 1, "label": 5, "x": 1.5}]
    assert "materialized view" in ringfeed.error("ingest", str(ROOT / "data/digits/digits.csv"), view, "--layout", "rows", code=1)
    ringfeed("attach", compact)
    assert ringfeed.samples(compact) == [{"n": 7}]
    assert "column id of the key is of type 'org.apache" in ringfeed.error("attach", ringfeed.url("k"), code=2)

    session.execute(f"INSERT INTO {ringfeed.keyspace}.t (id, label, x) VALUES (2, 6, NaN)")
    ringfeed("attach", table, "--columns", "label,x")
    for command in (("head", table), ("verify", table), ("copy", table, str(ringfeed.folder / "copy"))):
        refused = ringfeed.error(*command, code=3)
        assert "id=2" in refused and "column x" in refused and "--allow-nan" in refused
    ringfeed("attach", table, "--columns", "label,x", "--allow-nan")
    ringfeed("verify", table)

    session.execute(f"ALTER TABLE {ringfeed.keyspace}.t ALTER label MASKED WITH DEFAULT")
    one_node.make_role("masked_reader", "reader", [f"SELECT ON TABLE {ringfeed.keyspace}.t"])
    reader = Ringfeed(ringfeed.folder, ringfeed.address, ringfeed.keyspace, "masked_reader", "reader")
    for command in (("attach", reader.url("t"), "--columns", "label"), ("head", reader.url("t"))):
        refused = reader.error(*command, code=5)
        assert "column label is masked" in refused and "UNMASK" in refused
    one_node.make_role("unmasked_reader", "reader", [f"{right} ON TABLE {ringfeed.keyspace}.t" for right in ("SELECT", "UNMASK")])
    unmasked = Ringfeed(ringfeed.folder, ringfeed.address, ringfeed.keyspace, "unmasked_reader", "reader")
    unmasked("attach", unmasked.url("t"), "--columns", "label")


def test_many_rows_are_each_there_once(ringfeed: Ringfeed, one_node: Running) -> None:
    table = f"{ringfeed.keyspace}.t"
    one_node.session().execute(f"CREATE TABLE {table} (a bigint, b text, x int, PRIMARY KEY ((a, b)))")
    count = 30_000
    fill(one_node, f"INSERT INTO {table} (a, b, x) VALUES (?, ?, ?)", [(i * i, str(i), i) for i in range(count)])
    url = ringfeed.url("t")
    ringfeed("attach", url, "--block-bytes", "4KiB")
    samples = [sample["x"] for sample in ringfeed.samples(url)]
    assert samples == [row.x for row in one_node.session().execute(f"SELECT x FROM {table}")]
    assert sorted(samples) == list(range(count))
    blocks = ringfeed.blocks("t")
    assert len(blocks) > 20
    ends = [(block[0], block[1]) for block in blocks]
    assert ends[0][0] == -(2**63) and ends[-1][1] == 2**63 - 1
    assert all(before[1] == after[0] for before, after in zip(ends, ends[1:], strict=False))
    before = (ringfeed.folder / "index").rglob("v1.json").__next__().read_bytes()
    ringfeed("attach", url, "--block-bytes", "4KiB")
    after = (ringfeed.folder / "index").rglob("v2.json").__next__().read_bytes()
    assert before[40:].replace(b'"version":1', b'"version":2') == after[40:]
    assert ringfeed("inspect", url, "--json").stdout.count('"versions":[1,2]') == 1


def test_empty_table(ringfeed: Ringfeed, one_node: Running) -> None:
    one_node.session().execute(f"CREATE TABLE {ringfeed.keyspace}.t (a int PRIMARY KEY, x int)")
    ringfeed("attach", ringfeed.url("t"))
    assert ringfeed.samples(ringfeed.url("t")) == []
    fill(one_node, f"INSERT INTO {ringfeed.keyspace}.t (a, x) VALUES (?, ?)", [(1, 1)])
    assert "rows changed since attach" in ringfeed.error("verify", ringfeed.url("t"), code=3)


def test_wide_tensors_are_read_as_they_lie_and_copied_into_a_packed_data_set(ringfeed: Ringfeed, one_node: Running) -> None:
    table = f"{ringfeed.keyspace}.t"
    one_node.session().execute(f"CREATE TABLE {table} (id int PRIMARY KEY, x vector<float, 200>, pixels blob, label int)")
    rows = [(i, [i + k / 256 for k in range(200)], bytes((i + k) % 256 for k in range(900)), -i) for i in range(300)]
    fill(one_node, f"INSERT INTO {table} (id, x, pixels, label) VALUES (?, ?, ?, ?)", rows)
    url = ringfeed.url("t")
    ringfeed("attach", url, "--tensor", "image=pixels:30x30:uint8", "--block-bytes", "64KiB")
    assert len(ringfeed.blocks("t")) > 5
    found = ringfeed.samples(url, 300)
    assert len(found) == 300
    for sample in found:
        i = -sample["label"]
        assert sample["x"] == rows[i][1]
        assert bytes(sum(sample["image"], [])) == rows[i][2]

    copied = str(ringfeed.folder / "copied.ring")
    ringfeed("copy", url, copied)
    ringfeed("verify", copied)
    assert ringfeed.samples(copied, 300) == found
    assert '"unchanged":true' in ringfeed("copy", url, copied, "--json").stdout

    one_node.session().execute(f"UPDATE {table} SET pixels = 0x00 WHERE id = 7")
    line = ringfeed.error("head", url, "-n", "300", code=3)
    assert "the row with id=7: column pixels: 1 bytes, where uint8 [30, 30] takes 900" in line


# ---- changes ----


def test_changes_since_attach_are_named(ringfeed: Ringfeed, one_node: Running) -> None:
    session = one_node.session()
    table = f"{ringfeed.keyspace}.t"
    session.execute(f"CREATE TABLE {table} (a int PRIMARY KEY, x int)")
    fill(one_node, f"INSERT INTO {table} (a, x) VALUES (?, ?)", [(i, i) for i in range(100)])
    url = ringfeed.url("t")
    ringfeed("attach", url)

    def named(what: str) -> None:
        for command in ("verify", "head"):
            line = ringfeed.error(command, url, code=3)
            assert "rows changed since attach" in line and what in line, line
            assert line.endswith(f"attach again: ringfeed attach '{ringfeed.url('t')}'")

    session.execute(f"INSERT INTO {table} (a, x) VALUES (1000, 1)")
    named("at least 101 rows now, 100 then")
    session.execute(f"DELETE FROM {table} WHERE a = 5")
    named("100 rows now and then, but other keys")
    session.execute(f"DELETE FROM {table} WHERE a = 1000")
    named("99 rows now, 100 then")
    ringfeed("attach", url)
    assert len(ringfeed.samples(url)) == 99
    ringfeed("verify", url)  # against the newest index alone
    for command in ("head", "verify"):
        assert "rows changed" in ringfeed.error(command, url + "?version=1", code=3)

    session.execute(f"UPDATE {table} SET x = -1 WHERE a = 7")
    assert {"x": -1} in ringfeed.samples(url)  # by keys alone this is not noticed
    ringfeed("attach", url, "--digest", "values")
    url += "?version=3"
    ringfeed("verify", url)
    session.execute(f"UPDATE {table} SET x = -2 WHERE a = 7")
    named("but other keys or values")

    session.execute(f"DROP TABLE {table}")
    session.execute(f"CREATE TABLE {table} (a int PRIMARY KEY, x int)")
    assert "was made anew" in ringfeed.error("head", url, code=3)


def test_rows_outside_of_blocks_are_found_by_verify(ringfeed: Ringfeed, one_node: Running) -> None:
    table = f"{ringfeed.keyspace}.t"
    one_node.session().execute(f"CREATE TABLE {table} (a int, c int, x int, PRIMARY KEY (a, c))")
    fill(one_node, f"INSERT INTO {table} (a, c, x) VALUES (?, ?, ?)", [(1, i, i) for i in range(5000)])
    url = ringfeed.url("t")
    ringfeed("attach", url, "--block-bytes", "4KiB")
    assert len(ringfeed.samples(url)) == 5000
    ringfeed("verify", url)
    fill(one_node, f"INSERT INTO {table} (a, c, x) VALUES (?, ?, ?)", [(2, 1, 1)])
    line = ringfeed.error("verify", url, code=3)
    assert line.startswith(f"ringfeed: {url}: version 1: rows changed since attach: a row with a=2, c=1 where there was none")


def test_damaged_index_is_refused(ringfeed: Ringfeed, one_node: Running) -> None:
    table = f"{ringfeed.keyspace}.t"
    one_node.session().execute(f"CREATE TABLE {table} (a int PRIMARY KEY, x int)")
    fill(one_node, f"INSERT INTO {table} (a, x) VALUES (?, ?)", [(1, 1)])
    ringfeed("attach", ringfeed.url("t"))
    path = next((ringfeed.folder / "index").rglob("v1.json"))
    path.write_bytes(path.read_bytes().replace(b'"x"', b'"y"', 1))
    assert "the index is damaged" in ringfeed.error("head", ringfeed.url("t"), code=3)


# ---- names and users ----


def test_hostile_names_of_columns(ringfeed: Ringfeed, one_node: Running) -> None:
    session = one_node.session()
    names = ['a"; DROP TABLE x; --', "Select", "from", "Ünïcode", "x'y", "a b"]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    table = f'{ringfeed.keyspace}."Upper_Select"'
    session.execute(f"CREATE TABLE {table} ({quoted[0]} int, {quoted[1]} int, {quoted[2]} int, {quoted[3]} text, "
                    f"{quoted[4]} int, {quoted[5]} int, PRIMARY KEY (({quoted[0]}, {quoted[1]}), {quoted[2]}))")
    fill(one_node, f"INSERT INTO {table} ({', '.join(quoted)}) VALUES (?, ?, ?, ?, ?, ?)",
         [(1, 2, i, "v", i, -i) for i in range(2000)])
    url = ringfeed.url("Upper_Select")
    ringfeed("attach", url, "--block-bytes", "4KiB")
    samples = ringfeed.samples(url)
    assert samples == [{"x'y": i, "a b": -i, "Ünïcode": "v"} for i in range(2000)]
    assert "no data set here" in ringfeed.error("head", ringfeed.url("upper_select"), code=2)


def test_hostile_names_in_an_ingest(ringfeed: Ringfeed, one_node: Running) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ['a"; DROP TABLE x; --', "Select", "it's"]
    pq.write_table(pa.table({name: [1, 2, 3] for name in names}), ringfeed.folder / "x.parquet")
    ringfeed("ingest", str(ringfeed.folder / "x.parquet"), ringfeed.url("Table"), "--layout", "rows")
    rows = one_node.session().execute(
        f"SELECT column_name FROM system_schema.columns WHERE keyspace_name = '{ringfeed.keyspace}' AND table_name = 'Table'")
    assert {row.column_name for row in rows} == {"id", *names}
    assert len(ringfeed.samples(ringfeed.url("Table"))) == 3
    pq.write_table(pa.table({"id": [1]}), ringfeed.folder / "id.parquet")
    taken = ringfeed.error("ingest", str(ringfeed.folder / "id.parquet"), ringfeed.url("t2"), "--layout", "rows", code=2)
    assert "column id" in taken


@pytest.mark.parametrize("with_datasets", [False, True])
def test_select_on_the_table_is_enough(ringfeed: Ringfeed, one_node: Running, with_datasets: bool) -> None:
    session = one_node.session()
    table = f"{ringfeed.keyspace}.t"
    session.execute(f"CREATE TABLE {table} (a int PRIMARY KEY, x int)")
    fill(one_node, f"INSERT INTO {table} (a, x) VALUES (?, ?)", [(i, i) for i in range(10)])
    if with_datasets:
        sources, _ = write_npy(ringfeed.folder, 10, 2)
        ringfeed("ingest", *sources, ringfeed.url("packed"))
    role = "reader_" + uuid.uuid4().hex[:8]
    one_node.make_role(role, "secret", [f"SELECT ON {table}"])
    reader = Ringfeed(ringfeed.folder, ringfeed.address, ringfeed.keyspace, role, "secret")
    reader("attach", reader.url("t"), "--digest", "values")
    assert len(reader.samples(reader.url("t"))) == 10
    reader("verify", reader.url("t"))
    session.execute(f"CREATE TABLE {ringfeed.keyspace}.hidden (a int PRIMARY KEY, x int)")
    assert "SELECT" in reader.error("attach", reader.url("hidden"), code=5)
    sources, _ = write_npy(ringfeed.folder, 10, 2)
    reader.error("ingest", *sources, reader.url("new"), "--layout", "rows", code=5)


# ---- size ----


def test_large_blobs_leave_the_server_healthy(ringfeed: Ringfeed, one_node: Running) -> None:
    from cassandra.concurrent import execute_concurrent_with_args

    session = one_node.session()
    table = f"{ringfeed.keyspace}.t"
    session.execute(f"CREATE TABLE {table} (id uuid PRIMARY KEY, image blob, label int) WITH compression = {{'enabled': false}}")
    insert = session.prepare(f"INSERT INTO {table} (id, image, label) VALUES (?, ?, ?)")
    count = 5_000
    blob = random.Random(1).randbytes(100_000)
    rows = ((uuid.uuid4(), struct.pack("<i", i) + blob, i) for i in range(count))
    execute_concurrent_with_args(session, insert, rows, concurrency=16)
    url = ringfeed.url("t")
    for digest in ("keys", "values"):
        ringfeed("attach", url, "--digest", digest)
        assert session.execute("SELECT release_version FROM system.local", timeout=10).one()
    assert max(block[2] for block in ringfeed.blocks("t")) * len(blob) <= 2 << 20
    ringfeed("verify", url)
    assert [sample["label"] for sample in ringfeed.samples(url, 3)] == [
        row.label for row in session.execute(f"SELECT label FROM {table} LIMIT 3")]
