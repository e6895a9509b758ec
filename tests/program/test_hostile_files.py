"""Files of strangers, to the whole program: memory does not follow what a file claims, and a folder may be as full as it likes."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import subprocess
import sys

import pyarrow
import pytest
from conftest import SECONDS_MAX, Ringfeed, build_folder
from pyarrow import parquet

pytestmark = pytest.mark.program

BEYOND_BYTES_MAX = 64 << 20  # of memory, above a run over a few bytes
FILES = 100_000
ODD_NAMES = (b"\xff\xfe.parquet", b"a\nb", b"\xed\xa0\x80", b"-rf", b"x" * 255)


def idx(dimensions: tuple[int, ...], data: bytes) -> bytes:
    return gzip.compress(bytes((0, 0, 8, len(dimensions))) + struct.pack(f">{len(dimensions)}I", *dimensions) + data)


def npy(shape: str, data: bytes = bytes(16), header_bytes: int | None = None, dtype: str = "<f4") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x02\0" + struct.pack("<I", len(header) if header_bytes is None else header_bytes) + header + data


CLAIMS = {
    "a.idx.gz": idx((1 << 31,), b"abcde"),
    "b.idx.gz": idx((0xFFFFFFFF, 28, 28), bytes(784)),
    "c.idx.gz": idx((1, 0xFFFFFFFF, 0xFFFFFFFF), bytes(784)),
    "d.npy": npy("(8589934592,)"),
    "e.npy": npy("(1,)", header_bytes=0xFFFFFFFF),
    "f.npy": npy("(18446744073709551616, 2)"),
    "g.npy": npy("(0, 4611686018427387904, 4)"),
    "h.csv.gz": gzip.compress(b"a,b\n1," + bytes(256 << 20).replace(b"\0", b"x"), 1),
    "i.jsonl.gz": gzip.compress(b'{"a": "' + b"x" * (256 << 20), 1),
    "j.csv.gz": gzip.compress(b'a,b\n1,"' + b"x\n" * (128 << 20), 1),
    "k.arrow": struct.pack("<Ii", 0xFFFFFFFF, 0x7FFFFFF8) + bytes(64),
    "l.arrow": b"ARROW1\0\0" + bytes(64) + struct.pack("<i", 0x7FFFFFFF) + b"ARROW1",
}


# What a process inherits of memory counts as its own: a small one starts it.
MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


def ingest_and_measure(ringfeed: Ringfeed, source: str) -> tuple[int, str, int]:
    """The exit code, stderr and the most memory of an ingest."""
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE, str(build_folder() / "bin/ringfeed"), "ingest", source, "x.ring"],
                          cwd=ringfeed.folder, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    return done.returncode, done.stderr, int(done.stdout) * 1024


def test_memory_does_not_follow_what_a_file_claims(ringfeed: Ringfeed) -> None:
    (ringfeed.folder / "plain.npy").write_bytes(npy("(4,)"))
    code, _, plain = ingest_and_measure(ringfeed, "plain.npy")
    assert code == 0
    shutil.rmtree(ringfeed.folder / "x.ring")
    for name, data in CLAIMS.items():
        (ringfeed.folder / name).write_bytes(data)
        code, stderr, peak = ingest_and_measure(ringfeed, name)
        assert (code, stderr.count("\n")) == (3, 1) and stderr.startswith(f"ringfeed: {name}:"), (name, code, stderr)
        assert peak < plain + BEYOND_BYTES_MAX, (name, peak, plain)
        assert not (ringfeed.folder / "x.ring").exists()


def whole_number(value: int) -> bytes:
    """As Parquet's headers have it (Thrift's compact protocol)."""
    value *= 2
    text = b""
    while value > 127:
        text += bytes([value & 127 | 128])
        value >>= 7
    return text + bytes([value])


def test_a_page_of_parquet_that_claims_gigabytes_is_refused_by_name(ringfeed: Ringfeed) -> None:
    """The claim has as many bytes as the truth, so that nothing else in the file moves."""
    table = pyarrow.table({"small": [1], "large": pyarrow.array([bytes(1 << 27)])})
    parquet.write_table(table, ringfeed.folder / "a.parquet", compression="zstd", use_dictionary=False, write_statistics=False)
    file = (ringfeed.folder / "a.parquet").read_bytes()
    truth, claim = (b"\x15\x00\x15" + whole_number(size) for size in ((1 << 27) + 10, 2_000_000_000))
    assert file.count(truth) == 1 and len(truth) == len(claim)
    (ringfeed.folder / "a.parquet").write_bytes(file.replace(truth, claim))
    code, told, peak = ingest_and_measure(ringfeed, "a.parquet")
    assert code == 3 and told.startswith("ringfeed: a.parquet: "), told
    assert "'large'" in told and "a page of 2000000000 bytes, where 1073741824 may be held at once" in told
    assert peak < 1 << 30


def test_a_folder_of_very_many_files(digits: Ringfeed) -> None:
    full = digits.folder / "full"
    full.mkdir()
    folder = os.open(full, os.O_RDONLY)
    for name in (*(f"file-{number}" for number in range(FILES)), *ODD_NAMES):
        os.mknod(name, dir_fd=folder)
    os.close(folder)
    (full / "loop").symlink_to(full)
    before = set(os.listdir(os.fsencode(full)))

    def refused(*arguments: str) -> str:
        line = digits.error(*arguments, code=2)
        assert line.isprintable() and len(line) < 1000, line
        return line

    assert "99985 more, which would be left out" in refused("ingest", "full", "x.ring")
    assert "there is no data set here" in refused("delete", "full", "--yes")
    assert "there is no ledger here" in refused("audit", "full", "digits.ring")
    assert "holds other files (-rf)" in refused("copy", "digits.ring", "full")
    assert set(os.listdir(os.fsencode(full))) == before
    digits("train", "digits.ring", "--input", "image", "--target", "label", "--hidden", "4", "--threads", "1", "--checkpoint-dir", "full",
           "--ledger", "full")
    assert digits("audit", "full", "digits.ring").stdout.startswith("audit: exact, 1 epochs, 1438 samples")
    assert set(os.listdir(os.fsencode(full))) == before | {b"checkpoint-000000", b"rank-0000-000.jsonl"}
