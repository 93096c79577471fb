"""A pinned file is fetched once, resumed where it was cut, and never takes the place of a good one by mistake."""

import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.errors import SourceError
from harness.sources.download import fetch

BODY = bytes(range(256)) * 10_000  # 2.56 MB
MD5 = hashlib.md5(BODY).hexdigest()
NAME = "cells.npz"


class Server(ThreadingHTTPServer):
    """Serves one body; keeps the Range of each request; can break off and misbehave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = BODY
        self.cuts: list[int] = []  # after how many bytes to break off, one for each request to come
        self.status: int | None = None
        self.knows_ranges = True
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{NAME}?download=1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.ranges.append(asked)
        body, total = self.server.body, len(self.server.body)
        if self.server.status:
            self.send_error(self.server.status)
            return
        if asked and self.server.knows_ranges:
            first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if first >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = body[first:]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cuts.pop(0)] if self.server.cuts else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def refusal(server: Server, cache: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        fetch(server.url, NAME, MD5, cache)
    assert f"fetch {server.url} in another way, and add --source PATH/{NAME}" in caught.value.hint
    return caught.value


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_downloaded_whole_and_never_twice(server, tmp_path):
    cache = tmp_path / "new" / "cache"
    for _ in range(2):
        path = fetch(server.url, NAME, MD5, cache)
        assert path == cache / NAME
        assert path.read_bytes() == BODY
    assert server.ranges == [None]
    assert names(cache) == [NAME]


def test_progress_counts_megabytes(server, tmp_path):
    seen = []

    def track(items, what, total):
        for item in items:
            seen.append((item, what, total))
            yield item

    fetch(server.url, NAME, MD5, tmp_path, track=track)
    assert seen == [(i, "downloading cells.npz (MB)", 2) for i in (1, 2)]


def test_a_connection_that_breaks_is_resumed_at_once_from_where_it_was(server, tmp_path):
    server.cuts = [1_000_000, 900_000]
    assert fetch(server.url, NAME, MD5, tmp_path).read_bytes() == BODY
    first, second, third = server.ranges
    assert first is None
    kept = [int(span.removeprefix("bytes=").removesuffix("-")) for span in (second, third)]
    assert 900_000 < kept[0] <= 1_000_000
    assert 1_700_000 < kept[1] <= 1_900_000


def test_a_download_that_broke_off_is_resumed_by_the_next_call(server, tmp_path):
    server.cuts = [1_000_000, 0]
    error = refusal(server, tmp_path)
    assert re.search(r"broke off; its first 9\d{5} bytes are kept", error.message)
    assert names(tmp_path) == [NAME + ".part"]
    assert fetch(server.url, NAME, MD5, tmp_path).read_bytes() == BODY
    assert server.ranges[0] is None
    assert server.ranges[1] == server.ranges[2]
    assert names(tmp_path) == [NAME]


def test_a_whole_part_left_by_a_killed_process_is_not_downloaded_again(server, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(BODY)
    assert fetch(server.url, NAME, MD5, tmp_path).read_bytes() == BODY
    assert server.ranges == [f"bytes={len(BODY)}-"]


def test_a_part_longer_than_the_file_is_given_up(server, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(BODY + b"x")
    assert fetch(server.url, NAME, MD5, tmp_path).read_bytes() == BODY
    assert server.ranges == [f"bytes={len(BODY) + 1}-", None]


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    server.knows_ranges = False
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:1000])
    assert fetch(server.url, NAME, MD5, tmp_path).read_bytes() == BODY


def test_wrong_bytes_are_thrown_away_and_the_next_call_starts_afresh(server, tmp_path):
    server.body = b"<html>log in first</html>"
    error = refusal(server, tmp_path)
    assert "another MD5" in error.message
    assert names(tmp_path) == []
    server.body = BODY
    assert fetch(server.url, NAME, MD5, tmp_path).read_bytes() == BODY
    assert server.ranges == [None, None]


@pytest.mark.parametrize("fault", ["cut", "wrong bytes", "refused"])
def test_an_old_file_stays_until_a_whole_right_one_is_here(server, tmp_path, fault):
    old = tmp_path / NAME
    old.write_bytes(b"an older release")
    if fault == "cut":
        server.cuts = [1_000_000, 0]
    elif fault == "wrong bytes":
        server.body = BODY[:-1]
    else:
        server.status = 503
    refusal(server, tmp_path)
    assert old.read_bytes() == b"an older release"
    server.cuts, server.body, server.status = [], BODY, None
    assert fetch(server.url, NAME, MD5, tmp_path).read_bytes() == BODY


def test_an_answer_that_is_no_file_is_reported_with_its_status(server, tmp_path):
    server.status = 404
    assert "404" in refusal(server, tmp_path).message
    assert names(tmp_path) == []


def test_without_a_network_the_host_and_the_way_by_hand_are_named(server, tmp_path):
    server.shutdown()
    server.server_close()
    error = refusal(server, tmp_path)
    assert error.message == f"No connection to 127.0.0.1:{server.server_port}, so {NAME} could not be downloaded."
