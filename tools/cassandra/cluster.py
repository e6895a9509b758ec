"""Starts and stops real Apache Cassandra nodes on loopback addresses, for tests, benchmarks and the demo.

  cluster.py up [--nodes N] [--folder DIR]   start all nodes that the folder has data of, and new ones up to N (1 to 3); wait
                                             until they answer
  cluster.py status                          addresses of the running nodes, one per line; exit code 1 when none runs
  cluster.py down                            stop them, by pid
  cluster.py cqlsh                           a CQL shell as the superuser cassandra

The nodes listen on 127.0.S.1, .2, .3 (S from 77 on, the first that no other clone uses), CQL on port 9042, with password
authentication: superuser cassandra, password cassandra. Configuration, data and logs are in the folder (default .cassandra); data stay
there when the nodes are stopped, and are there again when they are started. Remove the folder to start empty.
A lock file per S in the system's temporary folder is held by the nodes themselves, so it is free when they are gone, whatever
ended them. No process but those started here is ever touched.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
JARS = ROOT / ".deps/cassandra"
SUBNETS = range(77, 87)
PORT = 9042
STORAGE_PORT = 7000
JMX_PORT_FIRST = 7191
START_SECONDS_MAX = 240
STOP_SECONDS_MAX = 30

EXPORTS = ("java.base/jdk.internal.misc java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry "
           "java.rmi/sun.rmi.server java.sql/java.sql java.base/java.lang.ref java.base/jdk.internal.ref "
           "java.base/sun.nio.ch jdk.unsupported/sun.misc").split()
OPENS = [f"java.base/{name}" for name in (
    "java.lang.module java.net jdk.internal.loader jdk.internal.ref jdk.internal.reflect jdk.internal.math "
    "jdk.internal.module jdk.internal.util.jar sun.nio.ch java.io java.nio java.util.concurrent java.util "
    "java.util.concurrent.atomic java.lang jdk.internal.misc").split()] + ["jdk.management/com.sun.management.internal"]


class Failure(Exception):
    """Ends the program with its text."""


@dataclass
class Node:
    """A process that was started here; `start_ticks` tells it from a later one with the same pid."""

    address: str
    pid: int
    start_ticks: int

    @property
    def number(self) -> int:
        return int(self.address.rpartition(".")[2])

    def runs(self) -> bool:
        return start_ticks_of(self.pid) == self.start_ticks


def start_ticks_of(pid: int) -> int | None:
    """When the process started (field 22 of proc(5) stat); None when there is none or it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Cluster:
    """The nodes of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "nodes.json"

    def nodes(self) -> list[Node]:
        """Those that run."""
        if not self.state.exists():
            return []
        return [node for node in (Node(**fields) for fields in json.loads(self.state.read_text())) if node.runs()]

    def remember(self, nodes: list[Node]) -> None:
        new = self.state.with_suffix(".new")
        new.write_text(json.dumps([asdict(node) for node in nodes], indent=1) + "\n")
        new.replace(self.state)

    # ---- up ----

    def up(self, count: int) -> list[Node]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w") as own:  # two `up` of one clone: the second waits
            fcntl.flock(own, fcntl.LOCK_EX)
            running = self.nodes()
            nodes = list(running)
            lock, subnet = self.lock_subnet(nodes)
            made: list[Path] = []
            try:
                # Those with data all at once: none can check a password without the others.
                for number in self.stopped(nodes):
                    nodes.append(self.start(number, subnet, lock))
                    self.remember(nodes)
                for node in nodes:
                    self.wait_for(node)
                while len(nodes) < count:  # new ones join one after the other
                    number = len(nodes) + 1
                    made.append(self.node_folder(number))
                    nodes.append(self.start(number, subnet, lock))
                    self.remember(nodes)
                    self.wait_for(nodes[-1])
                    spread_logins(nodes)
                    made.clear()
            except BaseException:
                stop([node for node in nodes if node not in running])
                self.remember(running)
                for folder in made:  # half joined, it would be no use
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            finally:
                os.close(lock)
            return nodes

    def lock_subnet(self, nodes: list[Node]) -> tuple[int, int]:
        """A descriptor to hand to new nodes, and S. Of a running cluster: its own, which is locked already."""
        if nodes:
            subnet = int(nodes[0].address.split(".")[2])
            return os.open(lock_path(subnet), os.O_RDWR), subnet
        kept = self.kept_subnet()
        for subnet in SUBNETS if kept is None else (kept,):
            descriptor = os.open(lock_path(subnet), os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            if all(is_free(f"127.0.{subnet}.{n}", port) for n in (1, 2, 3) for port in (PORT, STORAGE_PORT)):
                return descriptor, subnet
            os.close(descriptor)
        if kept is not None:
            raise Failure(f"the data in {self.folder} are of 127.0.{kept}.1 to .3, where something else listens now; stop that, "
                          "or remove the folder to start empty on other addresses")
        raise Failure(f"no free addresses: ports {PORT} and {STORAGE_PORT} of 127.0.{SUBNETS[0]}.1 to 127.0.{SUBNETS[-1]}.3 "
                      "are in use; stop what listens there (a server on 0.0.0.0 takes all)")

    def node_folder(self, number: int) -> Path:
        return self.folder / "nodes" / str(number)

    def kept_subnet(self) -> int | None:
        """S of the data that are in the folder; None when there are none."""
        configuration = self.node_folder(1) / "cassandra.yaml"
        if not configuration.exists():
            return None
        match = re.search(r"^listen_address: 127\.0\.(\d+)\.1$", configuration.read_text(), flags=re.MULTILINE)
        return int(match[1]) if match else None

    def start(self, number: int, subnet: int, lock: int) -> Node:
        address = f"127.0.{subnet}.{number}"
        folder = self.node_folder(number)
        (folder / "log").mkdir(parents=True, exist_ok=True)
        text = (HERE / "node.yaml").read_text()
        for name, value in {"folder": folder, "address": address, "port": PORT, "seed": f"127.0.{subnet}.1"}.items():
            text = text.replace("{" + name + "}", str(value))
        (folder / "cassandra.yaml").write_text(text)
        print(f"cassandra: starting {address} (log: {folder}/log/system.log)", file=sys.stderr, flush=True)
        with open(folder / "log/out.log", "w") as output:
            # A group of its own: Ctrl-C is for this program, which then stops what it has started.
            process = subprocess.Popen(java_command(folder, subnet, number), stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, cwd=folder, start_new_session=True, pass_fds=[lock])
        return Node(address, process.pid, start_ticks_of(process.pid) or 0)

    def stopped(self, running: list[Node]) -> list[int]:
        """Numbers of the nodes whose data are here and that do not run."""
        return [n for n in (1, 2, 3) if self.node_folder(n).exists() and n not in {node.number for node in running}]

    def wait_for(self, node: Node) -> None:
        """Until it answers to a login."""
        end = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < end:
            if not node.runs():
                raise Failure(f"{node.address} ended while it started:\n{self.last_lines(node.number)}")
            if answers(node.address):
                return
            time.sleep(0.5)
        raise Failure(f"{node.address} does not answer after {START_SECONDS_MAX} s:\n{self.last_lines(node.number)}")

    def last_lines(self, number: int) -> str:
        text = ""
        for name in ("out.log", "system.log"):
            path = self.node_folder(number) / "log" / name
            if path.exists():
                text += "".join(f"  {line}\n" for line in path.read_text(errors="replace").splitlines()[-15:])
        return text

    # ---- down ----

    def down(self) -> int:
        nodes = self.nodes()
        stop(nodes)
        if self.state.exists():
            self.remember([])
        return len(nodes)


def lock_path(subnet: int) -> str:
    return f"{tempfile.gettempdir()}/ringfeed-cassandra-127.0.{subnet}.lock"


def is_free(address: str, port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def java_command(folder: Path, subnet: int, number: int) -> list[str]:
    heap = os.environ.get("CASSANDRA_HEAP", "1g")
    command = ["java", f"-Xms{heap}", f"-Xmx{heap}", "-XX:+UseG1GC", "-XX:MaxDirectMemorySize=1g",
               "-XX:+ExitOnOutOfMemoryError", "-Djdk.attach.allowAttachSelf=true"]
    command += [f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTS]
    command += [f"--add-opens={name}=ALL-UNNAMED" for name in OPENS]
    properties = {
        "config": f"file://{folder}/cassandra.yaml", "storagedir": folder, "logdir": folder / "log", "foreground": "yes",
        "jmx.local.port": JMX_PORT_FIRST + 10 * (subnet - SUBNETS[0]) + number, "ring_delay_ms": 2000,
        "skip_wait_for_gossip_to_settle": 0, "consistent.rangemovement": "false", "superuser_setup_delay_ms": 0}
    for name, value in properties.items():
        command.append(f"-Dcassandra{'-' if name == 'foreground' else '.'}{name}={value}")
    command += [f"-Dlogback.configurationFile={HERE}/logback.xml", "-cp", f"{JARS}/*",
                "org.apache.cassandra.service.CassandraDaemon"]
    return command


def connect(address: str):  # noqa: ANN201
    """The Python driver for this node alone, as the superuser."""
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile
    from cassandra.cluster import Cluster as Driver
    from cassandra.policies import WhiteListRoundRobinPolicy

    profile = ExecutionProfile(WhiteListRoundRobinPolicy([address]))
    return Driver([address], port=PORT, auth_provider=PlainTextAuthProvider("cassandra", "cassandra"), connect_timeout=5,
                  protocol_version=5, execution_profiles={EXEC_PROFILE_DEFAULT: profile})


def answers(address: str) -> bool:
    """Whether the superuser can log in at this node."""
    from cassandra.cluster import NoHostAvailable

    driver = connect(address)
    try:
        driver.connect().execute("SELECT key FROM system.local")
        return True
    except NoHostAvailable:
        return False
    finally:
        driver.shutdown()


def spread_logins(nodes: list[Node]) -> None:
    """A copy of roles and permissions on each node: one that is down must not take the logins with it."""
    from cassandra import ConsistencyLevel
    from cassandra.query import SimpleStatement

    driver = connect(nodes[0].address)
    try:
        session = driver.connect()
        session.execute("ALTER KEYSPACE system_auth WITH replication = "
                        f"{{'class': 'SimpleStrategy', 'replication_factor': {len(nodes)}}}")
        tables = session.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system_auth'")
        for (table,) in tables:  # a read at ALL gives each replica what it lacks
            session.execute(SimpleStatement(f"SELECT * FROM system_auth.{table}", consistency_level=ConsistencyLevel.ALL))
    finally:
        driver.shutdown()


def stop(nodes: list[Node]) -> None:
    """SIGTERM to all, SIGKILL to those that are there after STOP_SECONDS_MAX."""
    for node in nodes:
        if node.runs():
            os.kill(node.pid, signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS_MAX
    while time.monotonic() < end and any(node.runs() for node in nodes):
        time.sleep(0.1)
    for node in nodes:
        if node.runs():
            os.kill(node.pid, signal.SIGKILL)
    while any(node.runs() for node in nodes):
        time.sleep(0.1)


def cqlsh(cluster: Cluster) -> None:
    nodes = cluster.nodes()
    if not nodes:
        raise Failure("no node runs; start one with 'make cassandra-up'")
    # The password in a file of its own: an argument would be seen in the process list.
    credentials = cluster.folder / "credentials"
    credentials.touch(mode=0o600)
    credentials.write_text("[PlainTextAuthProvider]\nusername = cassandra\npassword = cassandra\n")
    program = str(Path(sys.executable).with_name("cqlsh"))
    os.execv(program, [program, "--credentials", str(credentials), "-u", "cassandra", nodes[0].address, str(PORT)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("up", "status", "down", "cqlsh"))
    parser.add_argument("--nodes", type=int, choices=(1, 2, 3), default=1)
    parser.add_argument("--folder", type=Path, default=ROOT / ".cassandra")
    arguments = parser.parse_args()
    cluster = Cluster(arguments.folder.resolve())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if arguments.command == "up":
            for node in cluster.up(arguments.nodes):
                print(node.address)
        elif arguments.command == "down":
            print(f"cassandra: stopped {cluster.down()} nodes", file=sys.stderr)
        elif arguments.command == "cqlsh":
            cqlsh(cluster)
        else:
            nodes = cluster.nodes()
            for node in nodes:
                print(node.address)
            return 0 if nodes else 1
    except Failure as failure:
        print(f"cassandra: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
