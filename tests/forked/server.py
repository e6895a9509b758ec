"""Imports modules, and forks a process for each client: server.py LISTENER EXECUTABLE MODULES... (tests/forked/__init__.py starts it)."""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import io
import json
import os
import random
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
import types
import warnings
from typing import NoReturn

PR_SET_PDEATHSIG = 1  # of prctl(2)


class Server:
    """One thread: what waits is select."""

    def __init__(self, listener: socket.socket, folder: str) -> None:
        self.listener = listener
        self.folder = folder
        self.clients: dict[socket.socket, int] = {}  # the process of each
        self.woken, self.wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # for the byte in the pipe

    def serve(self) -> dict:
        """Returns in each new process, with what it is to do; this one ends with its stdin."""
        while True:
            ready, _, _ = select.select([0, self.woken, self.listener, *self.clients], [], [])
            if 0 in ready:
                for pid in self.clients.values():
                    os.kill(pid, signal.SIGKILL)
                shutil.rmtree(self.folder, ignore_errors=True)
                os._exit(0)
            if self.woken in ready:
                os.read(self.woken, 4096)
                self.reap()
            for client in set(ready) & set(self.clients):
                # No byte: it was killed.
                for number in client.recv(4096) or [signal.SIGKILL]:
                    os.kill(self.clients[client], number)
            if self.listener in ready and (request := self.accept()) is not None:
                return request

    def reap(self) -> None:
        """Tells the clients of processes that have ended how these ended."""
        for client, pid in list(self.clients.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self.clients[client]
                try:
                    client.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "little", signed=True))
                except OSError:
                    pass  # it was killed
                client.close()

    def accept(self) -> dict | None:
        """The request, in the new process alone."""
        client, _ = self.listener.accept()
        head, descriptors, _, _ = socket.recv_fds(client, 8, 3)
        size, request = int.from_bytes(head, "little"), b""
        while len(request) < size:
            if not (part := client.recv(size - len(request))):
                raise EOFError("a client ended in the middle of its request")
            request += part
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for target, descriptor in enumerate(descriptors):
                os.dup2(descriptor, target)
            for other in (client, self.listener, *self.clients):
                other.close()
            for descriptor in (self.woken, self.wake, *descriptors):
                os.close(descriptor)
            return json.loads(request)
        for descriptor in descriptors:
            os.close(descriptor)
        self.clients[client] = pid
        return None


def become(request: dict, executable: str, paths: list[str]) -> list[str]:
    """Makes this process look like a new one. Returns the arguments behind -u."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.setpgid(0, 0)  # no session: Linux shares cores out to sessions first, whatever their niceness
    os.chdir(request["folder"])
    environment, arguments = request["environment"], request["arguments"]
    os.environ.clear()
    os.environ.update(environment)
    unbuffered = arguments[0] == "-u"
    if unbuffered or environment.get("PYTHONUNBUFFERED"):
        sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)
    if words := environment.get("PYTHONWARNINGS"):
        warnings._processoptions(words.split(","))  # noqa: SLF001, as the interpreter does
    sys.executable = executable
    sys.path = [*filter(None, environment.get("PYTHONPATH", "").split(":")), *paths]
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    return arguments[unbuffered:]


def execute(arguments: list[str]) -> None:
    """As the interpreter does: a script, -c or -m."""
    first, *rest = arguments
    if first == "-m":
        sys.argv = rest
        sys.path.insert(0, os.getcwd())
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        return
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    if first == "-c":
        source, name = rest[0].encode(), "<string>"
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(0, "")
    else:
        with open(first, "rb") as file:
            source, name = file.read(), first
        module.__file__ = os.path.abspath(first)
        sys.argv = arguments
        sys.path.insert(0, os.path.dirname(os.path.realpath(first)))
    exec(compile(source, name, "exec"), module.__dict__)


def exit_code(arguments: list[str]) -> int:
    """Executes and tells what happened: negative for the signal that is to end the process."""
    try:
        execute(arguments)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:  # noqa: BLE001, as the interpreter does
        sys.excepthook(type(error), error, error.__traceback__)
        return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


def run(arguments: list[str]) -> NoReturn:
    """Executes and ends as the interpreter does, but for the modules that were there before: to take them apart costs a second of CPU."""
    code = exit_code(arguments)
    threading._shutdown()  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    if (names := vars(sys.modules["__main__"])) is not globals():  # runpy has put this module back
        names.clear()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def main() -> None:
    descriptor, executable, *modules = sys.argv[1:]
    given = os.environ["PYTHONPATH"].split(":")
    for name in modules:
        importlib.import_module(name)
    folder = os.path.dirname(executable)
    if len(os.listdir("/proc/self/task")) > 1:
        shutil.rmtree(folder)
        sys.exit(f"forked: importing {' '.join(modules)} has started a thread, which no fork would have")
    gc.collect()
    gc.freeze()
    request = Server(socket.socket(fileno=int(descriptor)), folder).serve()
    run(become(request, executable, [path for path in sys.path[1:] if path not in given]))


main()
