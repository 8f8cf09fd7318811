"""A judge behind any OpenAI-compatible endpoint of a vision model (``POST …/chat/completions``).

Address, key and model come from the environment, never from the command line or a file of ours:

    ROSETTALAW_JUDGE_URL    such as https://…/v1
    ROSETTALAW_JUDGE_KEY    sent as a bearer token; leave unset for a local server
    ROSETTALAW_JUDGE_MODEL  the model's name there

Each shown image is sent as one strip: image, activation map, overlay. Answers are cached in a folder under the hash of
the question (never the key), so that nothing is paid for twice; a request that fails for a passing reason is repeated
after a pause. Of an answer the fields asked for are used and cached, without the key where a server repeats it, and
nothing else. What a study will cost is estimated before it starts (`estimate`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....checksums import sealed, unsealed
from ....console import say
from ....errors import InputError, RosettaError, require
from ....results import replacing
from ..images import reduced, shown
from .exchange import REPLY, NoReply, address, ask
from .judges import Answer
from .key import Key
from .top_images import Exhibit, png, strip

PREFIX = "ROSETTALAW_JUDGE_"
PASSING = (408, 409, 425, 429, 500, 502, 503, 504)
LONGEST_WAIT, LONGEST_PAUSE, MOST_RETRIES = 86400.0, 60.0, 1000  # seconds, seconds, tries
CONCEPT = 200  # characters of an answer
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


# From a whole answer its known fields; None if they are missing, or of another kind.
Fields = Callable[[dict[str, Any]], dict[str, Any] | None]


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
        Seconds for one answer, from the search of the address to the last byte.
    retries : int
        Further tries after a passing failure, 1, 2, 4 … seconds apart (or as the server asks), up to a minute.
    pause : callable
        How to wait.

    Raises
    ------
    InputError
        If the address is not http(s), or would send a key unencrypted to another machine; if the key is not printable;
        if `timeout` or `retries` is no length of time or number.
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
        self._key = Key(key, f"{PREFIX}KEY")
        hidden = self._key.removed_from
        parts = address(url, f"{PREFIX}URL", hidden)
        self._local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if key and parts.scheme == "http" and not self._local:
            raise InputError(f"{PREFIX}URL", hidden(url), "a key is sent only over https (or to this machine)")
        require(model.isprintable(), f"{PREFIX}MODEL", hidden(model), "must be printable characters only")
        if not (math.isfinite(timeout) and 0 < timeout <= LONGEST_WAIT):
            raise InputError("timeout", timeout, f"must be seconds, above 0 and up to {LONGEST_WAIT:g}", "timeout=60")
        in_range = isinstance(retries, int) and 0 <= retries <= MOST_RETRIES
        require(in_range, "retries", retries, f"must be a whole number from 0 to {MOST_RETRIES}", "retries=4")
        self.name = hidden(f"{model} at {parts.hostname}")
        self._url, self._model = url.rstrip("/") + "/chat/completions", model
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

        def fields(answer: dict[str, Any]) -> dict[str, Any] | None:
            verdict, concept = answer.get("monosemantic"), answer.get("concept")
            if not isinstance(verdict, bool):
                return None
            return {"monosemantic": verdict, "concept": self._words(concept) if isinstance(concept, str) else ""}

        answer = self._ask(QUESTION.format(count=len(exhibit.images)), _strips(exhibit), fields)
        return Answer(answer["monosemantic"], answer["concept"])

    def predict(self, exhibit: Exhibit, held_out: Sequence[np.ndarray]) -> list[bool]:
        """Ask which held-out images activate the neuron."""
        text = PREDICTION.format(count=len(exhibit.images), asked=len(held_out))
        pictures = [*_strips(exhibit), *(png(reduced(shown(image))) for image in held_out)]

        def fields(answer: dict[str, Any]) -> dict[str, Any] | None:
            active = answer.get("active")
            if not isinstance(active, list) or len(active) != len(held_out):
                return None
            return {"active": active} if all(isinstance(one, bool) for one in active) else None

        return self._ask(text, pictures, fields)["active"]

    def _words(self, text: str) -> str:
        """Return a few words of a server's: without the key, in printable characters."""
        text = self._key.removed_from("".join(c if c.isprintable() else " " for c in text))
        return self._key.removed_from(" ".join(text.split()))[:CONCEPT]

    def _ask(self, text: str, pictures: Sequence[bytes], fields: Fields) -> dict[str, Any]:
        """Return the known fields of the answer to a question, from the folder if it was asked before."""
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        for picture in pictures:
            image = "data:image/png;base64," + base64.b64encode(picture).decode()
            content.append({"type": "image_url", "image_url": {"url": image, "detail": "low"}})
        body = {"model": self._model, "temperature": 0, "messages": [{"role": "user", "content": content}]}
        asked = json.dumps(body, sort_keys=True).encode()
        cached = self._cache / f"{hashlib.sha256(self._url.encode() + asked).hexdigest()}.json"
        saved = _saved(cached)
        answer = None if saved is None else fields(saved)
        for _ in range(2):  # models sometimes chatter; asked once more, then it is an error
            if answer is None:
                given = _object_in(self._post(asked))
                answer = None if given is None else fields(given)
        if answer is None:
            raise RosettaError(f"{self.name}: gave two unusable answers (expected the requested JSON)")
        if answer != saved:  # one of an older version may hold more than the known fields
            with replacing(cached) as partial:
                partial.write_text(json.dumps(sealed(answer)), encoding="utf-8")
        return answer

    def _post(self, body: bytes) -> str:
        """Send a request, again after passing failures; return what the model said."""
        headers = {"Content-Type": "application/json", **self._key.header()}
        reason = ""
        for attempt in range(self._retries + 1):
            wait = min(2.0 ** min(attempt, 10), LONGEST_PAUSE)
            try:
                reply = ask(self._url, body, headers, self._timeout, direct=self._local)
                if 200 <= reply.status < 300:
                    return _said(reply.body)
                reason = f"HTTP {reply.status}"
                if reply.status not in PASSING:
                    raise RosettaError(f"{self.name}: {reason}; check {PREFIX}URL, KEY and MODEL")
                wait = _seconds(reply.retry_after, wait)
            except NoReply as error:
                reason = str(error)
            if attempt < self._retries:
                self._pause(wait)
        raise RosettaError(
            f"{self.name}: no answer after {self._retries + 1} tries ({reason}); earlier answers are cached"
        )


def _strips(exhibit: Exhibit) -> list[bytes]:
    return [png(strip(image, cells)) for image, cells in zip(exhibit.images, exhibit.maps, strict=True)]


def _seconds(asked: str, otherwise: float) -> float:
    """Return the pause that a server asks for, if it does so in seconds."""
    return min(float(asked), LONGEST_PAUSE) if asked.isascii() and asked.isdecimal() else otherwise


def _json(text: str | bytes) -> Any:
    """Return JSON of any depth and content, None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _saved(path: Path) -> dict[str, Any] | None:
    """Return a cached answer; one that is not JSON, half-written by something else, is requested again."""
    try:
        answer = _json(path.read_bytes()) if path.is_file() and path.stat().st_size <= REPLY else None
    except OSError:
        return None
    answer = unsealed(answer) if isinstance(answer, dict) else None
    if answer is None and os.path.lexists(path):
        say(f"{path}: damaged; asked again")
    return answer


def _said(body: bytes) -> str:
    """Return the text in a reply.

    Raises
    ------
    NoReply
        If it has none.
    """
    try:
        content = _json(body)["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        content = None
    if not isinstance(content, str):
        raise NoReply("a reply without choices[0].message.content")
    return content


def _object_in(text: str) -> dict[str, Any] | None:
    """Return the JSON object in a model's answer, with or without chatter around it."""
    begin, end = text.find("{"), text.rfind("}")
    answer = _json(text[begin : end + 1]) if 0 <= begin < end else None
    return answer if isinstance(answer, dict) else None
