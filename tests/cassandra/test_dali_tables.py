"""Tables of cassandra-dali-plugin, made by its own writers, are data sets without a conversion."""

from __future__ import annotations

import io
import json
import pickle
import random
import subprocess
import sys
import uuid
from pathlib import Path

import numpy
import pytest
from PIL import Image
from program import ROOT, done, environment, error, login, records, ringfeed
from running import Running, eventually

pytestmark = [pytest.mark.cassandra, pytest.mark.engines]
PLUGIN = ROOT / ".deps/dali-writers"
SAMPLES, CLASSES = 300, 3
WRITE = """
import json, sys
from crs4.cassandra_utils import CassandraClassificationWriter, CassandraConf, CassandraSegmentationWriter
conf = CassandraConf()
conf.username = conf.password = "cassandra"
conf.cassandra_ips = [sys.argv[1]]
def read(path):
    with open(path, "rb") as file:
        return file.read()
of = dict(cass_conf=conf, data_id_col="id", data_label_col="label", data_col="data", get_data=read)
images = CassandraClassificationWriter(data_table="dali.data", metadata_table="dali.metadata", cols=["or_split", "or_label"], **of)
masks = CassandraSegmentationWriter(data_table="dali.masks", metadata_table="dali.masks_metadata", cols=["filename"], **of)
for path, label, mask in json.loads(sys.argv[2]):
    images.enqueue_image(path, label, ("train", str(label)))
    masks.enqueue_image(path, mask, (path,))
images.send_enqueued()
masks.send_enqueued()
"""
TABLES = (
    "CREATE KEYSPACE dali WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE dali.data (id uuid, label int, data blob, PRIMARY KEY ((id))) WITH compression = {'enabled': 'false'}",
    "CREATE TABLE dali.metadata (label int, or_label text, or_split text, id uuid, PRIMARY KEY ((id)))",
    "CREATE TABLE dali.masks (id uuid, label blob, data blob, PRIMARY KEY ((id)))",
    "CREATE TABLE dali.masks_metadata (filename text, id uuid, PRIMARY KEY ((id)))",
)


def url(node: Running, table: str) -> str:
    return f"cassandra://{node.addresses[0]}/dali/{table}"


@pytest.fixture(scope="module")
def tables(one_node: Running, tmp_path_factory: pytest.TempPathFactory) -> Running:
    assert PLUGIN.is_dir(), "the writers of cassandra-dali-plugin are missing; get them with tools/setup.sh engines"
    session = one_node.session()
    for table in TABLES:
        eventually(lambda: session.execute(table))  # noqa: B023
    folder, chance = tmp_path_factory.mktemp("pictures"), random.Random(7)
    jobs = []
    for number in range(SAMPLES):
        picture, mask = folder / f"{number}.jpg", folder / f"{number}.npy"
        pixels = numpy.full((chance.randrange(20, 60), chance.randrange(20, 60), 3), number % 256, numpy.uint8)
        Image.fromarray(pixels).save(picture, quality=chance.randrange(50, 100))
        numpy.save(mask, numpy.full((4, 5), number, numpy.int16))
        jobs.append((str(picture), number % CLASSES, str(mask)))
    subprocess.run([sys.executable, "-c", WRITE, one_node.addresses[0], json.dumps(jobs)], check=True, timeout=300,
                   env=environment({"PYTHONPATH": str(PLUGIN)}))
    return one_node


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    return login("cassandra", "cassandra") | {"RINGFEED_INDEX": str(tmp_path / "index")}


def test_a_table_of_classification_is_attached_and_read(tables: Running, user: dict[str, str]) -> None:
    done("attach", url(tables, "data"), **user)
    rows = {(row.label, row.data) for row in tables.session().execute("SELECT label, data FROM dali.data")}
    seen = [record["sample"] for record in records("head", url(tables, "data"), "-n", str(SAMPLES), **user)[:-1]]
    assert len(seen) == SAMPLES and {(sample["label"], bytes.fromhex(sample["data"])) for sample in seen} == rows
    done("verify", url(tables, "data"), **user)


def test_its_pictures_are_decoded_on_their_way(tables: Running, user: dict[str, str], tmp_path: Path) -> None:
    done("attach", url(tables, "data"), **user)
    opened = ringfeed.open(url(tables, "data"), username="cassandra", password="cassandra", index=str(tmp_path / "index"))
    steps = ringfeed.image.Steps("resize:24x24,normalize:imagenet")
    expected = sorted((steps(sample["data"], seed=0, epoch=0, sample=0).mean(), int(sample["label"])) for sample in opened)
    loader = ringfeed.Loader(opened, batch_size=32, decode={"data": steps}, as_numpy=True)
    seen = sorted((picture.mean(), int(label)) for batch in loader for picture, label in zip(batch["data"], batch["label"], strict=True))
    assert seen == expected and len(seen) == SAMPLES
    trained = records("train", url(tables, "data"), "--model", "cnn", "--input", "data", "--target", "label", "--decode",
                      "data=resize:24x24,float", "--epochs", "1", "--batch-size", "50", "--nproc", "2", **user)[-1]
    assert trained["samples"] == SAMPLES


def test_a_table_of_segmentation_has_two_pictures_in_a_sample(tables: Running, user: dict[str, str], tmp_path: Path) -> None:
    done("attach", url(tables, "masks"), **user)
    opened = ringfeed.open(url(tables, "masks"), username="cassandra", password="cassandra", index=str(tmp_path / "index"))
    assert opened.columns == ("data", "label")
    masks = {int(numpy.load(io.BytesIO(sample["label"]))[0, 0]) for sample in opened}
    assert masks == set(range(SAMPLES))


def test_a_split_file_becomes_a_column(tables: Running, user: dict[str, str], tmp_path: Path) -> None:
    keys = [row.id for row in tables.session().execute("SELECT id FROM dali.data")]
    order = numpy.random.default_rng(7).permutation(SAMPLES)
    splits = [order[:240], order[240:]]
    file = tmp_path / "splits.pckl"
    file.write_bytes(pickle.dumps({"data_table": "dali.data", "data_id_col": "id", "data_label_col": "label", "data_col": "data", "label_type": "int",
                                   "row_keys": numpy.array(keys, object), "split": splits, "num_classes": CLASSES}))
    command = [sys.executable, str(ROOT / "examples/python/dali_splits.py"), str(file), tables.addresses[0]]
    assert "2 splits and there are 1 names" in subprocess.run([*command, "train"], capture_output=True, text=True, timeout=300, check=False,
                                                              env=environment(user)).stderr
    for _ in range(2):  # again changes nothing
        printed = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, env=environment(user)).stdout
        assert printed == "train: 240 rows\nval: 60 rows\n"
    done("attach", url(tables, "data"), "--split-column", "split", "--columns", "id,label,data", **user)
    for split, members in zip(("train", "val"), splits, strict=True):
        seen = records("head", f"{url(tables, 'data')}?split={split}", "-n", str(SAMPLES), **user)[:-1]
        assert {uuid.UUID(record["sample"]["id"]) for record in seen} == {keys[number] for number in members}
    assert "ringfeed: " in error("head", f"{url(tables, 'data')}?split=test", code=2, **user)
