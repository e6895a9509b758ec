"""Starts and stops real Apache Cassandra nodes on loopback addresses, for tests, benchmarks and the demo.

  cluster.py up [--nodes N]     start all nodes that the folder has data of, and new ones up to N (1 to 3); wait until
                                they answer and see each other
  cluster.py status             addresses of the running nodes, one per line; exit code 1 when none runs
  cluster.py down               stop them, by pid
  cluster.py cqlsh              a CQL shell as the superuser cassandra
  cluster.py run [--nodes N] -- COMMAND...
                                start nodes, run the command with their addresses, comma-separated, in
                                RINGFEED_TEST_CASSANDRA, and stop them whatever ends it; exit with the command's code
  cluster.py archive-classes    make later starts faster (tools/setup.sh calls it)

The nodes listen on 127.0.S.1, .2, .3 (S from 77 on, the first that no other clone uses), CQL on port 9042, with
password authentication: superuser cassandra, password cassandra. Configuration, data and logs are in the folder
(--folder; .cassandra if it is not given, and for `run` a temporary one that is removed); data stay there when the
nodes are stopped, and are there again when they are started. Remove the folder to start empty. A lock file per S in
/tmp is held by the nodes themselves, so it is free when they are gone, whatever ended them.
No process but those started here is touched.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import certificates
import login
from node import CLASSES, PORT, STORAGE_PORT, SUBNETS, Failure, Mode, Node, Tls, is_free, listens, start, start_ticks_of, stop

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = "/tmp"  # not TMPDIR: all who start nodes meet here
START_SECONDS_MAX = 240
RELEASE_SECONDS_MAX = 30  # for the addresses of nodes that have just ended
COMMAND_STOP_SECONDS_MAX = 10


class Cluster:
    """The nodes of one folder."""

    def __init__(self, folder: Path, *, tls: Tls | None = None, mode: Mode = Mode()) -> None:
        self.folder = folder
        self.state = folder / "nodes.json"
        self.keeper = folder / "keeper.json"
        self.tls = tls
        self.mode = mode
        self.kept_lock: int | None = None  # the descriptor of keep_addresses

    def nodes(self) -> list[Node]:
        """Those that run, by number."""
        if not self.state.exists():
            return []
        nodes = [Node(**fields) for fields in json.loads(self.state.read_text())]
        return [node for node in sorted(nodes, key=lambda node: node.number) if node.runs()]

    def tls_of_running(self) -> Tls | None:
        path = self.folder / "tls.json"
        return Tls(**json.loads(path.read_text())) if path.exists() else None

    def remember_tls(self) -> None:
        path = self.folder / "tls.json"
        if self.tls is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(json.dumps(asdict(self.tls), indent=1) + "\n")

    def remember(self, nodes: list[Node]) -> None:
        new = self.state.with_suffix(".new")
        new.write_text(json.dumps([asdict(node) for node in nodes], indent=1) + "\n")
        new.replace(self.state)

    # ---- up ----

    def up(self, count: int) -> list[Node]:
        """Starts those that have data and do not run, and new ones up to `count`."""
        return self.start_nodes(count, self.stopped)

    def start(self, number: int) -> Node:
        """Starts one that has data; it is up when this returns, and the others know."""
        return next(node for node in self.start_nodes(0, lambda _: [number]) if node.number == number)

    def start_nodes(self, count: int, choose: Callable[[list[Node]], list[int]]) -> list[Node]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w") as own:  # two `up` of one clone: the second waits
            fcntl.flock(own, fcntl.LOCK_EX)
            running = self.nodes()
            if running and self.tls != self.tls_of_running():
                raise Failure(f"the nodes of {self.folder} run with other options of TLS; stop them first")
            self.remember_tls()
            lock, subnet = self.lock_subnet(running)
            nodes = list(running)
            made: list[Path] = []

            def add(number: int, *, joins: bool) -> None:
                folder = self.node_folder(number)
                if not folder.exists():
                    made.append(folder)
                nodes.append(start(folder, subnet, number, lock, joins=joins, tls=self.tls, mode=self.mode))
                self.remember(nodes)
                if number == 1:  # the seed
                    self.wait(nodes[-1:], lambda node: listens(node.address, STORAGE_PORT))  # one that reaches nobody for 4 s gives up

            try:
                wanted = choose(running)
                if not running and not wanted:
                    self.start_empty(count, nodes, add)
                    made.clear()
                else:
                    # Those with data together: none can check a password without the others.
                    for number in wanted:
                        if number not in {node.number for node in nodes}:
                            add(number, joins=True)
                    self.wait_for(nodes)
                while len(nodes) < count:  # new ones beside old data join one after the other
                    add(len(nodes) + 1, joins=True)
                    self.wait_for(nodes[-1:])
                    login.spread(nodes, self.tls)
                    made.clear()
                if set(self.stopped([])) == {node.number for node in nodes}:
                    self.wait_until_whole(nodes)
            except BaseException:
                stop([node for node in nodes if node not in running])
                self.remember(running)
                for folder in made:  # half joined, it would be no use
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            finally:
                os.close(lock)
            return sorted(nodes, key=lambda node: node.number)

    def start_empty(self, count: int, nodes: list[Node], add: Callable[..., None]) -> None:
        """All at once, as there are no data that the later ones had to fetch."""
        for number in range(1, count + 1):
            add(number, joins=False)
        self.wait_for(nodes)
        login.spread(nodes, self.tls)

    def lock_subnet(self, running: list[Node]) -> tuple[int, int]:
        """A descriptor to hand to new nodes, and S. Of a running cluster: its own."""
        if running:
            subnet = int(running[0].address.split(".")[2])
            descriptor = os.open(lock_path(subnet), os.O_RDWR)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            return descriptor, subnet
        kept = self.kept_subnet()
        if kept is None:
            for subnet in SUBNETS:
                if (descriptor := claim(subnet)) is not None:
                    return descriptor, subnet
            raise Failure(f"no free addresses: ports {PORT} and {STORAGE_PORT} of 127.0.{SUBNETS[0]}.1 to "
                          f"127.0.{SUBNETS[-1]}.3 are in use; stop what listens there (a server on 0.0.0.0 takes all)")
        end = time.monotonic() + RELEASE_SECONDS_MAX
        while (descriptor := claim(kept, shared=self.keeps_addresses())) is None:
            if time.monotonic() > end:
                raise Failure(f"the data in {self.folder} are of 127.0.{kept}.1 to .3, where something else listens "
                              "now; stop that, or remove the folder to start empty on other addresses")
            time.sleep(0.1)
        return descriptor, kept

    def keep_addresses(self) -> None:
        """From now on no other cluster takes the addresses while no node of this one runs, until this process ends."""
        subnet = self.kept_subnet()
        if subnet is None or self.keeps_addresses():
            return
        self.kept_lock = os.open(lock_path(subnet), os.O_RDWR)
        fcntl.flock(self.kept_lock, fcntl.LOCK_SH)
        pid = os.getpid()
        self.keeper.write_text(json.dumps(asdict(Node(f"127.0.{subnet}.0", pid, start_ticks_of(pid) or 0))) + "\n")

    def keeps_addresses(self) -> bool:
        """Whether a process that runs keeps them."""
        return self.keeper.exists() and Node(**json.loads(self.keeper.read_text())).runs()

    def release_addresses(self) -> None:
        """Undoes keep_addresses."""
        if self.kept_lock is not None:
            self.keeper.unlink(missing_ok=True)
            os.close(self.kept_lock)
            self.kept_lock = None

    def node_folder(self, number: int) -> Path:
        return self.folder / "nodes" / str(number)

    def kept_subnet(self) -> int | None:
        """S of the data that are in the folder; None when there are none."""
        configuration = self.node_folder(1) / "cassandra.yaml"
        if not configuration.exists():
            return None
        match = re.search(r"^listen_address: 127\.0\.(\d+)\.1$", configuration.read_text(), flags=re.MULTILINE)
        return int(match[1]) if match else None

    def stopped(self, running: list[Node]) -> list[int]:
        """Numbers of the nodes whose data are here and that do not run."""
        return [n for n in (1, 2, 3) if self.node_folder(n).exists() and n not in {node.number for node in running}]

    def wait_for(self, nodes: list[Node]) -> None:
        """Until they answer to a login."""
        self.wait(nodes, lambda node: login.answers(node.address, self.tls))

    def wait_until_whole(self, nodes: list[Node]) -> None:
        """Until each takes all for up."""
        self.wait(nodes, lambda node: login.sees_all(node.address, self.tls))

    def wait(self, nodes: list[Node], condition: Callable[[Node], bool]) -> None:
        limit = START_SECONDS_MAX
        end = time.monotonic() + limit
        for node in nodes:
            while not condition(node):
                for other in nodes:
                    if not other.runs():
                        raise Failure(f"{other.address} ended while it started:\n{self.last_lines(other.number)}")
                if time.monotonic() > end:
                    raise Failure(f"{node.address} does not answer after {limit} s:\n{self.last_lines(node.number)}")
                time.sleep(0.2)

    def last_lines(self, number: int) -> str:
        text = ""
        for name in ("out.log", "system.log"):
            path = self.node_folder(number) / "log" / name
            if path.exists():
                text += "".join(f"  {line}\n" for line in path.read_text(errors="replace").splitlines()[-15:])
        return text

    # ---- down ----

    def down(self, *, kill: bool = False) -> int:
        nodes = self.nodes()
        stop(nodes, kill=kill)
        if self.state.exists():
            self.remember([])
        return len(nodes)


def lock_path(subnet: int) -> str:
    return f"{LOCKS}/ringfeed-cassandra-127.0.{subnet}.lock"


def claim(subnet: int, *, shared: bool = False) -> int | None:
    """A descriptor of the lock of these addresses, None when they are in use. The nodes of a cluster share the lock.

    `shared`: it is shared with a process that keeps the addresses for this cluster.
    """
    with open(f"{LOCKS}/ringfeed-cassandra.lock", "w") as claims:  # one claim at a time
        fcntl.flock(claims, fcntl.LOCK_EX)
        descriptor = os.open(lock_path(subnet), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if not all(is_free(f"127.0.{subnet}.{n}", port) for n in (1, 2, 3) for port in (PORT, STORAGE_PORT)):
            os.close(descriptor)
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return descriptor


@contextmanager
def temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ringfeed-cassandra-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(cluster: Cluster, count: int, command: list[str], *, keep: bool) -> int:
    """The command's exit code, 128 + N when signal N ended it. Nodes that ran before go on running."""
    before = cluster.nodes()
    try:
        addresses = [node.address for node in cluster.up(count)]
        cluster.keep_addresses()  # the command may stop nodes and start them again
        process = subprocess.Popen(command, env=dict(os.environ, RINGFEED_TEST_CASSANDRA=",".join(addresses)))
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            try:
                process.wait(COMMAND_STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
        return code if code >= 0 else 128 - code
    except OSError as error:
        raise Failure(f"{command[0]}: {error.strerror}") from error
    finally:
        stop([node for node in cluster.nodes() if node not in before], kill=not keep)
        cluster.release_addresses()


def archive_classes() -> None:
    """Makes the JVM's archive of loaded and checked classes, with which nodes start in two thirds of the time."""
    new = CLASSES.with_suffix(".new")
    new.unlink(missing_ok=True)
    with temporary_folder() as folder:
        cluster = Cluster(folder, mode=Mode(tied=True, archive_classes=new))
        try:
            cluster.up(1)
        finally:
            cluster.down()
    if not new.exists():
        raise Failure(f"the JVM has not written {new}")
    new.replace(CLASSES)


def cqlsh(cluster: Cluster) -> None:
    nodes = cluster.nodes()
    if not nodes:
        raise Failure("no node runs; start one with 'make cassandra-up'")
    # The password in a file of its own: an argument would be seen in the process list.
    credentials = cluster.folder / "credentials"
    credentials.touch(mode=0o600)
    credentials.write_text("[PlainTextAuthProvider]\nusername = cassandra\npassword = cassandra\n")
    program = str(Path(sys.executable).with_name("cqlsh"))
    command = [program, "--credentials", str(credentials), "-u", "cassandra"]
    if (tls := cluster.tls_of_running()) is not None:
        configuration = cluster.folder / "cqlshrc"
        client = tls.path("client")
        configuration.write_text(f"[ssl]\nvalidate = false\nusercert = {client}\nuserkey = {client}\n")
        command += ["--ssl", "--cqlshrc", str(configuration)]
    os.execv(program, [*command, nodes[0].address, str(PORT)])


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("up", "status", "down", "cqlsh", "run", "archive-classes"))
    parser.add_argument("--nodes", type=int, choices=(1, 2, 3), default=1)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--short-lived", action="store_true",
                        help="for tests: without the optimizing compiler nodes start sooner, and are slow under load")
    parser.add_argument("--tls", type=Path, metavar="DIR",
                        help="the CQL port speaks only TLS; certificates.py fills DIR when it is empty")
    parser.add_argument("--certificate", choices=sorted(certificates.SIGNED), default="server",
                        help="which one the nodes show (default: server)")
    parser.add_argument("--client-certificates", action="store_true",
                        help="clients must show one too (DIR/client.pem)")
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    result = parser.parse_args(arguments[:cut])
    result.command = arguments[cut + 1:]
    if (result.action == "run") != bool(result.command):
        parser.error("'run', and no other, takes '-- COMMAND...'")
    return result


def perform(arguments: argparse.Namespace) -> int:
    tls = None
    if arguments.tls:
        folder = certificates.make(arguments.tls.resolve())
        tls = Tls(str(folder), arguments.certificate, arguments.client_certificates)
    mode = Mode(short_lived=arguments.short_lived, tied=arguments.action == "run")
    if arguments.action == "archive-classes":
        archive_classes()
        return 0
    if arguments.action == "run" and arguments.folder is None:
        with temporary_folder() as folder:
            return run(Cluster(folder, tls=tls, mode=mode), arguments.nodes, arguments.command, keep=False)
    cluster = Cluster((arguments.folder or ROOT / ".cassandra").resolve(), tls=tls, mode=mode)
    if arguments.action == "run":
        return run(cluster, arguments.nodes, arguments.command, keep=True)
    if arguments.action == "down":
        print(f"cassandra: stopped {cluster.down()} nodes", file=sys.stderr)
        return 0
    if arguments.action == "cqlsh":
        cqlsh(cluster)
    nodes = cluster.up(arguments.nodes) if arguments.action == "up" else cluster.nodes()
    for node in nodes:
        print(node.address)
    return 0 if nodes else 1


def end_on_signals() -> None:
    """SIGINT and SIGTERM unwind the program once; while it stops what it has started, more of them do nothing."""
    def unwind(number: int, _: object) -> None:
        for other in (signal.SIGINT, signal.SIGTERM):
            signal.signal(other, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, unwind)


def main() -> int:
    arguments = parse(sys.argv[1:])
    end_on_signals()
    try:
        return perform(arguments)
    except Failure as failure:
        print(f"cassandra: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
