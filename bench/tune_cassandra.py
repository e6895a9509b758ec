"""What the rate of the packed feed depends on: chunk size, connections, bytes under way, compression of the table, nodes, consistency; and
batches while a node is frozen.

550 MB of 784 float32 and a label, batches of 256. Each line is a median of five rounds (of the feed two epochs each) after one to warm up;
the settings of a line group take turns, so that its figures can be compared. No bars: docs/benchmarks.md says what was chosen by them.
Words as arguments choose parts: one, compression, three; without any it is all.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
from pathlib import Path

import numpy
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster
from harness import BUILD, Side, alternate_sides, costs, ingest, rates, write_npy
from nodes import cluster, running, warm

SAMPLES, WIDTH = 175_000, 784
SAMPLE_BYTES = WIDTH * 4 + 8
CHUNKS = ("64KiB", "256KiB", "512KiB", "1MiB", "4MiB")


def side(kind: str, url: str, *arguments: str, **variables: str) -> Side:
    """A side with these RINGFEED_ variables."""
    os.environ.update(variables)
    try:
        command = [str(BUILD / "bin/bench_raw_side"), "chunks"] if kind == "raw" else [str(BUILD / "bin/bench_feed_side")]
        return Side([*command, url, *arguments])
    finally:
        for name in variables:
            del os.environ[name]


def compare(group: str, sides: dict[str, Side]) -> None:
    """A line for each side."""
    for name, rounds in alternate_sides(sides).items():
        megabytes = [rate * SAMPLE_BYTES / 1e6 for rate in rates(rounds)]
        more = {key: round(statistics.median(r[key] for r in rounds), 2)
                for key in ("batch_ms_p50", "batch_ms_p99", "batch_ms_max") if key in rounds[0]}
        print(json.dumps({"name": group, "setting": name, "megabytes_per_second": round(statistics.median(megabytes)),
                          "spread": [round(min(megabytes)), round(max(megabytes))], **costs(rounds, SAMPLE_BYTES), **more}), flush=True)


def one_node(folder, ours) -> None:  # noqa: ANN001
    with running(1) as nodes:
        base = f"cassandra://{nodes.nodes()[0].address}/bench"
        for size in CHUNKS:
            ingest(folder, f"{base}/c{size.lower()}", "--chunk-bytes", size, "--create-keyspace", "--replication", "simple:1")
        compare("chunk size, feed", {size: ours(f"{base}/c{size.lower()}") for size in CHUNKS})
        compare("chunk size, driver alone", {size: side("raw", f"{base}/c{size.lower()}", str(32 << 20)) for size in CHUNKS})
        url = f"{base}/c512kib"
        compare("connections per host, feed", {n: ours(url, RINGFEED_CONNECTIONS_PER_HOST=n) for n in ("1", "2", "4", "8")})
        compare("bytes under way, driver alone", {f"{n} MiB": side("raw", url, str(n << 20)) for n in (1, 4, 8, 32, 128)})
        compare("frames", {"plain": ours(url), "lz4": ours(url, RINGFEED_LZ4="1")})


def write_sparse(folder: Path) -> Path:
    """The same samples with four fifths of the elements zero, as in drawings and masks."""
    sparse = folder.with_name(folder.name + "-sparse")
    sparse.mkdir(exist_ok=True)
    images = numpy.load(folder / "image.npy")
    images[numpy.random.default_rng(1).random(images.shape) < 0.8] = 0
    numpy.save(sparse / "image.npy", images)
    numpy.save(sparse / "label.npy", numpy.load(folder / "label.npy"))
    return sparse


def compression(folder: Path, ours) -> None:  # noqa: ANN001
    """Tables as ringfeed makes them and tables that Cassandra compresses; all is in files when it is read."""
    sources = {"random": folder, "four fifths zero": write_sparse(folder)}
    with running(1) as nodes:
        address = nodes.nodes()[0].address
        base = f"cassandra://{address}/bench"
        urls: dict[str, dict[str, str]] = {name: {} for name in sources}
        driver = Cluster([address], auth_provider=PlainTextAuthProvider("cassandra", "cassandra"), protocol_version=5)
        session = driver.connect()
        for i, (name, source) in enumerate(sources.items()):
            urls[name] = {"none": f"{base}/plain{i}", "LZ4": f"{base}/lz4_{i}"}
            ingest(source, urls[name]["none"], "--create-keyspace", "--replication", "simple:1")
            session.execute(
                f"CREATE TABLE bench.lz4_{i}_chunks (claim bigint, number bigint, hash bigint, data blob, "
                "PRIMARY KEY ((claim, number))) WITH compression = {'class': 'LZ4Compressor'}")
            ingest(source, urls[name]["LZ4"])
        driver.shutdown()
        cluster.stop(nodes.nodes())
        nodes.up(1)
        warm([str(BUILD / "bin/bench_raw_side"), "chunks", urls["random"]["none"], str(32 << 20)])
        for name, tables in urls.items():
            compare(f"compression of the table, {name}", {kind: ours(url) for kind, url in tables.items()})


def three_nodes(folder, ours) -> None:  # noqa: ANN001
    with running(3) as nodes:
        base = f"cassandra://{','.join(node.address for node in nodes.nodes())}"
        for keyspace, copies in (("bench1", 1), ("bench3", 3)):
            ingest(folder, f"{base}/{keyspace}/d", "--create-keyspace", "--replication", f"simple:{copies}")
        compare("three nodes", {
            "1 copy": ours(f"{base}/bench1/d"),
            "3 copies, LOCAL_ONE": ours(f"{base}/bench3/d"),
            "3 copies, LOCAL_QUORUM": ours(f"{base}/bench3/d", RINGFEED_READ_CONSISTENCY="LOCAL_QUORUM")})
        compare("three nodes, 3 copies", {"healthy": ours(f"{base}/bench3/d")})
        frozen = ours(f"{base}/bench3/d")
        frozen.round()  # connected to all
        node = nodes.nodes()[2]
        node.signal(signal.SIGSTOP)
        try:
            compare("three nodes, 3 copies", {"one frozen": frozen})
        finally:
            node.signal(signal.SIGCONT)


def main() -> None:
    folder = write_npy("tune-cassandra", SAMPLES, WIDTH)

    def ours(url: str, **variables: str) -> Side:
        return side("feed", url, "256", **variables)

    parts = {"one": one_node, "compression": compression, "three": three_nodes}
    for name in sys.argv[1:] or parts:
        parts[name](folder, ours)


main()
