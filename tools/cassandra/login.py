"""The Python driver as the superuser: do the nodes answer, do they see each other; roles on all of them."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from contextlib import contextmanager

from node import PORT, Failure, Node, Tls

SUPERUSER = "cassandra"
SPREAD_SECONDS_MAX = 120


@contextmanager
def session(address: str, tls: Tls | None, *, timeout_s: float = 10):  # noqa: ANN201
    """For this node alone."""
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
    from cassandra.policies import WhiteListRoundRobinPolicy

    profile = ExecutionProfile(WhiteListRoundRobinPolicy([address]), request_timeout=timeout_s)
    driver = Cluster([address], port=PORT, auth_provider=PlainTextAuthProvider(SUPERUSER, SUPERUSER), connect_timeout=5,
                     protocol_version=5, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, ssl_context=context(tls))
    try:
        yield driver.connect()
    finally:
        driver.shutdown()


def context(tls: Tls | None) -> ssl.SSLContext | None:
    """Accepts any certificate: nodes that show a wrong one, for a test, must be seen to answer too."""
    if tls is None:
        return None
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    result.check_hostname = False
    result.verify_mode = ssl.CERT_NONE
    result.load_cert_chain(tls.path("client"))
    return result


def answers(address: str, tls: Tls | None) -> bool:
    """Whether the superuser can log in at this node."""
    from cassandra import DriverException
    from cassandra.cluster import NoHostAvailable

    try:
        with session(address, tls) as cql:
            cql.execute("SELECT key FROM system.local")
        return True
    except (NoHostAvailable, DriverException):
        return False


def sees_all(address: str, tls: Tls | None) -> bool:
    """Whether this node takes all nodes for up: a role has a copy on each, and is read from all."""
    from cassandra import ConsistencyLevel, DriverException
    from cassandra.cluster import NoHostAvailable
    from cassandra.query import SimpleStatement

    query = SimpleStatement(f"SELECT role FROM system_auth.roles WHERE role = '{SUPERUSER}'",
                            consistency_level=ConsistencyLevel.ALL)
    try:
        with session(address, tls) as cql:
            cql.execute(query)
        return True
    except (NoHostAvailable, DriverException):
        return False


def spread(nodes: Sequence[Node], tls: Tls | None) -> None:
    """A copy of roles and permissions on each node: one that is down must not take the logins with it."""
    from cassandra import ConsistencyLevel, DriverException
    from cassandra.cluster import NoHostAvailable
    from cassandra.query import SimpleStatement

    end = time.monotonic() + SPREAD_SECONDS_MAX
    while True:
        try:
            with session(nodes[0].address, tls) as cql:
                cql.execute("ALTER KEYSPACE system_auth WITH replication = "
                            f"{{'class': 'SimpleStrategy', 'replication_factor': {len(nodes)}}}")
                tables = cql.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system_auth'")
                for (table,) in tables:  # a read at ALL gives each replica what it lacks
                    query = f"SELECT * FROM system_auth.{table}"
                    cql.execute(SimpleStatement(query, consistency_level=ConsistencyLevel.ALL))
            return
        except (NoHostAvailable, DriverException) as error:
            if time.monotonic() > end:  # nodes that have just joined may time out
                raise Failure(f"roles cannot be copied to all nodes after {SPREAD_SECONDS_MAX} s: {error}") from error
            time.sleep(0.5)
