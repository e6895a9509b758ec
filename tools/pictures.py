"""Draws the pictures of the documents, docs/pictures/*.svg: python tools/pictures.py.

The order in them is computed by tests/order/ordering.py, so a picture shows what the program does. SVG without scripts, fonts or
other files; light and dark by the reader's own setting. A test compares the files with what this draws.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs/pictures"
sys.path.insert(0, str(ROOT / "tests/order"))
from ordering import (  # noqa: E402
    Choices,
    concatenation,
    cut_lanes,
    epoch_order,
    lane_of,
    mix,
    rank_samples,
    steps,
    stride,
    windows,
)

# Colours of eight blocks that differ in lightness as well as in hue.
BLOCKS = ("#1b6ca8", "#f2a541", "#4caf8a", "#b23a48", "#8fb8de", "#6b4c9a", "#c9c24b", "#7a5c43")
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1f2328 }
.small { font-size: 12px; fill: #57606a }
.title { font-weight: 600 }
.ground { fill: #ffffff }
.box { fill: #f6f8fa; stroke: #8c959f }
.store { fill: #ddf4ff; stroke: #54aeff }
.rank { fill: none; stroke: #1f2328; stroke-width: 1.5 }
.arrow { fill: none; stroke: #57606a; stroke-width: 1.5; marker-end: url(#head) }
.head { fill: #57606a }
.middle { text-anchor: middle }
.on { font-size: 12px; fill: #ffffff; stroke: #1f2328; stroke-width: 2; paint-order: stroke }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .ground { fill: #0d1117 } .box { fill: #161b22; stroke: #6e7681 }
  .store { fill: #0c2d4a; stroke: #388bfd } .rank { stroke: #e6edf3 } .on { fill: #ffffff } .arrow { stroke: #9198a1 } .head { fill: #9198a1 }
}
"""


class Drawing:
    """An SVG that grows by its parts."""

    def __init__(self, width: int, height: int, title: str, description: str) -> None:
        self.size = (width, height)
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            'aria-labelledby="title description">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(description)}</desc>',
            f"<style>{STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
            f'<rect class="ground" width="{width}" height="{height}"/>',
        ]

    def text(self, x: float, y: float, text: str, kind: str = "") -> None:
        self.parts.append(f'<text x="{x:g}" y="{y:g}"' + (f' class="{kind}"' if kind else "") + f">{escape(text)}</text>")

    def rect(self, x: float, y: float, width: float, height: float, *, kind: str = "", fill: str = "", round_by: int = 0) -> None:
        look = f'class="{kind}"' if kind else f'fill="{fill}"'
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round_by}" {look}/>')

    def arrow(self, *points: tuple[float, float]) -> None:
        path = " ".join(f"{'L' if number else 'M'}{x:g} {y:g}" for number, (x, y) in enumerate(points))
        self.parts.append(f'<path class="arrow" d="{path}"/>')

    def box(self, x: float, y: float, width: float, height: float, lines: list[str], kind: str = "box") -> None:
        """A box with a title and smaller lines under it, in its middle."""
        self.rect(x, y, width, height, kind=kind, round_by=6)
        top = y + height / 2 - 9 * (len(lines) - 1) + 5
        for number, line in enumerate(lines):
            self.text(x + width / 2, top + 18 * number, line, "middle title" if number == 0 else "middle small")

    def save_text(self) -> str:
        return "\n".join([*self.parts, "</svg>", ""])


def order() -> str:
    """From sources over stored blocks to steps that are the same on any number of ranks."""
    blocks, square = [12] * 7 + [7], 12
    case = {"seed": 7, "epoch": 0, "global_batch": 12, "lanes": 4}
    n = sum(blocks)
    drawing = Drawing(940, 432, "What Ringfeed does", (
        "Sources are stored once as blocks of samples, in a folder or in Cassandra. An epoch hands out every sample once, in steps "
        "that are the same on one, two and four ranks; only who gets which part of a step differs."))
    drawing.box(15, 24, 205, 92, ["files, arrays, tables", "CSV, JSON Lines, Parquet, npy,", "IDX, NumPy, Arrow, DataFrames"])
    drawing.arrow((220, 70), (252, 70))
    drawing.text(382, 30, "stored once: a local folder, or Cassandra", "middle title")
    for block, size in enumerate(blocks):
        for row in range(size):
            drawing.rect(260 + block * 32 + row % 2 * square, 42 + row // 2 * square, square - 2, square - 2, fill=BLOCKS[block])
    drawing.text(382, 132, f"{len(blocks)} blocks, {n} samples; each block under a checksum", "middle small")
    drawing.arrow((520, 70), (560, 70))
    drawing.box(565, 24, 360, 92, ["batches, in memory ahead of the loop", "Python: ringfeed.Loader, torch tensors",
                                   "C++: ringfeed::Feed, with or without torch", "program: ringfeed train, data-parallel"])
    samples = epoch_order(blocks, **case)
    left, wide = 90, 104
    drawing.text(15, 172, "An epoch: every sample once, in steps that do not depend on the number of ranks", "title")
    for step in range(len(steps(n, case["global_batch"], case["lanes"]))):
        drawing.text(left + step * wide + 3 * square, 196, f"step {step + 1}", "middle small")
    for ranks, top in ((1, 208), (2, 258), (4, 308)):
        drawing.text(15, top + 17, f"{ranks} rank{'s' if ranks > 1 else ''}")
        across = 6 if ranks == 1 else 3
        for rank in range(ranks):
            for step, members in enumerate(rank_samples(blocks, **case, world_size=ranks, rank=rank)):
                x, y = left + step * wide + rank % 2 * (3 * square + 9), top + rank // 2 * (square + 9)
                for place, p in enumerate(members):
                    drawing.rect(x + place % across * square, y + place // across * square, square - 2, square - 2,
                                 fill=BLOCKS[samples[p][0]])
                drawing.rect(x - 3, y - 3, min(across, len(members)) * square + 4, -(-len(members) // across) * square + 4, kind="rank",
                             round_by=3)
    drawing.text(15, 376, "A square is a sample in the colour of its block, a frame what one rank gets of a step. Drawn by tools/pictures.py from",
                 "small")
    drawing.text(15, 394, f"the order that docs/ordering.md defines: seed {case['seed']}, batch {case['global_batch']}, {case['lanes']} lanes. "
                          "The last step is what is left: nothing is padded or dropped.", "small")
    drawing.text(15, 418, "Stopped after any step, a run goes on with the next one, on as many ranks as there are then.", "small")
    return drawing.save_text()


def lanes() -> str:
    """How an epoch comes out of blocks: the steps 3 to 9 of docs/ordering.md."""
    blocks, seed, batch, count, window = [6, 5, 7, 4, 6, 4], 1, 8, 4, 2
    n, square, row = sum(blocks), 24, 30
    choices = Choices(seed, 0)
    samples = concatenation(blocks, choices)
    of_lane = cut_lanes(samples, count)
    drawing = Drawing(940, 416, "How an epoch is drawn from blocks", (
        "Shuffled blocks are laid end to end and cut into four lanes; every second lane goes backwards. The pieces of a lane are grouped "
        "into windows of two blocks, whose samples are mixed. Each step takes as many samples of each lane."))

    def squares(x: float, y: float, members: list[tuple[int, int]], names: list[int]) -> None:
        for place, ((block, _), name) in enumerate(zip(members, names, strict=True)):
            drawing.rect(x + place * square, y, square - 3, square - 3, fill=BLOCKS[block])
            drawing.parts.append(f'<text x="{x + place * square + (square - 3) / 2:g}" y="{y + 15}" class="middle on">{name}</text>')

    drawing.text(15, 28, "3  The blocks, shuffled and laid end to end (a colour and a number for each block)", "title")
    squares(90, 40, samples, [block for block, _ in samples])
    x = 90.0
    for lane, members in enumerate(of_lane):
        width = len(members) * square
        ends = [(x + 4, 74), (x + width - 8, 74)]
        drawing.arrow(*(ends if lane % 2 == 0 else ends[::-1]))
        drawing.text(x + width / 2, 92, f"lane {lane}", "middle small")
        x += width
    drawing.text(15, 122, "5-7  Lanes, in their directions, and windows of two blocks (the first of every second pair of lanes has one)", "title")
    for lane, members in enumerate(of_lane):
        y = 134 + lane * row
        drawing.text(15, y + 16, f"lane {lane}")
        x = 90.0
        for group in windows(members, lane, window):
            squares(x, y, group, [block for block, _ in group])
            drawing.rect(x - 3, y - 3, len(group) * square + 3, square + 3, kind="rank", round_by=3)
            x += len(group) * square + 8
        drawing.text(400, y + 16, "8  mixed:", "small")
        mixed = mix(members, lane, window, choices)
        squares(470, y, mixed, [block for block, _ in mixed])
    drawing.text(15, 286, f"9  Steps of {batch}: each takes {batch // count} samples of each lane (the number is now the lane)", "title")
    order = epoch_order(blocks, seed=seed, epoch=0, global_batch=batch, lanes=count, window=window)
    for step, (begin, end) in enumerate(steps(n, batch, count)):
        x = 90 + step * (batch * square + 14)
        squares(x, 306, order[begin:end], [lane_of(p, count, stride(count)) for p in range(begin, end)])
        drawing.rect(x - 3, 303, (end - begin) * square + 3, square + 3, kind="rank", round_by=3)
        drawing.text(x + (end - begin) * square / 2, 348, f"step {step}", "middle small")
    drawing.text(15, 380, "Ranks share the lanes: of two ranks the first gets what is of lanes 0 and 1, the second what is of lanes 2 and 3. Drawn by "
                          "tools/pictures.py", "small")
    drawing.text(15, 398, f"from the order with seed {seed}, batch {batch}, {count} lanes, window {window}, and blocks of {', '.join(map(str, blocks))} samples.",
                 "small")
    return drawing.save_text()


def threads() -> str:
    """Who does what in one rank, and what they share."""
    drawing = Drawing(940, 438, "The threads of one rank", (
        "Bytes go from the store's threads over the blocks read ahead to the assembling threads, and from these over a queue of batches to the "
        "training thread. Each hand-over has one lock of its own."))
    drawing.text(15, 30, "Threads: bytes go from left to right", "title")
    drawing.box(15, 50, 190, 70, ["driver's threads (2)", "Cassandra: sockets, TLS"], "store")
    drawing.box(15, 136, 190, 70, ["mapped files", "local folder, cache: no thread"], "store")
    drawing.box(245, 80, 195, 96, ["reading threads", "check the checksum, decode;", "Cassandra: choose replicas,", "ask again, ask a second one"])
    drawing.box(480, 80, 205, 96, ["assembling threads", "take turns in drawing steps,", "copy the samples of theirs", "beside one another"])
    drawing.box(725, 80, 200, 96, ["training thread", "takes batches; where it", "would wait it assembles one;", "forward, backward, optimizer"])
    drawing.arrow((205, 85), (225, 85), (225, 112), (243, 112))
    drawing.arrow((205, 171), (225, 171), (225, 144), (243, 144))
    drawing.arrow((440, 128), (478, 128))
    drawing.arrow((685, 128), (723, 128))
    drawing.text(15, 242, "What they share, each with a lock of its own", "title")
    drawing.box(15, 258, 215, 78, ["answers", "a queue of the driver", "(driver/src)"])
    drawing.box(247, 258, 215, 78, ["reads under way", "the readers' mutex_", "(src/store)"])
    drawing.box(479, 258, 215, 78, ["blocks; whose turn it is", "ReadAhead::mutex_; drawing", "(src/feed/feed.cpp)"])
    drawing.box(711, 258, 214, 78, ["batches", "ReadyQueue::mutex_", "(src/feed/ready_queue.hpp)"])
    drawing.text(15, 366, "Beside them: the ledger's thread makes lines into text and writes them; the reporter writes the meters each 10 s; a watcher",
                 "small")
    drawing.text(15, 384, "waits for Ctrl-C; while a version is written to Cassandra, one thread renews the claim. In Python a long call has a thread of",
                 "small")
    drawing.text(15, 402, "its own while the caller waits without the GIL, and transform= runs on transform_threads. A thread ends before what it uses",
                 "small")
    drawing.text(15, 420, "is destroyed: it is the last member of its owner.", "small")
    return drawing.save_text()


PICTURES = {"order.svg": order, "lanes.svg": lanes, "threads.svg": threads}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw())
