"""A small server on 127.0.0.1 that hands out the live board, and nothing else, to this machine alone."""

from __future__ import annotations

import errno
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from harness.errors import ServeError
from harness.report.live import LiveBoard

HOST = "127.0.0.1"
LOOK_S = 1.0  # how often the board is looked at
IDLE_S = 10  # after which a connection without a request is ended
PLAIN = "default-src 'none'; frame-ancestors 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for what is shown; everything else is refused in a sentence."""

    server: BoardServer
    timeout = IDLE_S

    def parse_request(self) -> bool:
        """Let through what only reads, and means this server."""
        if not super().parse_request():
            return False
        if self.command not in ("GET", "HEAD"):
            self._say(HTTPStatus.METHOD_NOT_ALLOWED, "This server is only read: GET or HEAD.", {"Allow": "GET, HEAD"})
            return False
        if not self._is_meant():
            self._say(HTTPStatus.MISDIRECTED_REQUEST, f"This server answers to {self.server.address} only.")
            return False
        return True

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        shown = self.server.live.shown
        path = self.path.partition("?")[0]
        if path == "/":
            self._answer(
                HTTPStatus.OK if shown.content else HTTPStatus.SERVICE_UNAVAILABLE,
                "text/html; charset=utf-8",
                shown.page.html.encode(),
                f"{shown.page.policy}; frame-ancestors 'none'",
            )
        elif path == "/state":
            self._answer(HTTPStatus.OK, "application/json", msgspec.json.encode(shown.state))
        elif path in ("/board.csv", "/board.json"):
            if shown.content is None:
                self._say(HTTPStatus.SERVICE_UNAVAILABLE, shown.trouble)
            elif path == "/board.csv":
                self._answer(HTTPStatus.OK, "text/csv; charset=utf-8", shown.content.csv)
            else:
                self._answer(HTTPStatus.OK, "application/json", shown.content.json)
        else:
            self._say(HTTPStatus.NOT_FOUND, "There are /, /board.csv, /board.json and /state.")

    def _is_meant(self) -> bool:
        """Say whether the request names this server.

        A page elsewhere may have its own name point to 127.0.0.1 (DNS rebinding); the browser then sends that name.
        """
        names = self.headers.get_all("Host", [])
        return len(names) == 1 and names[0].strip().lower() in self.server.names

    def version_string(self) -> str:
        """Name no versions: `Server` is a header that anybody reads."""
        return "hemobench"

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Say what is wrong with a request that was not even one."""
        self._say(code, message or HTTPStatus(code).phrase)

    def _say(self, code: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        self._answer(code, "text/plain; charset=utf-8", f"{sentence}\n".encode(), headers=headers)

    def _answer(
        self, code: int, kind: str, content: bytes, policy: str = PLAIN, headers: dict[str, str] | None = None
    ) -> None:
        self.close_connection = True  # one answer a connection: nothing of a refused body is taken for a request
        self.send_response(code)
        told = {"Content-Type": kind, "Content-Length": str(len(content)), "Content-Security-Policy": policy}
        for name, value in (told | HEADERS | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: the page asks every few seconds."""


class BoardServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1; `port` 0 takes any that is free.

    Raises
    ------
    ServeError
        The port is taken, or needs rights.
    """

    def __init__(self, live: LiveBoard, port: int) -> None:
        self.live = live
        try:
            super().__init__((HOST, port), Handler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            what = "in use" if error.errno == errno.EADDRINUSE else "not yours to open"
            raise ServeError(
                f"Port {port} on {HOST} is {what}.", "Type: hemobench serve --port 0 (takes any that is free)"
            ) from error
        port = self.server_address[1]
        self.address = f"http://{HOST}:{port}/"
        known = (HOST, "localhost")
        self.names = {f"{name}:{port}" for name in known} | (set(known) if port == 80 else set())

    def server_bind(self) -> None:
        """Bind without asking a name server who 127.0.0.1 is, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a browser that left before its answer was out; a fault of ours is shown."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


@contextmanager
def listening(live: LiveBoard, port: int) -> Iterator[BoardServer]:
    """Answer in threads of their own while the block runs; at its end the port is free again."""
    with BoardServer(live, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def serve(
    live: LiveBoard, port: int, *, ready: Callable[[str], object], changed: Callable[[LiveBoard], object]
) -> None:
    """Serve until Ctrl-C.

    The calling thread gathers, so that Ctrl-C ends it at once; requests are answered meanwhile with what was gathered
    last.

    Parameters
    ----------
    live : LiveBoard
    port : int
    ready : callable
        Told the address when the board can be looked at.
    changed : callable
        Told each time that something else is shown.

    Raises
    ------
    ServeError
        The port cannot be had.
    """
    stop = threading.Event()
    with listening(live, port) as server:
        live.refresh()
        ready(server.address)
        while not stop.wait(LOOK_S):
            if live.refresh():
                changed(live)
