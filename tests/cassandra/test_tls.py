"""TLS of the program: what is accepted, what is refused and how it is told. Each server shows another certificate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from program import DIGITS, TENSORS, done, error, login, records, ringfeed, run
from running import Running, certificates, cluster, node

pytestmark = pytest.mark.cassandra
LOGIN = login("cassandra", "cassandra")
NAME = "localhost"  # the name in the certificate without addresses


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificates."""
    return certificates.make(tmp_path_factory.mktemp("certificates"))


@contextmanager
def showing(folder: Path, certificate: str, *, client_certificates: bool = False) -> Iterator[Running]:
    with cluster.temporary_folder() as place:
        nodes = Running(place, 1, node.Tls(str(folder), certificate, client_certificates))
        try:
            yield nodes
        finally:
            nodes.close()


@pytest.fixture(scope="module")
def server(ended_in_order: None, folder: Path) -> Iterator[Running]:
    """It shows a good certificate, and asks for none."""
    with showing(folder, "server") as nodes:
        yield nodes


def url(nodes: Running, name: str = "") -> str:
    return f"cassandra://{nodes.addresses[0]}/system_schema{'/' + name if name else ''}"


def listing(nodes: Running, *options: str | Path) -> tuple[str, ...]:
    """The arguments of a command that succeeds on every server."""
    return ("list", url(nodes), *map(str, options))


def test_a_good_certificate(server: Running, folder: Path) -> None:
    where = f"cassandra://{server.addresses[0]}/tls/digits"
    trusted = ("--tls-ca", str(folder / "ca.pem"))
    make = ("--create-keyspace", "--replication", "simple:1")
    done("ingest", DIGITS, where, *TENSORS, *make, "--lz4", *trusted, **LOGIN)
    plain = records("head", where, *trusted, **LOGIN)
    assert plain and records("head", where, "--lz4", *trusted, **LOGIN) == plain
    done("verify", where, RINGFEED_TLS_CA=str(folder / "ca.pem"), **LOGIN)
    trained = ("train", where, "--input", "image", "--target", "label", "--quiet", "--nproc", "2", *trusted)
    assert records(*trained, **LOGIN)[-1]["world_size"] == 2


def test_a_certificate_that_nobody_trusted_has_signed(server: Running, folder: Path) -> None:
    unknown = error(*listing(server, "--tls"), code=5, **LOGIN)
    assert "UnknownIssuer" in unknown and "--tls-ca" in unknown
    assert "UnknownIssuer" in error(*listing(server, "--tls-ca", folder / "other-ca.pem"), code=5, **LOGIN)
    missing = folder / "missing.pem"
    assert str(missing) in error(*listing(server, "--tls-ca", missing), code=5, **LOGIN)


def test_unverified_with_a_warning_each_time(server: Running) -> None:
    for _ in range(2):
        result = run(*listing(server, "--tls-insecure", "--quiet"), **LOGIN)
        assert result.returncode == 0, result.stderr
        assert result.stderr.count("certificates are NOT verified") == 1
    # No other word turns verification off.
    assert "UnknownIssuer" in error(*listing(server, "--tls"), code=5, RINGFEED_TLS_INSECURE="1", **LOGIN)


def test_a_wrong_password_is_not_taken_for_a_wrong_certificate(server: Running, folder: Path) -> None:
    refused = error(*listing(server, "--tls-ca", folder / "ca.pem"), code=5, **login("cassandra", "wrong"))
    assert "password" in refused and "--tls-" not in refused


def test_the_keywords_of_python(server: Running, folder: Path) -> None:
    known = {"username": "cassandra", "password": "cassandra"}
    assert ringfeed.list(url(server), tls_ca=str(folder / "ca.pem"), tls_server_names=[NAME], read_consistency="ONE", **known) == []
    with pytest.raises(PermissionError, match="UnknownIssuer"):
        ringfeed.list(url(server), tls_ca=str(folder / "other-ca.pem"), **known)
    with pytest.warns(UserWarning, match="certificates are NOT verified"):
        ringfeed.list(url(server), tls_insecure=True, **known)
    with pytest.raises(ValueError, match="needs its key"):
        ringfeed.list(url(server), tls_cert=str(folder / "client.pem"), **known)
    with pytest.raises(ConnectionError, match="name its authority with tls_ca; .* fewer connections_per_host"):
        ringfeed.list(url(server), tls=False, **known)


def certificates_told(nodes: Running, *options: str | Path, code: int) -> dict[str, str]:
    """What `doctor` says of each certificate, and its verdict."""
    result = run("doctor", url(nodes, "nothing"), "--for", "ingest", "--json", *map(str, options), **LOGIN)
    assert result.returncode == code, result.stdout + result.stderr
    return {check["value"]: check["verdict"] for check in json.loads(result.stdout)["checks"] if check["check"] == "certificate"}


def test_doctor_tells_when_certificates_expire(server: Running, folder: Path) -> None:
    told = certificates_told(server, "--tls-ca", folder / "ca.pem", code=0)
    assert told.pop(f"of {server.addresses[0]}: until 2099-12-31") == "ok"
    [(authority, verdict)] = told.items()
    assert authority.startswith(f"{folder / 'ca.pem'}: until ") and verdict == "ok"


def test_only_one_side_speaks_tls(server: Running, one_node: Running, folder: Path) -> None:
    assert "--tls-ca" in error(*listing(server), code=4, **LOGIN)
    assert "does not speak TLS" in error(*listing(one_node, "--tls-ca", folder / "ca.pem"), code=5, **LOGIN)


def test_a_certificate_for_another_name(ended_in_order: None, folder: Path) -> None:
    with showing(folder, "dns-name") as nodes:
        trusting = listing(nodes, "--tls-ca", folder / "ca.pem")
        refused = error(*trusting, code=5, **LOGIN)
        assert "not valid for name" in refused and "--tls-server-name" in refused
        assert "not valid for name" in error(*trusting, "--tls-server-name", "elsewhere.example", code=5, **LOGIN)
        done(*trusting, "--tls-server-name", NAME, **LOGIN)
        done(*trusting, "--tls-server-name", "elsewhere.example", "--tls-server-name", NAME, **LOGIN)
        # A name is no permission to trust anybody.
        untrusting = listing(nodes, "--tls-ca", folder / "other-ca.pem", "--tls-server-name", NAME)
        assert "UnknownIssuer" in error(*untrusting, code=5, **LOGIN)


def test_an_expired_certificate(ended_in_order: None, folder: Path) -> None:
    with showing(folder, "expired") as nodes:
        trusting = listing(nodes, "--tls-ca", folder / "ca.pem")
        assert "expired" in error(*trusting, code=5, **LOGIN)
        assert "expired" in error(*trusting, "--tls-server-name", NAME, code=5, **LOGIN)
        told = certificates_told(nodes, "--tls-insecure", code=0)
        assert told == {f"of {nodes.addresses[0]}: until 2020-01-02": "warning"}


def test_a_server_that_asks_for_a_certificate(ended_in_order: None, folder: Path) -> None:
    with showing(folder, "server", client_certificates=True) as nodes:
        trusting = listing(nodes, "--tls-ca", folder / "ca.pem")
        refused = error(*trusting, code=5, **LOGIN)
        assert "client certificate" in refused and "--tls-cert" in refused
        client = folder / "client.pem"
        done(*trusting, "--tls-cert", str(client), "--tls-key", str(client), **LOGIN)
        # One that its authority has not signed.
        stranger = folder / "stranger"
        certificates.make(stranger)
        own = str(stranger / "client.pem")
        assert "--tls-cert" in error(*trusting, "--tls-cert", own, "--tls-key", own, code=5, **LOGIN)
        assert "key" in error(*trusting, "--tls-cert", str(client), code=2, **LOGIN)
