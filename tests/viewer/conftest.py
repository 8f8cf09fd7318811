"""A real browser, driven over a pipe by the DevTools protocol; tests that need one are skipped where there is none."""

import itertools
import json
import os
import shutil
import signal
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --disable-extensions --hide-scrollbars --remote-debugging-pipe"
)


class Page:
    """One page of a browser."""

    def __init__(self, path, folder, url, size):
        to_browser, self._commands = os.pipe()
        self._answers, from_browser = os.pipe()
        redirect = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        options = [*QUIET.split(), f"--user-data-dir={folder}", f"--window-size={size}"]
        self._process = subprocess.Popen(
            ["bash", "-c", redirect, path, *options, "about:blank"],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._numbers, self._buffer, self._session = itertools.count(1), b"", None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._receive()

    def call(self, method, **parameters):
        """Send one command and return its result; events on the way are kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _receive(self):
        while b"\0" not in self._buffer:
            piece = os.read(self._answers, 1 << 20)
            assert piece, "the browser has gone"
            self._buffer += piece
        message, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(message)
        if "method" in message:
            self.events.append(message)
        return message

    def __call__(self, expression):
        """Return the value of an expression on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def click(self, selector):
        """Click in the middle of an element, as a person does."""
        found = f"document.querySelector({json.dumps(selector)})"
        self(f"{found}.scrollIntoView({{block: 'nearest'}})")
        box = self(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({found}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def press(self, key):
        """Press one key that types nothing."""
        for kind in ("rawKeyDown", "keyUp"):
            code = {"ArrowDown": 40, "ArrowUp": 38, "PageDown": 34, "End": 35, "Home": 36, "Escape": 27}[key]
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def type(self, text):
        """Type into the focused element."""
        self.call("Input.insertText", text=text)

    def said(self, *kinds):
        """Return the reports of the browser: errors, exceptions, dialogs, requests."""
        return [event for event in self.events if event["method"] in kinds]

    def close(self):
        """End the browser and all its processes."""
        os.close(self._commands)
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._answers)


@pytest.fixture(scope="session")
def chromium():
    for name in NAMES:
        if shutil.which(name):
            return shutil.which(name)
    pytest.skip(f"no browser on the PATH ({', '.join(NAMES)}); try: apt-get install chromium")


@pytest.fixture
def open_page(chromium, tmp_path):
    """Return a function that opens a file in the browser."""
    opened = []

    def open_it(path, size="1200,900", fragment=""):
        opened.append(Page(chromium, tmp_path / f"profile{len(opened)}", path.as_uri() + fragment, size))
        return opened[-1]

    yield open_it
    for page in opened:
        page.close()
