"""The Cassandra options of the command line, and that a password stays unseen. No server is needed: what can be reached refuses or
keeps silent."""

from __future__ import annotations

import fcntl
import os
import pty
import queue
import select
import signal
import socket
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from conftest import SECONDS_MAX, Ringfeed, build_folder
from stopwatch import Stopwatch

pytestmark = pytest.mark.program

SECRET = "hunter2"
REMEDIES = ("RINGFEED_PASSWORD", "--password-file", ".cassandra/credentials", "terminal")
NOBODY_LISTENS = "127.0.0.1:1"
TRAIN = ("--input", "a", "--target", "b")


@pytest.fixture
def ringfeed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ringfeed:
    """The program, with a home without files and no variables of ours."""
    for name in [name for name in os.environ if name.startswith("RINGFEED_") and name != "RINGFEED_BUILD"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return Ringfeed(tmp_path)


def run(ringfeed: Ringfeed, *arguments: str, stdin: str = "", code: int, **environment: str) -> str:
    """Runs it without a terminal, where nobody can be asked. Gives stderr, which must not have the secret."""
    result = subprocess.run([str(build_folder() / "bin/ringfeed"), *arguments], cwd=ringfeed.folder, input=stdin, text=True,
                            capture_output=True, timeout=SECONDS_MAX, start_new_session=True,
                            env=dict(os.environ, **environment))
    assert result.returncode == code, f"{arguments}: {result.returncode}\n{result.stderr}"
    assert SECRET not in result.stdout + result.stderr
    return result.stderr


@pytest.mark.parametrize("command", ["ingest", "inspect", "list", "head", "verify", "train"])
def test_every_command_has_the_options(ringfeed: Ringfeed, command: str) -> None:
    text = ringfeed(command, "--help").stdout
    for option in ("Cassandra", "--user", "--password-file", "--tls-server-name", "--contact-points-only"):
        assert option in text


@pytest.mark.parametrize("arguments", [
    ("list", "cassandra://u@h/k", "--password", SECRET),
    ("list", "cassandra://u@h/k", f"--password={SECRET}"),
    ("list", f"--passwd={SECRET}", "cassandra://u@h/k"),
    ("list", "-p", SECRET, "cassandra://u@h/k"),
    ("list", f"-p{SECRET}", "cassandra://u@h/k"),
    ("--password", SECRET, "list", "cassandra://u@h/k"),
    ("list", f"cassandra://u:{SECRET}@h/k"),
    ("list", f"cassandra://u@h/k?password={SECRET}"),
    ("list", "x", f"cassandra://u:{SECRET}@h/k"),
    ("ingest", f"cassandra://u:{SECRET}@h/k/n", "here"),
    ("ingest", "x.csv", f"cassandra://u:{SECRET}@h/k/n", "--json"),
    ("train", f"cassandra://u:{SECRET}@h/k/n", "--no-such-option"),
])
def test_a_password_in_a_flag_or_an_address_is_refused(ringfeed: Ringfeed, arguments: tuple[str, ...]) -> None:
    line = ringfeed.error(*arguments, code=2)
    assert SECRET not in line
    assert [remedy for remedy in REMEDIES if remedy not in line] == []


def test_a_flag_beside_a_local_data_set_is_refused(ringfeed: Ringfeed) -> None:
    assert "--local-dc" in ringfeed.error("list", ".", "--local-dc", "dc1", code=2)
    assert "--lz4" in ringfeed.error("train", "here", *TRAIN, "--lz4", code=2)


@pytest.mark.parametrize(("option", "value"), [
    ("--read-consistency", "SERIAL"), ("--write-consistency", "most"), ("--connect-timeout-ms", "0"),
    ("--request-timeout-ms", "5s"), ("--connections-per-host", "65")])
def test_a_malformed_value_names_its_flag(ringfeed: Ringfeed, option: str, value: str) -> None:
    assert option in ringfeed.error("list", "cassandra://h/k", option, value, code=2)


def test_a_user_without_a_password_and_a_terminal(ringfeed: Ringfeed) -> None:
    text = run(ringfeed, "list", "cassandra://alice@h/k", code=5)
    assert "'alice'" in text and [remedy for remedy in REMEDIES if remedy not in text] == []
    assert "'bob'" in run(ringfeed, "list", "cassandra://alice@h/k", "--user", "bob", code=5)


@pytest.mark.parametrize(("content", "words"), [
    ("", "empty"), ("\n", "empty"), (f"{SECRET}\n{SECRET}\n", "several lines"), (SECRET * 600, "longer than 4096")])
def test_a_password_file_that_holds_none(ringfeed: Ringfeed, content: str, words: str) -> None:
    (ringfeed.folder / "password").write_text(content)
    for name in (str(ringfeed.folder / "password"), "-"):
        text = run(ringfeed, "list", "cassandra://u@h/k", "--password-file", name, stdin=content, code=2)
        assert words in text and f"--password-file {name}" in text


def test_a_password_file_that_is_missing(ringfeed: Ringfeed) -> None:
    assert "nothing" in run(ringfeed, "list", "cassandra://u@h/k", "--password-file", "nothing", code=2)


def test_unverified_certificates_are_warned_of_once(ringfeed: Ringfeed) -> None:
    text = run(ringfeed, "inspect", f"cassandra://{NOBODY_LISTENS}/k/n", "--tls-insecure", "--quiet", code=4)
    assert text.count("NOT verified") == 1


def test_a_switch_may_be_turned_off(ringfeed: Ringfeed) -> None:
    (ringfeed.folder / "ca.pem").write_text("no certificate")
    arguments = ("list", f"cassandra://{NOBODY_LISTENS}/k")
    assert "ca.pem" in run(ringfeed, *arguments, code=5, RINGFEED_TLS_CA="ca.pem")
    assert "ca.pem" not in run(ringfeed, *arguments, "--tls=false", code=4, RINGFEED_TLS_CA="ca.pem")
    assert "TLS off" in run(ringfeed, *arguments, "--tls=false", "--tls-insecure", code=2)


class Terminal:
    """`ringfeed list` for alice, in a terminal of its own that outlives it."""

    def __init__(self, ringfeed: Ringfeed) -> None:
        self.ours, self.its = pty.openpty()
        self.process = subprocess.Popen(
            [str(build_folder() / "bin/ringfeed"), "list", f"cassandra://alice@{NOBODY_LISTENS}/k"], cwd=ringfeed.folder,
            stdin=self.its, stdout=self.its, stderr=self.its, start_new_session=True,
            preexec_fn=self.prepare)
        self.seen = ""

    @staticmethod
    def prepare() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the tests may run where it is ignored, as in the background of a script

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.its)[3] & termios.ECHO)

    def read(self, seconds: float) -> bool:
        """Whether there was something within this time."""
        if not select.select([self.ours], [], [], seconds)[0]:
            return False
        self.seen += os.read(self.ours, 4096).decode()
        return True

    def read_until(self, words: str) -> None:
        while words not in self.seen:
            assert self.read(SECONDS_MAX), self.seen

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def end(self) -> int:
        """Waits for the program; -N after signal N."""
        code = self.process.wait(SECONDS_MAX)
        while self.read(0):
            pass
        return code


@pytest.fixture
def terminal(ringfeed: Ringfeed) -> Iterator[Terminal]:
    terminal = Terminal(ringfeed)
    terminal.read_until("Password of alice: ")
    assert not terminal.echoes()
    yield terminal
    terminal.process.kill()
    terminal.process.wait()
    os.close(terminal.ours)
    os.close(terminal.its)


class Server:
    """Gives each connection these bytes, or keeps silent, and then hangs on."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.accepted: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"cassandra://127.0.0.1:{self.socket.getsockname()[1]}/k/t"
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                connection = self.socket.accept()[0]
                self.accepted.put(connection)
                if self.answer and connection.recv(4096):
                    connection.sendall(self.answer)

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()
        while not self.accepted.empty():
            self.accepted.get().close()


@pytest.mark.quiet
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_each_command_while_it_connects(ringfeed: Ringfeed, number: signal.Signals) -> None:
    (ringfeed.folder / "x.csv").write_text("a,b\n1,2\n")
    with closing(Server(b"")) as silent:
        for command in (("attach",), ("ingest", "x.csv"), ("copy", "x.ring"), ("verify",), ("doctor",), ("view",), ("train", *TRAIN),
                        ("train", *TRAIN, "--checkpoint-dir", "c"), ("tune", *TRAIN), ("check",), ("diff", "x.ring"),
                        ("export", "out", "--format", "parquet")):
            place = 2 if command[0] == "ingest" else 1
            arguments = [*command[:place], silent.url, *command[place:], "--quiet"]
            process = subprocess.Popen([str(build_folder() / "bin/ringfeed"), *arguments], cwd=ringfeed.folder, text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            with closing(silent.accepted.get(timeout=SECONDS_MAX)), Stopwatch() as watch:
                process.send_signal(number)
                told = process.communicate(timeout=SECONDS_MAX)
            assert process.returncode == 128 + number and told[0] == "" and told[1].count("\n") == 1, (command, told)
            assert watch.fair_seconds < 2
            assert {path.name for path in ringfeed.folder.iterdir()} <= {"x.csv", "c"}, command


def test_a_server_with_old_tls_alone_is_refused_by_name(ringfeed: Ringfeed) -> None:
    """It sends an alert, as OpenSSL does, or goes on in TLS 1.1."""
    greeting = b"\x03\x02" + bytes(32) + b"\x00\x00\x2f\x00"
    hello = b"\x16\x03\x02\x00" + bytes([len(greeting) + 4]) + b"\x02\x00\x00" + bytes([len(greeting)]) + greeting
    for answer in (b"\x15\x03\x02\x00\x02\x02\x46", hello):
        with closing(Server(answer)) as server, Stopwatch() as watch:
            told = run(ringfeed, "head", server.url, "--tls-insecure", code=5)
        assert "neither TLS 1.2 nor 1.3" in told and "accepted_protocols" in told
        assert watch.fair_seconds < 5


def test_the_prompt_does_not_show_what_is_typed(terminal: Terminal) -> None:
    terminal.type(SECRET + "\n")
    assert terminal.end() == 4
    assert terminal.echoes()
    assert NOBODY_LISTENS in terminal.seen and SECRET not in terminal.seen


def test_the_prompt_without_an_answer(terminal: Terminal) -> None:
    terminal.type("\n")
    assert terminal.end() == 5
    assert "--password-file" in terminal.seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_the_prompt_restores_the_echo(terminal: Terminal, number: signal.Signals) -> None:
    if number == signal.SIGINT:
        terminal.type("\x03")
    else:
        terminal.process.send_signal(number)
    assert terminal.end() == -number
    assert terminal.echoes()


def test_ranks_get_a_password_that_cannot_be_read_twice_by_their_environment(ringfeed: Ringfeed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        launcher = subprocess.Popen(
            [str(build_folder() / "bin/ringfeed"), "train", f"cassandra://alice@127.0.0.1:{port}/k/n", *TRAIN,
             "--password-file", "-", "--nproc", "2", "--connect-timeout-ms", "120000"],
            cwd=ringfeed.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True)
        assert launcher.stdin and launcher.stdout
        try:
            launcher.stdin.write(SECRET + "\n")
            launcher.stdin.close()
            accepted = []  # with two, both ranks wait for an answer
            while len(accepted) < 2:
                assert launcher.poll() is None, launcher.stdout.read()
                if select.select([silent], [], [], 1)[0]:
                    accepted.append(silent.accept()[0])
            ranks = [Path("/proc") / pid
                     for task in Path(f"/proc/{launcher.pid}/task").iterdir()
                     for pid in (task / "children").read_text().split()]
            assert len(ranks) == 2
            for process in (Path(f"/proc/{launcher.pid}"), *ranks):
                assert SECRET.encode() not in (process / "cmdline").read_bytes()
            for rank in ranks:
                assert f"RINGFEED_PASSWORD={SECRET}".encode() in (rank / "environ").read_bytes().split(b"\0")
        finally:
            launcher.terminate()
            output = launcher.stdout.read()
            launcher.wait(SECONDS_MAX)
        for each in accepted:
            each.close()
    assert SECRET not in output
