"""A small server that hands out the live board, and nothing else: to this machine alone, or to whoever reaches it."""

from __future__ import annotations

import errno
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypedDict

import msgspec
import psutil

from harness.errors import ServeError
from harness.report.live import LiveBoard

HOST, PORT = "127.0.0.1", 8765
WAITING = 1024  # connections that wait to be taken: a class presses the button at once
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
            zipped = "gzip" in self.headers.get("Accept-Encoding", "")
            self._answer(
                HTTPStatus.OK if shown.content else HTTPStatus.SERVICE_UNAVAILABLE,
                "text/html; charset=utf-8",
                shown.zipped if zipped else shown.html,
                f"{shown.page.policy}; frame-ancestors 'none'",
                {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if zipped else {}),
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
        return len(names) == 1 and self.server.answers_to(names[0].strip().lower())

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
    """Listens on an address of this machine.

    Parameters
    ----------
    live : LiveBoard
    port : int
        0 takes any that is free.
    host : str
        An IPv4 address; 0.0.0.0 stands for all of this machine's.
    names : sequence of str
        Further names that a request may call this server by, with any port or none: of a proxy before it, say.

    Raises
    ------
    ServeError
        The port is taken, or needs rights, or the address is none of this machine.
    """

    request_queue_size = WAITING

    def __init__(self, live: LiveBoard, port: int, host: str = HOST, names: Sequence[str] = ()) -> None:
        self.live, self.host = live, host
        try:
            super().__init__((host, port), Handler)
        except socket.gaierror as error:
            raise _no_address(host) from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise _no_address(host) from error
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            what = "in use" if error.errno == errno.EADDRINUSE else "not yours to open"
            raise ServeError(
                f"Port {port} on {host} is {what}.", "Type: hemobench serve --port 0 (takes any that is free)"
            ) from error
        port = self.server_address[1]
        own = _names_of(host)
        self.address = f"http://{names[0] if names else own[0]}:{port}/"
        self.names = {f"{name}:{port}" for name in own} | (set(own) if port == 80 else set())
        self._more = {name.lower() for name in names}

    def answers_to(self, name: str) -> bool:
        """Say whether the Host header of a request names this server."""
        return name in self.names or name.partition(":")[0] in self._more

    def server_bind(self) -> None:
        """Bind without asking a name server who the address is, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.host, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a browser that left before its answer was out; a fault of ours is shown."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def _names_of(host: str) -> list[str]:
    """Return what this machine may be called by who reaches it on an address, as a browser writes it."""
    if host == "0.0.0.0":
        found = [one.address for of in psutil.net_if_addrs().values() for one in of if one.family == socket.AF_INET]
        return [socket.gethostname().lower(), *found, "localhost"]
    return [host.lower(), *(["localhost"] if host == HOST else [])]


def _no_address(host: str) -> ServeError:
    return ServeError(
        f"{host} is no address of this machine.", "Type: hemobench serve --host 0.0.0.0 (all that it has)"
    )


@contextmanager
def listening(live: LiveBoard, port: int, host: str = HOST, names: Sequence[str] = ()) -> Iterator[BoardServer]:
    """Answer in threads of their own while the block runs; at its end the port is free again."""
    with BoardServer(live, port, host, names) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class ServeTerms(TypedDict, total=False):
    """Where the board is served, `port`, `host` and `names` as `BoardServer` takes them, and who is told of it.

    ``ready`` is told the address when the board can be looked at, ``changed`` each time that something else is shown.
    """

    port: int
    host: str
    names: Sequence[str]
    ready: Callable[[str], object]
    changed: Callable[[LiveBoard], object]


def serve(
    live: LiveBoard,
    port: int = PORT,
    host: str = HOST,
    names: Sequence[str] = (),
    ready: Callable[[str], object] = lambda address: None,
    changed: Callable[[LiveBoard], object] = lambda live: None,
) -> None:
    """Serve until Ctrl-C, on `ServeTerms`.

    The calling thread gathers, so that Ctrl-C ends it at once; requests are answered meanwhile with what was gathered
    last.

    Raises
    ------
    ServeError
        The port cannot be had.
    """
    with listening(live, port, host, names) as server:
        live.refresh()
        ready(server.address)
        if live.trouble:
            changed(live)
        for _ in live.changes():
            changed(live)
