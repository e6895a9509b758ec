"""Certificates for tests of TLS: certificates.py FOLDER writes NAME.pem there, each a certificate with its private key.

  ca            the authority that has signed all others; the certificate alone, like other-ca
  server        good: for every address that cluster.py uses, and for localhost
  expired       the same, but expired years ago
  wrong-name    for another host's name and address
  dns-name      for the name localhost alone, no address
  client        for a client that the server asks for one
  other-ca      an authority that has signed none of them
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from node import SUBNETS, Failure

ADDRESSES = ["127.0.0.1", *(f"127.0.{subnet}.{number}" for subnet in SUBNETS for number in (1, 2, 3))]
ALL_NAMES = ",".join(["DNS:localhost", *(f"IP:{address}" for address in ADDRESSES)])
VALID = ("20240101000000Z", "20991231235959Z")
EXPIRED = ("20200101000000Z", "20200102000000Z")
SIGNED = {  # name -> subjectAltName, key usage, validity
    "server": (ALL_NAMES, "serverAuth", VALID),
    "expired": (ALL_NAMES, "serverAuth", EXPIRED),
    "wrong-name": ("DNS:elsewhere.example,IP:192.0.2.1", "serverAuth", VALID),
    "dns-name": ("DNS:localhost", "serverAuth", VALID),
    "client": ("DNS:client.example", "clientAuth", VALID),
}
AUTHORITIES = ("ca", "other-ca")

# `openssl ca` keeps a list of what it signed; it is the only command of OpenSSL 3.0 that takes dates.
CONFIGURATION = """
[ca]
default_ca = authority
[authority]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = anything
unique_subject = no
[anything]
commonName = supplied
"""


def make(folder: Path) -> Path:
    """Fills the folder; what is there already stays."""
    if not (folder / "ca.pem").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            made = make_all(Path(work))
            for path in sorted(made, key=lambda path: path.name == "ca.pem"):  # ca.pem last: it says that all are there
                path.chmod(0o600)
                path.rename(folder / path.name)
    return folder


def make_all(work: Path) -> list[Path]:
    for name in AUTHORITIES:
        openssl(work, "req", "-x509", *new_key(name), "-out", f"{name}.crt", "-subj", f"/CN=Ringfeed {name}",
                "-days", "10000", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    (work / "index.txt").touch()
    for name, (names, usage, (start, end)) in SIGNED.items():
        openssl(work, "req", "-new", *new_key(name), "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (work / "ca.cnf").write_text(f"{CONFIGURATION}[extensions]\nsubjectAltName = {names}\n"
                                     f"extendedKeyUsage = {usage}\nbasicConstraints = critical, CA:FALSE\n")
        openssl(work, "ca", "-batch", "-notext", "-config", "ca.cnf", "-extensions", "extensions", "-cert", "ca.crt",
                "-keyfile", "ca.key", "-in", f"{name}.csr", "-out", f"{name}.crt", "-startdate", start, "-enddate", end)
    made = []
    for name in (*AUTHORITIES, *SIGNED):
        made.append(work / f"{name}.pem")
        # Of an authority the certificate alone: its file is a list of whom to trust.
        key = "" if name in AUTHORITIES else (work / f"{name}.key").read_text()
        made[-1].write_text(key + (work / f"{name}.crt").read_text())
    return made


def new_key(name: str) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", f"{name}.key"]


def openssl(work: Path, *arguments: str) -> None:
    result = subprocess.run(["openssl", *arguments], cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"openssl {arguments[0]} failed:\n{result.stderr}")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
