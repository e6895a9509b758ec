"""What the rate of the packed feed depends on: chunk size, connections, bytes under way, nodes, consistency; and batches while a node is frozen.

550 MB of 784 float32 and a label, batches of 256. Each line is a median of five rounds (of the feed two epochs each)
after one to warm up; the settings of a line
group take turns, so that its figures can be compared. No bars: docs/benchmarks.md says what was chosen by them.
"""

from __future__ import annotations

import json
import os
import signal
import statistics

from harness import BUILD, Side, alternate_sides, ingest, rates, write_npy
from nodes import costs, running

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

    one_node(folder, ours)
    three_nodes(folder, ours)


main()
