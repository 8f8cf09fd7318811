"""One question put to a server over HTTP, and its reply, within a limit of time and one of size.

Python's own client has a time limit for each single read, and reads whatever comes. Here a question is asked in a
thread of its own that is left, its connection shut, when the time for the whole of it is over: finding the address,
connecting, encrypting, headers and body together.
"""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ....errors import InputError

REPLY = 1 << 20  # bytes: some hundred thousand words, where a few are expected
PIECE = 1 << 16


@dataclass(frozen=True)
class Reply:
    """A server's status, the pause it asks for, and its body (empty unless the status is a success)."""

    status: int
    retry_after: str
    body: bytes


class NoReply(Exception):
    """A question without a whole reply; the text says why, in words of ours alone."""


def address(url: str, argument: str, show: Callable[[str], str]) -> SplitResult:
    """Return the parts of the address of a server; `show` takes out of it what messages do not show.

    Raises
    ------
    InputError
        If it is not an http(s) address, or holds a name, password, question or fragment. Messages show the
        part before these.
    """
    example = f"export {argument}=https://…/v1"
    plain = url.split("?")[0].split("#")[0]
    shown = show(plain if "@" not in plain else "…@" + plain.rpartition("@")[2])
    if not all("!" <= character <= "~" for character in url):
        rule = "must be visible ASCII characters only: no spaces, other letters percent-encoded"
        raise InputError(argument, shown, rule, example)
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").encode("idna")
    except ValueError as error:  # of brackets, of a port, of a name's length
        raise InputError(argument, shown, "must be an http(s) address, with a port from 1 to 65535", example) from error
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise InputError(argument, shown, "must be an http(s) address", example)
    if "@" in parts.netloc or parts.query or parts.fragment:
        rule = "must not contain a password or settings; the key has its own environment variable"
        raise InputError(argument, shown, rule, example)
    return parts


def ask(url: str, body: bytes, headers: dict[str, str], timeout: float, direct: bool = False) -> Reply:
    """Post a question; redirections are not followed.

    Parameters
    ----------
    url : str
        Address.
    body : bytes
        The question.
    headers : dict
        Headers sent with it.
    timeout : float
        Seconds for the whole of it.
    direct : bool
        Go past the proxies that the environment names.

    Raises
    ------
    NoReply
        If there was no connection, no whole reply in time or within `REPLY`, or it was not HTTP.
    """
    question = urllib.request.Request(url, data=body, headers=headers, method="POST")
    opened: list[http.client.HTTPConnection] = []
    handlers: list[Any] = [_AsIs, _Plain(opened), _Encrypted(opened)]
    if direct:
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    outcome: queue.SimpleQueue[Reply | NoReply] = queue.SimpleQueue()
    end = time.monotonic() + timeout

    def run() -> None:
        outcome.put(_outcome(lambda: opener.open(question, timeout=timeout), end))

    threading.Thread(target=run, daemon=True).start()
    try:
        reply = outcome.get(timeout=timeout)
    except queue.Empty:
        _shut(opened)
        raise NoReply(f"incomplete after {timeout:g} seconds") from None
    if isinstance(reply, NoReply):
        raise reply
    return reply


def _outcome(send: Callable[[], Any], end: float) -> Reply | NoReply:
    try:
        with send() as response:
            return Reply(response.status, "", _body(response, end))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers.get("Retry-After") or "", b"")
    except NoReply as error:
        return error
    except TimeoutError:
        return NoReply("no answer in time")
    except OSError as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            return NoReply("no answer in time")
        words = getattr(reason, "strerror", None)
        return NoReply(f"no connection: {words}" if words else f"no connection ({type(reason).__name__})")
    except Exception as error:  # of http.client, of the parsing of headers: their texts repeat what was sent
        return NoReply(f"not an HTTP answer ({type(error).__name__})")


def _body(response: Any, end: float) -> bytes:
    pieces, size = [], 0
    while piece := response.read1(PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > REPLY:
            raise NoReply(f"longer than {REPLY >> 20} MiB")
        if time.monotonic() > end:
            raise NoReply("no answer in time")
    if response.length:
        raise NoReply("cut short")
    return b"".join(pieces)


def _shut(opened: list[http.client.HTTPConnection]) -> None:
    """Have the thread that waits for these connections end."""
    for connection in opened:
        plug = connection.sock
        if plug is not None:
            with contextlib.suppress(OSError):
                plug.shutdown(socket.SHUT_RDWR)


class _AsIs(urllib.request.HTTPRedirectHandler):
    """A key is not carried to an address that the user did not name."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> None:
        return None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class _Plain(urllib.request.HTTPHandler):
    """Connections that can be shut from outside."""

    def __init__(self, opened: list[http.client.HTTPConnection]):
        super().__init__()
        self._opened = opened

    def http_open(self, req: Any) -> Any:
        return self.do_open(_recorded(http.client.HTTPConnection, self._opened), req)


class _Encrypted(urllib.request.HTTPSHandler):
    """The same, encrypted, the server's certificate checked."""

    def __init__(self, opened: list[http.client.HTTPConnection]):
        super().__init__()
        self._opened = opened

    def https_open(self, req: Any) -> Any:
        made = _recorded(http.client.HTTPSConnection, self._opened)
        return self.do_open(made, req, context=ssl.create_default_context())


def _recorded(kind: Any, opened: list[http.client.HTTPConnection]) -> Any:
    def made(*arguments: Any, **options: Any) -> Any:
        connection = kind(*arguments, **options)
        opened.append(connection)
        return connection

    return made
