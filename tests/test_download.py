"""Fetching a file from servers that drip, break off and lie."""

import hashlib
import http.server
import re
import threading
import time
from functools import partial

import numpy as np
import pytest

from utils.core.progress import Progress
from utils.images import cifar10, download
from utils.images.download import fetch

SIZE = 300_000
CONTENT = np.random.RandomState(0).bytes(SIZE)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends `server.content` as the server is told to; notes from where it was asked for it."""

    def do_GET(self):
        server, content = self.server, self.server.content
        asked = self.headers.get("Range")
        start = int(re.search(r"bytes=(\d+)-", asked)[1]) if asked else 0
        server.asked.append(start)
        if server.status:
            return self.send_error(server.status)
        if start >= len(content):
            return self.send_error(416)
        start = (server.range_starts or start) if start and server.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if server.tells_length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = min(len(content), start + server.most)
        for at in range(start, end, server.drop):
            self.wfile.write(content[at : min(end, at + server.drop)])
            self.wfile.flush()
            time.sleep(server.pause)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Starts a server that sends the content; what is given differs."""
    running = []

    def start(**how):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # one who hangs up is no news
        usual = {"content": CONTENT, "status": 0, "ranges": True, "range_starts": 0}
        usual |= {"tells_length": True}
        usual |= {"most": SIZE, "drop": 1 << 16, "pause": 0, "asked": []}
        vars(server).update(usual | how)
        threading.Thread(target=partial(server.serve_forever, 0.01), daemon=True).start()
        running.append(server)
        server.url = f"http://127.0.0.1:{server.server_port}/archive.tar.gz"
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def fetched(path, *servers, **how):
    urls = [server.url for server in servers]
    how = {"floor": 1_000_000, "patience": 0.2, "timeout": 1} | how
    return fetch(path / "archive.tar.gz", urls, MD5, SIZE, **how)


def left(path):
    return sorted(file.name for file in path.iterdir())


def test_a_good_mirror_is_asked_once(serve, tmp_path):
    good, second = serve(), serve()
    assert fetched(tmp_path, good, second).read_bytes() == CONTENT
    assert (good.asked, second.asked) == ([0], [])
    assert left(tmp_path) == ["archive.tar.gz"]


def test_one_that_drips_is_left_and_the_next_sends_the_rest(serve, tmp_path):
    dripping, good = serve(drop=1000, pause=0.02), serve()  # 50 kB/s at most
    assert fetched(tmp_path, dripping, good).read_bytes() == CONTENT
    (start,) = good.asked
    assert 0 < start < SIZE / 2


def test_the_only_one_may_drip(serve, tmp_path):
    dripping = serve(drop=10_000, pause=0.02)
    assert fetched(tmp_path, dripping).read_bytes() == CONTENT
    assert dripping.asked == [0]


def test_one_that_drips_is_asked_again_when_the_others_failed(serve, tmp_path):
    dripping, broken = serve(drop=10_000, pause=0.02), serve(status=503)
    assert fetched(tmp_path, dripping, broken).read_bytes() == CONTENT
    first, second = dripping.asked
    assert first == 0 < second


def test_one_that_falls_silent_is_left(serve, tmp_path):
    silent, good = serve(drop=100_000, pause=30), serve()
    assert fetched(tmp_path, silent, good, timeout=0.2).read_bytes() == CONTENT
    assert good.asked == [100_000]


def test_what_came_before_it_broke_off_is_kept_for_the_next_call(serve, tmp_path):
    broken = serve(most=120_000)
    for came in (120_000, 240_000):
        with pytest.raises(OSError, match=r"^127\.0\.0\.1: broke off \d+ bytes before the end$"):
            fetched(tmp_path, broken)
        assert left(tmp_path) == [".archive.tar.partial.gz"]
        assert (tmp_path / ".archive.tar.partial.gz").stat().st_size == came
    assert fetched(tmp_path, broken).read_bytes() == CONTENT
    assert broken.asked == [0, 120_000, 240_000]
    assert left(tmp_path) == ["archive.tar.gz"]


def test_one_that_sends_all_of_it_again_is_not_appended_to(serve, tmp_path):
    broken, whole = serve(most=120_000), serve(ranges=False)
    assert fetched(tmp_path, broken, whole).read_bytes() == CONTENT
    assert whole.asked == [120_000]


def test_other_content_is_never_kept(serve, tmp_path):
    lying = serve(content=CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(OSError, match=f"other content than MD5 {MD5}"):
        fetched(tmp_path, lying)
    assert left(tmp_path) == []
    assert fetched(tmp_path, lying, serve()).read_bytes() == CONTENT


def test_a_lie_in_the_first_part_does_not_discredit_the_second_mirror(serve, tmp_path):
    lying, good = serve(content=bytes(SIZE), most=120_000), serve()
    assert fetched(tmp_path, lying, good).read_bytes() == CONTENT
    assert good.asked == [120_000, 0]


def test_another_size_is_refused_before_anything_is_overwritten(serve, tmp_path):
    broken, page = serve(most=120_000), serve(content=b"<html>sign in</html>")
    with pytest.raises(OSError, match=r"broke off 180000 bytes before the end; .*has 20 bytes"):
        fetched(tmp_path, broken, page)
    assert (tmp_path / ".archive.tar.partial.gz").read_bytes() == CONTENT[:120_000]


def test_one_need_not_say_how_large_the_file_is(serve, tmp_path):
    assert fetched(tmp_path, serve(tells_length=False)).read_bytes() == CONTENT


def test_one_that_sends_another_part_is_asked_for_all(serve, tmp_path):
    broken, other = serve(most=120_000), serve(range_starts=100_000)
    assert fetched(tmp_path, broken, other).read_bytes() == CONTENT
    assert other.asked == [120_000, 0]


def test_each_mirror_that_failed_is_named_in_one_line(serve, tmp_path):
    gone, busy = serve(), serve(status=503)
    gone.shutdown()
    gone.server_close()
    with pytest.raises(OSError, match=r"HTTP Error 503.*; 127\.0\.0\.1: .*refused") as caught:
        fetched(tmp_path, busy, gone)
    assert "\n" not in str(caught.value)


def test_interrupted_after_the_last_byte_it_is_only_checked(serve, tmp_path):
    (tmp_path / ".archive.tar.partial.gz").write_bytes(CONTENT)
    never = serve(status=500)
    assert fetched(tmp_path, never).read_bytes() == CONTENT
    assert never.asked == []


def test_rate_and_what_is_left_are_told(serve, tmp_path, monkeypatch):
    told = []

    class Recorded(Progress):
        def advance(self, work, note=""):
            super().advance(work, note)
            told.append((self.title, self.total, self.done, note))

    monkeypatch.setattr(download, "Progress", Recorded)
    broken = serve(most=120_000)
    with pytest.raises(OSError, match="broke off"):
        fetched(tmp_path, broken)
    fetched(tmp_path, dripping := serve(drop=60_000, pause=0.1))
    first, last = told[0], told[-1]
    assert first[:2] == (f"Fetching {broken.url}", 300_000)
    assert last[:3] == (f"Fetching the rest of {dripping.url}", 180_000, 180_000)
    rate = float(re.fullmatch(r"(\d+\.\d) MB/s", last[3])[1])
    assert 0 <= rate < 1  # three drops, a tenth of a second apart


def test_cifar10_has_two_mirrors_of_one_archive():
    assert len(set(cifar10.MIRRORS)) == 2
    assert all(url.endswith("/cifar-10-python.tar.gz") for url in cifar10.MIRRORS)
