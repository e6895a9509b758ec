"""A running cluster in the hands of a test: nodes killed, frozen and brought back, sessions and roles on it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent.parent
TOOL = ROOT / "tools/cassandra/cluster.py"
if str(TOOL.parent) not in sys.path:
    sys.path.append(str(TOOL.parent))
import certificates  # noqa: E402
import cluster  # noqa: E402
import login  # noqa: E402
import node  # noqa: E402

__all__ = ["ROOT", "TOOL", "Running", "certificates", "cluster", "eventually", "login", "node"]

PATIENCE_SECONDS = 60  # failure detection takes 20 s on a quiet machine
Result = TypeVar("Result")


def eventually(action: Callable[[], Result], seconds: float = PATIENCE_SECONDS) -> Result:
    """What `action` gives, tried again while the driver reports trouble: nodes learn of a dead one after a while."""
    from cassandra import DriverException
    from cassandra.cluster import NoHostAvailable

    end = time.monotonic() + seconds
    while True:
        try:
            return action()
        except (NoHostAvailable, DriverException):
            if time.monotonic() > end:
                raise
        time.sleep(0.2)


class Running(cluster.Cluster):
    """A cluster that tests share: each leaves it whole (`heal`), and uses keyspaces and roles of its own."""

    def __init__(self, folder: Path, count: int, tls: node.Tls | None = None, *, authentication: bool = True,
                 settings: Mapping[str, object] | None = None) -> None:
        super().__init__(folder, tls=tls, mode=node.Mode(short_lived=True, tied=True, open=not authentication, settings=settings or {}))
        self.count = count
        self.addresses = [found.address for found in self.up(count)]
        self.keep_addresses()  # while a test has stopped its nodes, another cluster may be started
        self.driver = self.shared = None

    # ---- faults ----

    def kill(self, number: int) -> None:
        """SIGKILL; the node is gone when this returns. The others learn it by themselves."""
        node.stop([self.running(number)], kill=True)

    def freeze(self, number: int) -> None:
        """Its connections stay open and nothing answers."""
        self.running(number).signal(signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        self.running(number).signal(signal.SIGCONT)

    # start(number), of the base class: brings a killed one back; then it answers, and all take it for up.

    def restart(self, number: int) -> None:
        """Stops it in order and starts it."""
        node.stop([self.running(number)])
        self.start(number)

    def heal(self) -> None:
        """All are up and know it of each other."""
        for found in self.nodes():
            found.signal(signal.SIGCONT)
        self.up(self.count)

    def running(self, number: int) -> node.Node:
        return next(found for found in self.nodes() if found.number == number)

    # ---- sessions ----

    def session(self):  # noqa: ANN201
        """The Python driver as the superuser, all nodes in turn; one for all tests, closed with the cluster.

        It answers when this returns: the driver connects again by itself to nodes that a test took from it.
        """
        if self.shared is None:
            self.driver = self.make_driver(login.SUPERUSER, login.SUPERUSER, self.addresses)
            self.shared = eventually(self.driver.connect)
        eventually(lambda: self.shared.execute("SELECT key FROM system.local"))
        return self.shared

    @contextmanager
    def connect(self, number: int, user: str = login.SUPERUSER, password: str = login.SUPERUSER):  # noqa: ANN201
        """A session of a user that talks to one node alone."""
        driver = self.make_driver(user, password, [self.addresses[number - 1]])
        try:
            yield driver.connect()
        finally:
            driver.shutdown()

    def make_driver(self, user: str, password: str, addresses: list[str]):  # noqa: ANN201
        from cassandra.auth import PlainTextAuthProvider
        from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
        from cassandra.policies import ConstantReconnectionPolicy, WhiteListRoundRobinPolicy

        profile = ExecutionProfile(WhiteListRoundRobinPolicy(addresses))
        return Cluster(addresses, port=node.PORT, auth_provider=PlainTextAuthProvider(user, password),
                       protocol_version=5, execution_profiles={EXEC_PROFILE_DEFAULT: profile},
                       ssl_context=login.context(self.tls),
                       reconnection_policy=ConstantReconnectionPolicy(0.5, max_attempts=None))

    def make_role(self, name: str, password: str, grants: Sequence[str] = ()) -> None:
        """Makes a role that may log in; grants like "SELECT ON KEYSPACE k".

        It can log in while any node is up. The superuser, whose role is read at QUORUM, needs two of three.
        """
        session = self.session()
        statement = f"CREATE ROLE IF NOT EXISTS {name} WITH PASSWORD = '{password}' AND LOGIN = true"
        eventually(lambda: session.execute(statement))
        for grant in grants:
            eventually(lambda grant=grant: session.execute(f"GRANT {grant} TO {name}"))

    def wait_for_row(self, table: str) -> None:
        """Until the table is there and has one: whoever makes and fills it is at work."""
        from cassandra import InvalidRequest
        from cassandra.cluster import NoHostAvailable

        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                if self.session().execute(f"SELECT * FROM {table} LIMIT 1").one() is not None:
                    return
            except (InvalidRequest, NoHostAvailable):
                pass  # there is no such table yet, or it is just being made
            assert time.monotonic() < end, f"nothing was written to {table}"
            time.sleep(0.02)

    def disconnect(self) -> None:
        if self.driver is not None:
            self.driver.shutdown()

    def close(self) -> None:
        self.disconnect()
        self.down(kill=True)
        self.release_addresses()
