"""What stands for Python in tests/forked: has the server fork a process, hands it the signals that come, and ends as it ends.

When this one is killed, the server kills the other.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def main() -> None:
    server = socket.socket(socket.AF_UNIX)
    server.connect(os.path.join(os.path.dirname(sys.argv[0]), "socket"))
    for number in FORWARDED:
        signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    # They wait until the request has been sent.
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    request = json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}).encode()
    socket.send_fds(server, [len(request).to_bytes(8, "little")], [0, 1, 2])
    server.sendall(request)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    told = server.recv(8)
    if not told:
        sys.exit("forked: the server has ended")
    code = int.from_bytes(told, "little", signed=True)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code in FORWARDED else None
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
