"""Draws the digits of a CSV file (64 gray values from 0 to 16, then the class) as pictures, a folder for each class:
python tools/draw_digits.py data/digits/digits.csv FOLDER. PNG of 16 x 16 pixels, by Python's own library alone."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

SIDE, ENLARGED = 8, 2


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(rows: list[bytes]) -> bytes:
    """A gray picture of 8 bits."""
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def main(digits: Path, folder: Path) -> None:
    """Writes FOLDER/CLASS/NUMBER.png."""
    for number, line in enumerate(digits.read_text().splitlines()):
        *values, label = map(int, line.split(","))
        gray = [min(255, value * 16) for value in values]
        rows = [bytes(gray[SIDE * y + x] for x in range(SIDE) for _ in range(ENLARGED)) for y in range(SIDE) for _ in range(ENLARGED)]
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:04}.png").write_bytes(png(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
