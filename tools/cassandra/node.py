"""One Cassandra node: its configuration, its process, and when that is really gone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
JARS = Path(os.environ.get("RINGFEED_CASSANDRA_JARS", HERE.parent.parent / ".deps/cassandra")).resolve()
CLASSES = JARS / "classes.jsa"
SUBNETS = range(77, 87)
PORT = 9042
STORAGE_PORT = 7000
STOP_SECONDS_MAX = 30

# What matters for speed of the options that a Cassandra is shipped with (its conf/jvm17-server.options and jvm-server.options).
SHIPPED = ["-XX:G1HeapRegionSize=16m", "-XX:MaxTenuringThreshold=1", "-XX:G1RSetUpdatingPauseTimePercent=5", "-XX:MaxGCPauseMillis=300",
           "-XX:InitiatingHeapOccupancyPercent=70", "-XX:+ParallelRefProcEnabled", "-XX:+AlwaysPreTouch", "-XX:+PerfDisableSharedMem",
           "-Xss256k", "-Dio.netty.tryReflectionSetAccessible=true", "-Dio.netty.allocator.useCacheForAllThreads=true",
           "-Dio.netty.allocator.maxOrder=11"]
# Each connection logs in, and the 2^10 rounds of bcrypt that a server is shipped with took nine tenths of the CPU time of the tests'
# servers. A thread that looks at the clock each 2 ms took half of what an idle one needs.
SHORT_LIVED = ["-XX:TieredStopAtLevel=1", "-Dcassandra.auth_bcrypt_gensalt_log2_rounds=4", "-Dcassandra.approximate_time_precision_ms=20"]
EXPORTS = ("java.base/jdk.internal.misc java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry "
           "java.rmi/sun.rmi.server java.sql/java.sql java.base/java.lang.ref java.base/jdk.internal.ref "
           "java.base/sun.nio.ch jdk.unsupported/sun.misc").split()
OPENS = [f"java.base/{name}" for name in (
    "java.lang.module java.net jdk.internal.loader jdk.internal.ref jdk.internal.reflect jdk.internal.math "
    "jdk.internal.module jdk.internal.util.jar sun.nio.ch java.io java.nio java.util.concurrent java.util "
    "java.util.concurrent.atomic java.lang jdk.internal.misc").split()] + ["jdk.management/com.sun.management.internal"]
# What node.yaml leaves to the version: settings that came with it, and those that went by another name before.
SINCE = {
    (4, 1): {"commitlog_sync_period": "10000ms",
             "auth_read_consistency_level": "LOCAL_ONE",  # one live node is enough to log in; the default is LOCAL_QUORUM
             "materialized_views_enabled": True},  # off in a server as it is shipped; the tests have views
    (5, 0): {"sstable": {"selected_format": "bti"}, "storage_compatibility_mode": "NONE",
             "memtable": {"configurations": {"trie": {"class_name": "TrieMemtable"}, "default": {"inherits": "trie"}}},
             "dynamic_data_masking_enabled": True},  # likewise: the tests have columns with masks
}
BEFORE_4_1 = {"commitlog_sync_period_in_ms": 10000, "enable_materialized_views": True}


class Failure(Exception):
    """Ends the program with its text."""


@dataclass(frozen=True)
class Tls:
    """What the CQL port shows: a certificate of the folder that certificates.py fills."""

    folder: str
    certificate: str = "server"
    client_certificates: bool = False  # clients must show one too

    def path(self, name: str) -> Path:
        """Of a PEM file: a certificate with its key, or `ca`."""
        return Path(self.folder) / f"{name}.pem"


@dataclass(frozen=True)
class Mode:
    """How the processes run."""

    # For tests: starts in half the time and less memory, slow under load (no C2 compiler); a login costs it a 64th.
    short_lived: bool = False
    tied: bool = False  # they end with the thread that started them, whatever ends it
    open: bool = False  # nobody is asked for a password, everybody may do everything
    far: bool = False  # clients are told another address, `Node.far_address`, where something stands in between
    archive_classes: Path | None = None  # writes there, at its end, what makes later starts faster
    settings: Mapping[str, object] = field(default_factory=dict)  # more of cassandra.yaml: guardrails, limits


@dataclass
class Node:
    """A process that was started here; `start_ticks` tells it from a later one with the same pid."""

    address: str
    pid: int
    start_ticks: int

    @property
    def number(self) -> int:
        return int(self.address.rpartition(".")[2])

    @property
    def far_address(self) -> str:
        """What clients are told of a node that is far."""
        return far_address_of(self.address)

    def runs(self) -> bool:
        """Until its last thread has ended: so long it may hold ports and the lock."""
        return start_ticks_of(self.pid) == self.start_ticks

    def signal(self, number: signal.Signals) -> None:
        if self.runs():
            os.kill(self.pid, number)


def far_address_of(address: str) -> str:
    """127.0.77.101 for 127.0.77.1."""
    prefix, _, number = address.rpartition(".")
    return f"{prefix}.{int(number) + 100}"


def start_ticks_of(pid: int) -> int | None:
    """When the process started (field 22 of proc(5) stat); None when there is none or all its threads have ended."""
    try:
        stat = stat_fields(Path(f"/proc/{pid}/stat"))
    except OSError:
        return None
    if stat[0] not in "ZX":
        return int(stat[19])
    # The first thread has ended. Files stay open until the others have too: on a busy machine that is a second.
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            if stat_fields(task)[0] not in "ZX":
                return int(stat[19])
        except OSError:
            continue  # ended meanwhile
    try:
        os.waitpid(pid, os.WNOHANG)  # of a child of this process nothing is to stay, not even its exit code
    except ChildProcessError:
        pass
    return None


def stat_fields(path: Path) -> list[str]:
    """From field 3, the state, on."""
    return path.read_text().rpartition(")")[2].split()


def stop(nodes: list[Node], *, kill: bool = False) -> None:
    """SIGTERM to all, SIGKILL to those that are there after STOP_SECONDS_MAX, or at once with `kill`."""
    if not kill:
        for node in nodes:
            node.signal(signal.SIGTERM)
            node.signal(signal.SIGCONT)  # a frozen one too
        end = time.monotonic() + STOP_SECONDS_MAX
        while time.monotonic() < end and any(node.runs() for node in nodes):
            time.sleep(0.1)
    for node in nodes:
        node.signal(signal.SIGKILL)
    while any(node.runs() for node in nodes):
        time.sleep(0.05)


def start(folder: Path, subnet: int, number: int, lock: int, *, joins: bool, tls: Tls | None, mode: Mode) -> Node:
    """Node `number` of 127.0.SUBNET, with its files in `folder`. It inherits the descriptor `lock`.

    A new one that `joins` fetches its part of the data from the others.
    """
    address = f"127.0.{subnet}.{number}"
    for name in ("log", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    text = (HERE / "node.yaml").read_text()
    for name, value in {"folder": folder, "address": address, "port": PORT,
                        "told_address": far_address_of(address) if mode.far else address, "seed": f"127.0.{subnet}.1",
                        "joins": str(joins).lower(), "encryption": json.dumps(encryption(tls)),
                        "authenticator": "AllowAllAuthenticator" if mode.open else "PasswordAuthenticator",
                        "authorizer": "AllowAllAuthorizer" if mode.open else "CassandraAuthorizer"}.items():
        text = text.replace("{" + name + "}", str(value))
    text += "".join(f"{name}: {json.dumps(value)}\n" for name, value in (settings_of(version()) | mode.settings).items())
    (folder / "cassandra.yaml").write_text(text)
    print(f"cassandra: starting {address} (log: {folder}/log/system.log)", file=sys.stderr, flush=True)
    command = java_command(folder, mode)
    if mode.tied:
        command = ["setpriv", "--pdeathsig", "KILL", "--", *command]
    with open(folder / "log/out.log", "w") as output:
        # A group of its own: Ctrl-C is for this program, which then stops what it has started.
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True, pass_fds=[lock])
    return Node(address, process.pid, start_ticks_of(process.pid) or 0)


def version() -> tuple[int, int]:
    """Of the server whose jars are here: 5.0.9 is (5, 0)."""
    numbers = (JARS / "version").read_text().split(".")
    return int(numbers[0]), int(numbers[1].partition("-")[0])


def settings_of(version: tuple[int, int]) -> dict[str, object]:
    """Of cassandra.yaml, beside node.yaml."""
    settings: dict[str, object] = {} if version >= (4, 1) else dict(BEFORE_4_1)
    for since, more in SINCE.items():
        if version >= since:
            settings |= more
    return settings


def encryption(tls: Tls | None) -> dict[str, object]:
    """client_encryption_options of cassandra.yaml."""
    if tls is None:
        return {"enabled": False}
    return {"enabled": True, "optional": False, "require_client_auth": tls.client_certificates,
            "keystore": str(tls.path(tls.certificate)), "truststore": str(tls.path("ca")),
            "ssl_context_factory": {"class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory"}}


def java_command(folder: Path, mode: Mode) -> list[str]:
    heap = os.environ.get("CASSANDRA_HEAP", "1g")
    command = ["java", f"-Xmx{heap}", "-XX:+UseG1GC", "-XX:MaxDirectMemorySize=1g", "-XX:+ExitOnOutOfMemoryError",
               "-Djdk.attach.allowAttachSelf=true", f"-Djava.io.tmpdir={folder}/tmp"]  # a killed one leaves libraries there
    if version() < (5, 0):  # not made for the JVM that we have
        command += ["-Djava.security.manager=allow", f"-javaagent:{next(JARS.glob('jamm-*.jar'))}"]
    # Cassandra locks its heap into memory, so all of -Xms is taken at the start.
    command += SHORT_LIVED if mode.short_lived else [f"-Xms{heap}", *SHIPPED]
    if mode.archive_classes:
        command.append(f"-XX:ArchiveClassesAtExit={mode.archive_classes}")
    elif CLASSES.exists():  # one of another JVM is passed over by the JVM
        command.append(f"-XX:SharedArchiveFile={CLASSES}")
    command += [f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTS]
    command += [f"--add-opens={name}=ALL-UNNAMED" for name in OPENS]
    properties = {
        "config": f"file://{folder}/cassandra.yaml", "storagedir": folder, "logdir": folder / "log",
        "ring_delay_ms": 2000, "skip_wait_for_gossip_to_settle": 0, "consistent.rangemovement": "false",
        "superuser_setup_delay_ms": 0}
    command += [f"-Dcassandra.{name}={value}" for name, value in properties.items()]
    # The jars one by one: the archive of classes is for this order.
    classes = ":".join(str(jar) for jar in sorted(JARS.glob("*.jar")))
    command += ["-Dcassandra-foreground=yes", f"-Dlogback.configurationFile={HERE}/logback.xml", "-cp", classes,
                "org.apache.cassandra.service.CassandraDaemon"]
    return command


def is_free(address: str, port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True
