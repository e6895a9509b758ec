#!/usr/bin/env bash
# Hugging Face datasets: class_encode_column() renumbers integer labels, where there are more than ten or gaps.
#
# Versions: datasets 5.2.0, pyarrow 26.0.1, pandas 3.1.1, NumPy 2.4.6, Python 3.11.
# Why a good guess is wrong: a column of class numbers 0 to n-1 is expected to keep them; with up to ten classes it does
#   (MNIST, CIFAR-10), hence tests on small data pass.
# What happens: of 0..11 the label 2 becomes 4 and 10 becomes 2. Labels that do not begin with 0, or with a class
#   missing, are numbered anew as well, and two splits encoded one after the other get different numbers for one class.
#   A checkpoint, a file of class names or a confusion matrix made with the first numbers then names wrong classes.
#   Its names hold the old numbers as text, and int2str() tells them: nothing is lost, but nothing tells.
# Where: arrow_dataset.py turns the values into text and sorts the texts ("0", "1", "10", "11", "2"); the docstring says
#   that the column is cast. train_test_split(stratify_by_column=) takes no other columns than of ClassLabel, which is
#   why it is called. flairNLP/fabricator#51 met it.
# What to do: cast_column("label", ClassLabel(num_classes=n)), which keeps the numbers.
#
# Seen:
#   [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] -> [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
#   [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] -> [0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 2, 3]
#   [1, 2, 3] -> [0, 1, 2]
#   [0, 2, 1] -> [0, 2, 1]
#   [0, 2] -> [0, 1]
#   [-1, 1, -2] -> [0, 2, 1]
#   cast_column: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir \
  datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6
cd "$folder"
HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 venv/bin/python - <<'PROGRAM'
import datasets

datasets.disable_progress_bars()


def encoded(labels):
    data = datasets.Dataset.from_dict({"label": labels}).class_encode_column("label")
    print(labels, "->", data["label"][:])
    assert data.features["label"].int2str(data["label"][:]) == [str(label) for label in labels]
    return data["label"][:]


assert encoded(list(range(10))) == list(range(10))
assert encoded(list(range(12))) == [0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 2, 3]
assert encoded([1, 2, 3]) == [0, 1, 2]
assert encoded([0, 2, 1]) == [0, 2, 1] and encoded([0, 2]) == [0, 1]  # two splits: class 2 is 2 here and 1 there
assert encoded([-1, 1, -2]) == [0, 2, 1]
kept = datasets.Dataset.from_dict({"label": list(range(12))}).cast_column("label", datasets.ClassLabel(num_classes=12))
print("cast_column:", kept["label"][:])
assert kept["label"][:] == list(range(12))
PROGRAM
