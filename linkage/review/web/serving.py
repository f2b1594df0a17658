"""Serves the application on the loopback address, in one process."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from linkage.errors import LinkageError
from linkage.review.store import Store
from linkage.review.web.application import make_application

HOST = "127.0.0.1"
_WAITING = 512  # connections


def serve(store: Store, port: int, tell: Callable[[str], None], *, is_behind_https: bool = False) -> None:
    """Serve until a signal ends it. LinkageError where the port is taken.

    tell : called with the address when it is listened on
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(_WAITING)  # who asks from now on waits until it is answered
    except OSError as error:
        listening.close()
        raise LinkageError(f"--port {port}: cannot be listened on ({error.strerror}); choose another one") from error
    # Addresses and paths are about people: what was done stands in the audit, not in a log of requests.
    options = {"access_log": False, "server_header": False, "date_header": False, "log_level": "warning"}
    configuration = uvicorn.Config(make_application(store, is_behind_https=is_behind_https), **options)  # type: ignore[arg-type]
    with listening:
        tell(f"http://{HOST}:{port}")
        uvicorn.Server(configuration).run(sockets=[listening])
