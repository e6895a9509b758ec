"""How a Cassandra is reached: the keywords that everything with a cassandra:// address takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class Connection(TypedDict, total=False):
    """What is not given comes from the address, the RINGFEED_* variables and cqlsh's files, and the defaults
    (docs/cassandra.md).

    Attributes:
        username: without one no login is tried.
        password: never part of an address; also from RINGFEED_PASSWORD or cqlsh's credentials file.
        local_dc: the data centre whose nodes are asked.
        tls: encrypted, and certificates are verified; any other tls_ keyword turns it on.
        tls_ca, tls_cert, tls_key: paths of PEM files: certificate authorities (else the system's), client certificate
            and its key.
        tls_server_names: names that a node's certificate may be for, beside its address.
        tls_insecure: do not verify certificates at all.
        read_consistency, write_consistency: as CQL names them, by default LOCAL_ONE and LOCAL_QUORUM.
        connect_timeout_ms, request_timeout_ms: by default 5,000 and 10,000, each 1 to 3,600,000.
        connections_per_host: 1 to 64, by default 4.
        in_flight_bytes_per_node: bound of what this process asks of one node at once, by default 128 MiB divided by
            the ranks.
        lz4: frames compressed with LZ4.
        contact_points_only: never connect to nodes that the address does not name.
        index: folder of the indexes of row tables.
        cache_dir: folder in which `open()` keeps blocks as they are read, for later epochs and runs of this host
            (docs/cache.md); of any data set, not of Cassandra's alone.
        cache_bytes: bound of that folder; without it the disk's.
    """

    username: str
    password: str
    local_dc: str
    tls: bool
    tls_ca: str
    tls_cert: str
    tls_key: str
    tls_server_names: Sequence[str]
    tls_insecure: bool
    read_consistency: str
    write_consistency: str
    connect_timeout_ms: int
    request_timeout_ms: int
    connections_per_host: int
    in_flight_bytes_per_node: int
    lz4: bool
    contact_points_only: bool
    index: str
    cache_dir: str
    cache_bytes: int
