"""A judge's endpoint that repeats the key, speaks no HTTP, never ends; and keys, addresses and limits that cannot be.

Whatever the server sends, there is an answer or a message, in time, and the key is in neither, nor on disk.
"""

import contextlib
import json
import pickle
import socket
import threading
import time
import traceback

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rosettalaw.checksums import sealed
from rosettalaw.empirical.vision.judging import exchange
from rosettalaw.empirical.vision.judging.endpoint import PREFIX, EndpointJudge
from rosettalaw.empirical.vision.judging.key import Key
from rosettalaw.empirical.vision.judging.top_images import Exhibit
from rosettalaw.errors import InputError, RosettaError

KEY = "sk-SECRET-123456"
SECRET = "SECRET-1"
EXHIBIT = Exhibit(
    layer=0,
    unit=0,
    images=(np.zeros((4, 4, 3), np.uint8),) * 2,
    maps=np.zeros((2, 2, 2), np.float32),
    scores=np.zeros(2),
    labels=None,
    indices=np.arange(2),
)
SLOW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def head(length, *lines, status="200 OK"):
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, f"Content-Length: {length}", "", ""]).encode()


def says(content):
    """Return a whole reply in which the model says something."""
    body = json.dumps({"choices": [{"message": {"content": content}}]}).encode()
    return head(len(body)) + body


GOOD = says('{"monosemantic": true, "concept": "x"}')


def received(connection):
    piece = connection.recv(1 << 16)
    if not piece:
        raise ConnectionError
    return piece


class Server:
    """A server that answers each connection with `sent`: bytes, or a function of the connection and the question."""

    def __init__(self):
        self.sent = GOOD
        self.asked = []
        self.over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self._answering = []

    def _serve(self):
        while True:
            connection, _ = self._listening.accept()
            if self.over.is_set():
                connection.close()
                return
            self._answering.append(threading.Thread(target=self._answer, args=(connection,)))
            self._answering[-1].start()

    def _answer(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            asked = b""
            while b"\r\n\r\n" not in asked:
                asked += received(connection)
            top, _, body = asked.partition(b"\r\n\r\n")
            length = int(next(line.split(b":")[1] for line in top.split(b"\r\n") if line.startswith(b"Content-L")))
            while len(body) < length:
                body += received(connection)
            self.asked.append(top)
            sent = self.sent
            if callable(sent):
                sent(connection, top)
            else:
                connection.sendall(sent)

    def close(self):
        self.over.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listening.close()
        for thread in self._answering:
            thread.join()


@pytest.fixture(scope="module")
def server():
    made = Server()
    yield made
    made.close()


def judge_of(server, folder, **options):
    options = {"timeout": 5.0, "retries": 0, "pause": lambda seconds: None, **options}
    return EndpointJudge(f"http://127.0.0.1:{server.port}/v1", "m", options.pop("key", KEY), folder, **options)


def outcome(judge):
    """Return the answer or the message, with all that a traceback shows."""
    try:
        return repr(judge.judge(EXHIBIT))
    except RosettaError as error:
        return "".join(traceback.format_exception(error))


def on_disk(folder):
    return "".join(file.read_text() for file in folder.rglob("*") if file.is_file())


# ---------------------------------------------------------------------------------------------------------------------
# The key


@pytest.mark.parametrize("end", ["\r", "\n", "\r\nX-Evil: 1", " ", "\t", "\0", "…", "\x7f", "\udc80"], ids=ascii)
@pytest.mark.parametrize("place", [0, 5, len(KEY)])
def test_a_key_that_no_header_can_hold_is_refused_at_the_start_and_not_shown(tmp_path, end, place):
    wrong = KEY[:place] + end + KEY[place:]
    with pytest.raises(InputError, match=rf"ROSETTALAW_JUDGE_KEY = '…': .* character {place + 1} of {len(wrong)} is"):
        EndpointJudge("https://judge.example/v1", "m", wrong, tmp_path)
    with pytest.raises(InputError) as caught:
        EndpointJudge("https://judge.example/v1", "m", wrong, tmp_path)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert KEY[6:] not in shown
    assert KEY[:6] not in shown


def test_a_key_is_not_shown_nor_written_by_python():
    assert SECRET not in f"{Key(KEY, 'k')!r} {Key(KEY, 'k')}"
    with pytest.raises(TypeError, match="never written anywhere"):
        pickle.dumps(Key(KEY, "k"))


@given(before=st.text(max_size=20), after=st.text(max_size=20), change=st.sampled_from([str, str.upper, str.lower]))
@example(before="x" * 195, after="", change=str)
@example(before="sk-SECRE", after=KEY, change=str)
@SLOW
def test_no_stretch_of_the_key_is_left_in_a_text(before, after, change):
    """By brute force over all stretches of eight characters; what lies around it stays."""
    found = Key(KEY, "k").removed_from(before + change(KEY) + after)
    stretches = [KEY[i : i + 8].lower() for i in range(len(KEY) - 7)]
    assert not any(stretch in found.lower() for stretch in stretches)
    if not {*"bearersk-ct123456"} & {*(before + after).lower()}:
        assert found == f"{before}[key]{after}"


def test_texts_without_the_key_stay_as_they_are():
    for text in ("", "a cat on a mat", "sk-SECR", "İstanbul ẞ"):
        assert Key(KEY, "k").removed_from(text) == Key("", "k").removed_from(text) == text
    assert Key("EMPTY", "k").removed_from("an empty EMPTY street") == "an empty [key] street"
    assert Key("", "k").removed_from("Authorization: bearer  old-key.1 x") == "Authorization: Bearer [key] x"


def repeated(where):
    """Return a server that repeats the header with the key somewhere in its reply."""

    def sent(connection, top):
        line = next(line for line in top.decode().split("\r\n") if line.startswith("Authorization"))
        value = line.split(": ")[1]
        everything = {"monosemantic": True, "concept": "c", "raw": value, value: [value]}
        replies = {
            "concept": says(json.dumps(everything | {"concept": "y" * 190 + value})),
            "concept without Bearer": says(json.dumps(everything | {"concept": value[7:]})),
            "concept, cut": says(json.dumps(everything | {"concept": value[9:-2] + "…"})),
            "concept, no string": says(json.dumps(everything | {"concept": {value: value}})),
            "chatter": says(f"{value} {json.dumps(everything)} {value}"),
            "no JSON": says(value),
            "no string": says({"a": value}),
            "status line": f"HTTP/1.1 200{value}\r\n\r\n".encode(),
            "no status line": f"{value}\r\n\r\n".encode(),
            "reason": head(0, status=f"401 {value}"),
            "error page": head(len(value), status="500 x") + value.encode(),
            "header": b"HTTP/1.1 200 OK\r\n" + f"{value}\r\n".encode() * 200 + b"\r\n",
            "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + value.encode() + b"\r\nabc",
            "length": head(value),
            "pause": head(0, f"Retry-After: {value}", status="429 x"),
            "redirection": head(0, f"Location: http://[{value}", status="302 x"),
        }
        connection.sendall(replies[where])

    return sent


PLACES = "concept|concept without Bearer|concept, cut|concept, no string|chatter|no JSON|no string|status line"
PLACES += "|no status line|reason|error page|header|chunk|length|pause|redirection"


@pytest.mark.parametrize("where", PLACES.split("|"))
def test_a_server_that_repeats_the_key_gets_it_nowhere(server, tmp_path, where):
    server.sent = repeated(where)
    judge = judge_of(server, tmp_path / "answers")
    found = outcome(judge)
    assert SECRET not in found
    assert SECRET[:6] not in on_disk(tmp_path)
    if where.startswith(("concept", "chatter")):
        assert found.startswith("Answer(monosemantic=True")
        saved = json.loads(on_disk(tmp_path))
        assert set(saved) == {"monosemantic", "concept", "checksum"}


def test_an_older_cache_is_filtered_where_it_is_read(server, tmp_path):
    server.sent = GOOD
    assert judge_of(server, tmp_path).judge(EXHIBIT).reason == "x"
    (file,) = tmp_path.iterdir()
    old = {"monosemantic": False, "concept": f"said Bearer {KEY} and Bearer an-older-key", "raw": KEY, "n": [KEY]}
    file.write_text(json.dumps(old))
    asked = len(server.asked)
    answer = judge_of(server, tmp_path).judge(EXHIBIT)
    assert (answer.monosemantic, answer.reason) == (False, "said Bearer [key] and Bearer [key]")
    assert len(server.asked) == asked
    filtered = {"monosemantic": False, "concept": answer.reason}
    assert json.loads(file.read_text()) == sealed(filtered)


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "[" * 100000, '{"monosemantic": 1}', "\0", "9" * 6000])
def test_a_damaged_cache_is_asked_again(server, tmp_path, text):
    server.sent = GOOD
    judge_of(server, tmp_path).judge(EXHIBIT)
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    assert judge_of(server, tmp_path).judge(EXHIBIT).reason == "x"
    assert json.loads(file.read_text())["concept"] == "x"


def test_words_of_a_server_hold_no_control_characters(server, tmp_path):
    server.sent = says(json.dumps({"monosemantic": True, "concept": "\x1b[31mred\x1b]0;title\x07\u202e\n cat"}))
    reason = judge_of(server, tmp_path).judge(EXHIBIT).reason
    assert reason == "[31mred ]0;title cat"


# ---------------------------------------------------------------------------------------------------------------------
# Replies

FRAGMENTS = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 429 x",
    b"HTTP/1.1 100 Continue",
    b"HTTP/1.1 99999999999 x",
    b"HTTP/9.9 200",
    b"HTTP/1.1 301 x",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"Content-Length: 5",
    b"Content-Length: -5",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: chunked",
    b"Content-Encoding: gzip",
    b"Location: http://[",
    b"Location: //",
    b"Retry-After: \xb2",
    b"Retry-After: -1",
    b"X: y",
    b"ffffffffffffffffffff",
    b"0",
    b"5\r\nabcde\r\n",
    b"\x00\xff",
    b'{"choices":',
    b"[" * 100000,
    b"9" * 6000,
    json.dumps({"choices": [{"message": {"content": '{"monosemantic": false}'}}]}).encode(),
]


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=30)), max_size=12).map(b"".join))
@example(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2000 + b"\r\n")
@example(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100000 + b"\r\n\r\n")
@example(head(9999) + b'{"cho')
@example(head(200000) + b"[" * 200000)
@example(says('{"a":' * 100000 + "}"))
@example(says("{" * 100000))
@example(says('{"monosemantic":"true"}'))
@example(says(None))
@example(head(0, "Retry-After: " + "9" * 5000, status="429 x"))
@settings(parent=SLOW, max_examples=60)
def test_whatever_a_server_sends_there_is_an_answer_or_a_message(server, tmp_path, sent):
    server.sent = sent
    with contextlib.suppress(RosettaError):
        judge_of(server, tmp_path, retries=1).judge(EXHIBIT)


@pytest.mark.parametrize(
    ("asked", "waited"),
    [("7", 7.0), ("99999999", 60.0), ("9" * 5000, 60.0), ("-5", 1.0), ("²", 1.0), ("1.5", 1.0), ("٣", 1.0), ("", 1.0)],
)
def test_the_pause_a_server_asks_for_is_a_number_of_seconds(server, tmp_path, asked, waited):
    pauses = []
    server.sent = (
        head(0, status="429 x")[:-2].replace(b"Content", f"Retry-After: {asked}\r\nContent".encode()) + b"\r\n"
    )
    with pytest.raises(RosettaError, match=r"no answer after 2 tries \(HTTP 429\)"):
        judge_of(server, tmp_path, retries=1, pause=pauses.append).judge(EXHIBIT)
    assert pauses == [waited]


def dripping(first, then):
    def sent(connection, top):
        connection.sendall(first)
        for _ in range(2000):
            connection.sendall(then)
            time.sleep(0.02)

    return sent


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (head(100000), b" "),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"", b"H"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
)
def test_the_time_limit_is_for_the_whole_answer_and_nothing_is_left_behind(server, tmp_path, first, then):
    """Every single read is in time."""
    server.sent = dripping(first, then)
    before = threading.active_count()
    begun = time.monotonic()
    with pytest.raises(RosettaError, match=r"after 1 tries \((incomplete after 0.2 seconds|no answer in time)"):
        judge_of(server, tmp_path, timeout=0.2).judge(EXHIBIT)
    assert time.monotonic() - begun < 20  # the dripping takes 40
    while threading.active_count() > before + 1 and time.monotonic() - begun < 30:
        time.sleep(0.01)
    assert threading.active_count() <= before + 1  # the server's own


def test_a_reply_beyond_the_limit_is_left(server, tmp_path):
    sent = []

    def endless(connection, top):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(600):
            connection.sendall(b" " * (1 << 20))
            sent.append(1)

    server.sent = endless
    with pytest.raises(RosettaError, match=r"\(longer than 1 MiB\)"):
        judge_of(server, tmp_path).judge(EXHIBIT)
    assert len(sent) < 50


def test_a_server_on_this_machine_is_asked_past_proxies(server, tmp_path, monkeypatch):
    """The key would travel unencrypted."""
    server.sent = GOOD
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert judge_of(server, tmp_path).judge(EXHIBIT).monosemantic


# ---------------------------------------------------------------------------------------------------------------------
# Settings

ADDRESSES = [
    "http://[::1",
    "http://127.0.0.1:abc/v1",
    "http://127.0.0.1:99999/v1",
    "http://127.0.0.1:0/v1",
    "http://127.0.0.1:-1/v1",
    "http://127.0.0.1/v1 x",
    "http://127.0.0.1/v1\r\nX: y",
    "http://",
    "https:///v1",
    "ftp://x",
    "//x/v1",
    "https://a..b/v1",
    "https://" + "a" * 70 + ".example/v1",
    "https://ex\u00e4mple/v1",
    "https://x/v1?api-key=SECRET-1",
    "https://x/v1#SECRET-1",
    "https://user:SECRET-1@x/v1",
    "http://user:SECRET-1@[::1",
    f"{KEY}",
]


@pytest.mark.parametrize("url", ADDRESSES)
def test_addresses_that_are_none_are_refused_and_what_is_secret_in_them_is_not_shown(tmp_path, url):
    with pytest.raises(InputError, match="ROSETTALAW_JUDGE_URL = ") as caught:
        EndpointJudge(url, "m", KEY, tmp_path)
    assert SECRET not in str(caught.value)


@given(st.text(max_size=30), st.sampled_from(["", "http://", "https://", "https://a", "http://localhost:"]))
@SLOW
def test_any_text_is_an_address_or_refused(tmp_path, text, begin):
    with contextlib.suppress(InputError):
        EndpointJudge(begin + text, "m", "", tmp_path)


def test_addresses_that_are_some(tmp_path):
    for url in (
        "https://judge.example/v1",
        "http://localhost:8000",
        "http://[::1]:80/v1/",
        "https://xn--exmple-cua/v1",
    ):
        assert EndpointJudge(url, "m", KEY, tmp_path).name.startswith("m at ")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e300])
def test_times_that_are_none(tmp_path, timeout):
    with pytest.raises(InputError, match=r"timeout = .*must be seconds, above 0"):
        EndpointJudge("https://x/v1", "m", KEY, tmp_path, timeout=timeout)


@pytest.mark.parametrize("retries", [-1, 1.5, 10**9])
def test_numbers_of_tries_that_are_none(tmp_path, retries):
    with pytest.raises(InputError, match=r"retries = .*must be a whole number from 0 to 1000"):
        EndpointJudge("https://x/v1", "m", KEY, tmp_path, retries=retries)


def test_pauses_grow_to_a_minute_and_no_further(server, tmp_path):
    pauses = []
    server.sent = head(0, status="500 x")
    with pytest.raises(RosettaError, match="no answer after 9 tries"):
        judge_of(server, tmp_path, retries=8, pause=pauses.append).judge(EXHIBIT)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_name_of_a_judge_holds_no_key_and_can_be_written(tmp_path):
    assert SECRET not in EndpointJudge("https://x/v1", f"model {KEY}", KEY, tmp_path).name
    for model in ("a\x1b[1m", "a\nb", "\udc80"):
        with pytest.raises(InputError, match=f"{PREFIX}MODEL"):
            EndpointJudge("https://x/v1", model, KEY, tmp_path)


def test_encrypted_questions_go_to_servers_with_a_certificate_alone(server, tmp_path):
    server.sent = GOOD
    judge = EndpointJudge(f"https://127.0.0.1:{server.port}/v1", "m", KEY, tmp_path, 0.5, 0)
    asked = len(server.asked)
    assert "no answer after 1 tries" in outcome(judge)
    assert len(server.asked) == asked


def test_the_limit_on_a_reply_is_what_the_message_says():
    assert exchange.REPLY == 1 << 20
