"""Who is answered, with what, and under which headers."""

import base64
import gzip
import hashlib
import re
import socket
from http.client import HTTPConnection

import msgspec
import pytest

from harness.analysis.build import BoardSource
from harness.errors import ServeError
from harness.report.live import LiveBoard
from harness.report.server import BoardServer, listening

PATHS = ("/", "/state", "/board.csv", "/board.json")


def ask(server, path="/", method="GET", hosts=None):
    """Return status, headers and body of one answer."""
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=120)
    connection.putrequest(method, path, skip_host=True)
    for host in [f"127.0.0.1:{server.server_port}"] if hosts is None else hosts:
        connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/?any=thing", "text/html; charset=utf-8"),
        ("/state", "application/json"),
        ("/board.csv", "text/csv; charset=utf-8"),
        ("/board.json", "application/json"),
    ],
)
def test_what_is_shown_is_handed_out(server, live, path, kind):
    status, headers, body = ask(server, path)
    assert (status, headers["Content-Type"]) == (200, kind)
    assert int(headers["Content-Length"]) == len(body)
    shown = {
        "/": live.shown.page.html.encode(),
        "/state": msgspec.json.encode(live.shown.state),
        "/board.csv": live.shown.content.csv,
        "/board.json": live.shown.content.json,
    }
    assert body == shown[path.split("?")[0]]


@pytest.mark.parametrize("path", [*PATHS, "/nothing", "/../pyproject.toml", "//evil.example/", "/etc/passwd", "*"])
def test_every_answer_is_guarded(server, path):
    _, headers, _ = ask(server, path)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Server"] == "hemobench"


def test_the_policy_lets_in_the_two_scripts_of_the_page_and_its_own_server(server):
    _, headers, body = ask(server)
    policy, page = headers["Content-Security-Policy"], body.decode()
    assert "unsafe" not in policy
    assert "connect-src 'self'" in policy
    own = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1].replace("&#39;", "'")
    assert policy == f"{own}; frame-ancestors 'none'"
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert len(scripts) == 2
    for script in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(server, path):
    status, headers, body = ask(server, path, "HEAD")
    got, expected, whole = ask(server, path)
    assert (status, body) == (got, b"")
    assert {**headers, "Date": ""} == {**expected, "Date": ""}
    assert int(headers["Content-Length"]) == len(whole)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "SUBMIT"])
def test_it_is_only_read(server, method):
    status, headers, body = ask(server, "/", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert body == b"This server is only read: GET or HEAD.\n"


@pytest.mark.parametrize("path", ["/nothing", "/board.html", "/../pyproject.toml", "/%2e%2e/", "http://evil.example/"])
def test_what_is_not_there_is_said_to_be_so(server, path):
    assert ask(server, path)[0] == 404


def test_it_answers_to_its_own_names_alone(server):
    port = server.server_port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LocalHost:{port}"):
        assert ask(server, "/", hosts=[host])[0] == 200
    strangers = ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "127.0.0.1", "localhost",
                 f"localhost:{port + 1}", f"127.0.0.2:{port}", f"[::1]:{port}", f"localhost.:{port}", "")  # fmt: skip
    for host in strangers:
        for path in PATHS:
            status, _, body = ask(server, path, hosts=[host])
            assert status == 421, host
            assert b"team" not in body
    assert ask(server, "/", hosts=[])[0] == 421
    assert ask(server, "/", hosts=[f"localhost:{port}", "evil.example"])[0] == 421


def test_to_a_class_it_answers_by_this_machine_s_names_and_those_given(live):
    with listening(live, 0, "0.0.0.0", ["board.example.edu"]) as server:
        port = server.server_port
        assert server.address == f"http://board.example.edu:{port}/"
        assert server.socket.getsockname()[0] == "0.0.0.0"
        own = [f"127.0.0.1:{port}", f"localhost:{port}", f"{socket.gethostname()}:{port}"]
        for host in (*own, "board.example.edu", "Board.Example.edu:443", f"board.example.edu:{port}"):
            status, _, body = ask(server, "/", hosts=[host])
            assert status == 200 and b"team 0" in body, host
        for host in ("evil.example", f"evil.example:{port}", "board.example.edu.evil.example", "0.0.0.0", ""):
            assert ask(server, "/", hosts=[host])[0] == 421, host
        assert ask(server, "/", "POST", ["board.example.edu"])[0] == 405


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-name.invalid"])
def test_an_address_that_is_not_this_machine_s_is_told(live, host):
    with pytest.raises(ServeError, match="no address of this machine"):
        BoardServer(live, 0, host)


def test_the_page_is_sent_compressed_to_who_takes_it(server, live):
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=120)
    connection.request("GET", "/", headers={"Accept-Encoding": "br, gzip"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(body) == live.shown.page.html.encode()
    assert len(body) < len(live.shown.page.html) / 2


def test_the_board_is_in_the_page_without_a_script(server):
    page = re.sub(r"<script>.*?</script>", "", ask(server)[2].decode(), flags=re.S)
    board = re.search(r'<table[^>]*id="board".*?</table>', page, re.S)[0]
    assert re.findall(r">(team \d)", board) == ["team 0", "team 1", "team 2"]


def test_it_listens_on_127_0_0_1_alone(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.server_port), timeout=5)


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\r\n\r\n",
             b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n"]
)  # fmt: skip
def test_what_is_no_request_gets_a_sentence_and_no_board(server, capfd, sent):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=120) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert b"team" not in answer
    assert b"<html" not in answer
    assert ask(server)[0] == 200
    assert capfd.readouterr().err == ""


def test_a_reader_who_leaves_half_way_is_passed_over(server, capfd):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=120) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing resets
    assert ask(server)[0] == 200
    assert capfd.readouterr().err == ""


def test_a_port_in_use_is_told_of_with_what_to_type(server, live):
    with pytest.raises(ServeError) as caught:
        BoardServer(live, server.server_port)
    assert caught.value.message == f"Port {server.server_port} on 127.0.0.1 is in use."
    assert caught.value.hint == "Type: hemobench serve --port 0 (takes any that is free)"


def test_the_port_is_free_again_at_the_end(live):
    with listening(live, 0) as first:
        port = first.server_port
        assert ask(first)[0] == 200
    with listening(live, port) as second:
        assert ask(second)[0] == 200


def test_before_there_is_a_board_the_page_says_why(desk):
    desk.workspace.ledger.write_bytes(b"no receipt\n")
    desk.workspace.board.unlink()
    live = LiveBoard(BoardSource(desk.workspace, "small"))
    live.refresh()
    with listening(live, 0) as server:
        status, headers, body = ask(server)
        assert status == 503
        assert b"hemobench ledger audit" in body
        assert "connect-src 'self'" in headers["Content-Security-Policy"]
        assert msgspec.json.decode(ask(server, "/state")[2])["version"] == ""
        for path in ("/board.csv", "/board.json"):
            status, _, body = ask(server, path)
            assert status == 503
            assert body.decode() == f"{live.shown.trouble}\n"
