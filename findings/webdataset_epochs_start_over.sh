#!/usr/bin/env bash
# WebDataset: shards are shuffled into the same order in every epoch, and with_epoch(n) starts each epoch at the first
# shard again: what lies behind the first n samples of that one order is never trained on.
#
# Versions: webdataset 1.0.2 (without torch), NumPy 2.4.6, Python 3.11.
# Why a good guess is wrong: `shardshuffle=100` reads as "shuffled", without a seed the sample buffer (.shuffle) does
#   draw anew each time, and an epoch cut to n samples is expected to go on where the one before has ended.
# What happens: of 1,000 samples in 10 shards, ten epochs of 100 samples see at most 151 different ones, where 1,000
#   could have been read. The loss falls, since few samples are learnt by heart. Without with_epoch all samples are
#   seen, the shards in one order that never changes.
# Where: compat.py always gives the filter `shuffle` of the shards a seed (drawn once, where none is given), and
#   filters.py makes a new random.Random(seed) at each iteration; with_epoch of pipeline.py runs the pipeline from its
#   start and cuts it. Known: webdataset/webdataset#502 (open) would have the order drawn anew.
# What to do: detshuffle=True (it counts epochs, in the process that iterates) or resampled=True, with with_epoch.
#
# Seen (the order and the counts are others in each run):
#   shards of three whole epochs:
#     [5, 2, 3, 4, 1, 7, 9, 0, 8, 6]
#     [5, 2, 3, 4, 1, 7, 9, 0, 8, 6]
#     [5, 2, 3, 4, 1, 7, 9, 0, 8, 6]
#   shardshuffle=100: ten epochs of 100 samples have 144 different ones
#   detshuffle=True: ten epochs of 100 samples have 664 different ones
#   resampled=True: ten epochs of 100 samples have 604 different ones
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir webdataset==1.0.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PROGRAM'
import webdataset

for shard in range(10):
    with webdataset.TarWriter(f"{shard:02}.tar") as writer:
        for number in range(shard * 100, shard * 100 + 100):
            writer.write({"__key__": f"{number:06}", "cls": number})


def epochs(data, count=10):
    return [[sample["cls"] for sample in data] for _ in range(count)]


def shards_of(epoch):
    return list(dict.fromkeys(number // 100 for number in epoch))


def opened(**options):
    return webdataset.WebDataset("{00..09}.tar", **options).decode()


whole = epochs(opened(shardshuffle=100), 3)
print("shards of three whole epochs:", *map(shards_of, whole), sep="\n  ")
assert all(sorted(epoch) == list(range(1000)) for epoch in whole)
assert whole[0] == whole[1] == whole[2]

for name, options in {
    "shardshuffle=100": {"shardshuffle": 100},
    "detshuffle=True": {"shardshuffle": 100, "detshuffle": True},
    "resampled=True": {"resampled": True, "shardshuffle": False},
}.items():
    read = epochs(opened(**options).shuffle(50).with_epoch(100))
    assert {len(epoch) for epoch in read} == {100}
    different = len(set().union(*read))
    print(f"{name}: ten epochs of 100 samples have {different} different ones")
    if name == "shardshuffle=100":
        assert different <= 151  # 100 and what the buffer held
    else:
        assert different > 200
PROGRAM
