"""The Python examples and the code of the docs on a real node: the original case from CREATE KEYSPACE to the losses and back, and by two
processes."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from pathlib import Path

import forked
import pytest
from program import BUILD, environment
from running import ROOT, Running

pytestmark = pytest.mark.cassandra
EXAMPLES = ROOT / "examples/python"
SECONDS_MAX = 300
EPOCHS = 10


def run(*arguments: str, anew: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
    """A script by a fork of a Python that has imported torch, or by a new one."""
    executable = sys.executable if anew else forked.python(("ringfeed", "torch.distributed.launcher", "pytorch_lightning"),
                                                           (str(BUILD / "python"),))
    result = subprocess.run([executable, *arguments], capture_output=True, text=True, timeout=SECONDS_MAX,
                            env=environment({"PYTHONPATH": str(BUILD / "python"), "OMP_NUM_THREADS": "1", **variables}))
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def losses_of(output: str) -> list[float]:
    return [float(loss) for loss in re.findall(r"^epoch \d+: loss ([\d.]+)$", output, flags=re.MULTILINE)]


@pytest.fixture(scope="module")
def url(one_node: Running) -> str:
    one_node.make_role("username", "password", ["CREATE ON ALL KEYSPACES"])
    return f"cassandra://{one_node.addresses[0]}/mykeyspace/mymodel"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"RINGFEED_INDEX": str(tmp_path_factory.mktemp("index"))}


@pytest.fixture(scope="module")
def original(url: str, index: dict[str, str]) -> list[float]:
    """Losses of original.py, which makes the table."""
    return losses_of(run(str(EXAMPLES / "original.py"), url, anew=True, **index).stdout)


def test_the_original_case(one_node: Running, url: str, index: dict[str, str], original: list[float]) -> None:
    import torch

    assert len(original) == EPOCHS and original[-1] < original[0]
    session = one_node.session()
    created = session.execute("DESCRIBE TABLE mykeyspace.mymodel").one().create_statement
    for column in ("id uuid PRIMARY KEY", "data vector<float, 10>", "target vector<float, 1>"):
        assert column in created
    replication = session.execute("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'mykeyspace'").one().replication
    assert replication == {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "3"}
    torch.manual_seed(0)  # as the example does
    data, target = torch.randn(100, 10), torch.randn(100, 1)
    rows = list(session.execute("SELECT id, data, target FROM mykeyspace.mymodel"))
    assert all(isinstance(row.id, uuid.UUID) for row in rows)
    assert sorted([*row.data, *row.target] for row in rows) == sorted(torch.hstack([data, target]).tolist())
    again = losses_of(run(str(EXAMPLES / "original.py"), url, **index).stdout)
    assert again == original  # it found its rows
    assert session.execute("SELECT count(*) FROM mykeyspace.mymodel").one().count == len(rows)


def test_ddp(url: str, index: dict[str, str], original: list[float]) -> None:
    login = {"RINGFEED_USER": "username", "RINGFEED_PASSWORD": "password", **index}
    one, two = (losses_of(run("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", ranks, str(EXAMPLES / "ddp.py"), url,
                              **login).stdout) for ranks in ("1", "2"))
    assert len(one) == EPOCHS and one[-1] < one[0]
    assert two == pytest.approx(one, rel=1e-4)


def test_resume_and_lightning_take_an_address(one_node: Running, url: str, tmp_path: Path) -> None:
    one_node.session().execute("CREATE KEYSPACE examples WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    one_node.session().execute("GRANT ALL ON KEYSPACE examples TO username")
    keyspace = url.replace("/mykeyspace/mymodel", "/examples")
    login = {"RINGFEED_USER": "username", "RINGFEED_PASSWORD": "password"}
    steps = {}
    for name, data in (("local", str(tmp_path / "numbers.ring")), ("cassandra", f"{keyspace}/numbers")):
        steps[name] = run(str(EXAMPLES / "resume.py"), "--data", data, "--checkpoint", str(tmp_path / f"{name}.pt"), "--epochs", "1",
                          **login).stdout
    assert steps["cassandra"] == steps["local"] and len(steps["local"].splitlines()) == 101  # the same order and losses on any store
    output = run(str(EXAMPLES / "with_lightning.py"), "--data", f"{keyspace}/samples", "--devices", "2", **login).stdout
    assert len(losses_of(output)) == 3


def blocks_of(page: str, address: str) -> list[tuple[bool, str]]:
    """The code of a page, of this node: whether it is the way of others, and the text."""
    blocks = re.findall(r"^```python( theirs)?\n(.*?)^```", (ROOT / "docs" / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    return [(bool(theirs), code.replace("127.0.0.1", address)) for theirs, code in blocks]


def test_both_ways_of_the_article(one_node: Running, url: str, index: dict[str, str]) -> None:
    address = one_node.addresses[0]
    session = one_node.session()
    session.execute("DROP KEYSPACE IF EXISTS mykeyspace")
    code = "".join(code for _, code in blocks_of("from-the-article.md", address)) + """
assert torch.equal(data, load_batch(10)[0])  # the same rows each time
seen = torch.vstack([batch["data"] for batch in loader])
assert sorted(seen.tolist()) == sorted(samples["data"].tolist())  # of the table that was filled by hand
cluster.shutdown()
"""
    run("-c", code, PYTHONWARNINGS="ignore", **index)
    for wrong, message in (("CREATE TABLE article.untyped (id uuid PRIMARY KEY, data vector)", "Unknown type article.vector"),
                           ("INSERT INTO article.mymodel (id, data) VALUES (uuid(), tensor([1.0]))", "Unknown function tensor called")):
        with pytest.raises(Exception, match=message):
            session.execute(wrong)


def test_the_guide(one_node: Running, url: str, tmp_path: Path) -> None:
    blocks = [code for _, code in blocks_of("python.md", one_node.addresses[0]) if "cassandra://" in code]
    assert len(blocks) == 2
    code = f"import os, ringfeed, torch\nos.chdir({str(tmp_path)!r})\n" + "".join(blocks) + """
assert sum(batch.size for batch in loader) == len(ringfeed.open("copy.ring")) == len(rows) == 100
assert rows.version == 2
"""
    run("-c", code, RINGFEED_INDEX=str(tmp_path))
