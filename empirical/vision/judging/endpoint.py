"""A judge behind any OpenAI-compatible endpoint of a vision model (``POST …/chat/completions``).

Address, key and model come from the environment, never from the command line or a file of ours:

    ROSETTALAW_JUDGE_URL    such as https://…/v1
    ROSETTALAW_JUDGE_KEY    sent as a bearer token; leave unset for a local server
    ROSETTALAW_JUDGE_MODEL  the model's name there

Each shown image is sent as one strip: image, activation map, overlay. Answers are saved in a folder under the hash of
the request (never the key), so that nothing is paid for twice; a request that fails for a passing reason is repeated
after a pause. The cost of a study is estimated before it starts (`estimate`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ....errors import InputError, RosettaError
from ....results import replacing
from .judges import Answer
from .top_images import Exhibit, png, shown, strip

PREFIX = "ROSETTALAW_JUDGE_"
PASSING = (408, 409, 425, 429, 500, 502, 503, 504)
TEXT_TOKENS, ANSWER_TOKENS, TOKENS_AN_IMAGE = 250, 80, 765  # an image's is what a low-resolution tile costs at most

QUESTION = (
    "Below are {count} images that most activate one neuron of a vision model, strongest first. Each strip shows the "
    "image, a map of where the neuron is active (bright is high), and the map laid over the image. Decide whether one "
    "concept that can be named (an object, part, texture, colour, shape or position) explains what the neuron responds "
    'to in nearly all of them. Answer with JSON alone: {{"monosemantic": true or false, "concept": "a few words"}}'
)
PREDICTION = (
    "The first {count} strips show images that most activate one neuron of a vision model: image, activation map, "
    "overlay. The {asked} images after them are new. For each of these, in order, predict whether it activates the "
    'neuron strongly too. Answer with JSON alone: {{"active": [true or false, … {asked} entries]}}'
)


@dataclass(frozen=True)
class JudgingCost:
    """Cost of a study: requests, tokens, and their price where it was given."""

    requests: int
    input_tokens: int
    output_tokens: int
    price: float | None

    def __str__(self) -> str:
        cost = "price not given" if self.price is None else f"about {self.price:.2f} in the currency of your prices"
        tokens = f"about {self.input_tokens:,} tokens to read and {self.output_tokens:,} to write"
        return f"{self.requests} requests, {tokens}; {cost}"


def estimate(
    judgements: int, predictions: int, top: int, held_out: int = 10, prices: tuple[float, float] | None = None
) -> JudgingCost:
    """Estimate what judging costs.

    Parameters
    ----------
    judgements, predictions : int
        Neurons judged, and neurons whose activity on held-out images is predicted.
    top, held_out : int
        Images shown of each, and asked about.
    prices : pair of float, optional
        Price of a million tokens read, and written.
    """
    images = judgements * top + predictions * (top + held_out)
    requests = judgements + predictions
    read, written = requests * TEXT_TOKENS + images * TOKENS_AN_IMAGE, requests * ANSWER_TOKENS
    price = None if prices is None else (read * prices[0] + written * prices[1]) / 1e6
    return JudgingCost(requests, read, written, price)


class EndpointJudge:
    """A vision model that judges neurons.

    Parameters
    ----------
    url, model : str
        Address of the API (without ``/chat/completions``), and the model's name.
    key : str
        Bearer token, or "".
    cache : path
        Folder of answers.
    timeout : float
        Seconds to wait for one answer.
    retries : int
        Further tries after a passing failure, 1, 2, 4 … seconds apart (or as the server asks, up to a minute).
    pause : callable
        How to wait.

    Raises
    ------
    InputError
        If the address is not http(s), or would send a key unencrypted to another machine.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str,
        cache: str | os.PathLike[str],
        timeout: float = 60.0,
        retries: int = 4,
        pause: Callable[[float], None] = time.sleep,
    ):
        parts = urlsplit(url)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{PREFIX}URL", url, "must be an http(s) address", f"export {PREFIX}URL=https://…/v1")
        if key and parts.scheme == "http" and not local:
            raise InputError(f"{PREFIX}URL", url, "a key is sent over https only (or to this machine)")
        self.name = f"{model} at {parts.hostname}"
        self._url, self._model, self._key = url.rstrip("/") + "/chat/completions", model, key
        self._cache, self._timeout, self._retries, self._pause = Path(cache), timeout, retries, pause

    @classmethod
    def from_environment(cls, cache: str | os.PathLike[str], **options: Any) -> EndpointJudge:
        """Return the judge that the environment describes.

        Raises
        ------
        InputError
            If address or model is not set.
        """
        settings = {name: os.environ.get(f"{PREFIX}{name}", "") for name in ("URL", "MODEL", "KEY")}
        for name in ("URL", "MODEL"):
            if not settings[name]:
                raise InputError(f"{PREFIX}{name}", "", "must be set for --judge endpoint", f"export {PREFIX}{name}=…")
        return cls(settings["URL"], settings["MODEL"], settings["KEY"], cache, **options)

    def judge(self, exhibit: Exhibit) -> Answer:
        """Ask whether one concept explains the exhibit."""
        answer = self._ask(QUESTION.format(count=len(exhibit.images)), _strips(exhibit), _one)
        return Answer(answer["monosemantic"], str(answer.get("concept", ""))[:200])

    def predict(self, exhibit: Exhibit, held_out: Sequence[np.ndarray]) -> list[bool]:
        """Ask which held-out images activate the neuron."""
        text = PREDICTION.format(count=len(exhibit.images), asked=len(held_out))
        pictures = [*_strips(exhibit), *(png(shown(image)) for image in held_out)]

        def check(answer: dict[str, Any]) -> bool:
            named = answer.get("active")
            return isinstance(named, list) and len(named) == len(held_out) and all(isinstance(x, bool) for x in named)

        return list(self._ask(text, pictures, check)["active"])

    def _ask(self, text: str, pictures: Sequence[bytes], check: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the answer to a question, from the folder if it was asked before."""
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        for picture in pictures:
            address = "data:image/png;base64," + base64.b64encode(picture).decode()
            content.append({"type": "image_url", "image_url": {"url": address, "detail": "low"}})
        body = {"model": self._model, "temperature": 0, "messages": [{"role": "user", "content": content}]}
        request = json.dumps(body, sort_keys=True).encode()
        cached = self._cache / f"{hashlib.sha256(self._url.encode() + request).hexdigest()}.json"
        if cached.is_file():
            try:
                reply = json.loads(cached.read_text(encoding="utf-8"))
                if isinstance(reply, dict) and check(reply):
                    return reply
            except ValueError:
                pass  # half-written by something else: asked again
        answer = _parsed(self._post(request))
        if answer is None or not check(answer):
            answer = _parsed(self._post(request))  # models sometimes chatter; once more, then it is an error
        if answer is None or not check(answer):
            raise RosettaError(f"{self.name}: gave no usable answer twice (expected JSON as the question asks)")
        with replacing(cached) as partial:
            partial.write_text(json.dumps(answer), encoding="utf-8")
        return answer

    def _post(self, body: bytes) -> str:
        """Send a request, again after passing failures; return what the model said."""
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        for attempt in range(self._retries + 1):
            wait = float(2**attempt)
            request = urllib.request.Request(self._url, data=body, headers=headers, method="POST")
            try:
                with urllib.request.build_opener(_NoRedirect).open(request, timeout=self._timeout) as response:
                    return str(json.load(response)["choices"][0]["message"]["content"])
            except urllib.error.HTTPError as error:
                with error:
                    reason = f"HTTP {error.code}"
                    if error.code not in PASSING:
                        raise RosettaError(f"{self.name}: {reason}; check {PREFIX}URL, KEY and MODEL") from None
                    retry_after = error.headers.get("Retry-After", "")
                    wait = min(float(retry_after), 60.0) if retry_after.isdigit() else wait
            except (OSError, ValueError, KeyError, IndexError, TypeError) as error:  # no connection, timeout, no JSON
                reason = str(getattr(error, "reason", error)) or type(error).__name__
            if attempt < self._retries:
                self._pause(wait)
        raise RosettaError(
            f"{self.name}: no answer after {self._retries + 1} tries ({reason}); the answers so far are saved"
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key is not carried to an address that the user did not name."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        return None


def _strips(exhibit: Exhibit) -> list[bytes]:
    return [png(strip(image, cells)) for image, cells in zip(exhibit.images, exhibit.maps, strict=True)]


def _one(answer: dict[str, Any]) -> bool:
    return isinstance(answer.get("monosemantic"), bool)


def _parsed(text: str) -> dict[str, Any] | None:
    """Return the JSON object in a model's answer, with or without chatter around it."""
    settings = re.search(r"\{.*\}", text, flags=re.DOTALL)
    try:
        answer = json.loads(settings[0]) if settings else None
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
