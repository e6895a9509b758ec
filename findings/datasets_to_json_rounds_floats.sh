#!/usr/bin/env bash
# Hugging Face datasets: to_json() writes floats with ten places behind the point: 1e-11 becomes 0.0.
#
# Versions: datasets 5.2.0, pyarrow 26.0.1, pandas 3.1.1, NumPy 2.4.6, Python 3.11.
# Why a good guess is wrong: JSON of Python or of JavaScript has the digits that give the same float64 back, and so
#   has to_csv() of the same data set; ten places (not ten digits) are invisible while values are near 1.
# What happens: probabilities, gradients, learning rates or scores near 0 are cut to 0.0 or to a few digits, also inside
#   lists (embeddings): 1.23456789e-09 comes back as 1.2e-09, with an error of 3 %; the logarithm of a 0 is infinite.
# Where: io/json.py hands the batch to pandas, whose to_json() has double_precision=10; the docstring names lines and
#   orient as what is set. The most that pandas allows is 15, places again, which is not exact either.
# What to do: to_parquet() or to_csv(); or write the JSON by json.dumps().
#
# Seen:
#   {"p":0.0,"list":[0.0,1.0]}
#   stored               [1e-11, 1.23456789e-09, 2.5e-07, 0.3333333333333333, 12345.678901234567]
#   to_json              [0.0, 1.2e-09, 2.5e-07, 0.3333333333, 12345.6789012346]
#   to_json, 15 places   [1e-11, 1.234568e-09, 2.5e-07, 0.333333333333333, 12345.678901234567]
#   to_csv               [1e-11, 1.23456789e-09, 2.5e-07, 0.3333333333333333, 12345.678901234567]
#   to_parquet           [1e-11, 1.23456789e-09, 2.5e-07, 0.3333333333333333, 12345.678901234567]
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
values = [1e-11, 1.23456789e-09, 2.5e-07, 1 / 3, 12345.678901234567]
data = datasets.Dataset.from_dict({"p": values, "list": [[value, 1.0] for value in values]})
data.to_json("data.jsonl")
print(open("data.jsonl").read().splitlines()[0])
read = {"to_json": datasets.Dataset.from_json("data.jsonl")}
data.to_json("more.jsonl", double_precision=15)
read["to_json, 15 places"] = datasets.Dataset.from_json("more.jsonl")
data.select_columns("p").to_csv("data.csv")
read["to_csv"] = datasets.Dataset.from_csv("data.csv")
data.to_parquet("data.parquet")
read["to_parquet"] = datasets.Dataset.from_parquet("data.parquet")
print("stored".ljust(20), values)
for name, back in read.items():
    print(name.ljust(20), back["p"][:])
assert read["to_json"]["p"][:] == [0.0, 1.2e-09, 2.5e-07, 0.3333333333, 12345.6789012346]
assert [row[0] for row in read["to_json"]["list"][:]] == read["to_json"]["p"][:]
assert read["to_json, 15 places"]["p"][:] != values
assert read["to_csv"]["p"][:] == values
assert read["to_parquet"]["p"][:] == values
PROGRAM
