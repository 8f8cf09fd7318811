"""Unrelated models, and how often the default nulls let any of their pairs pass.

``python tests/matching/unrelated.py`` draws 60 pairs of models for each setting and writes
``tests/data/false_discoveries.csv``. Models have 192 neurons and 20,000 positions and share nothing but the kind of
their signals, so that every calibrated pair is false.
"""

from __future__ import annotations

import csv
import pathlib
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.calibration import calibrate
from rosettalaw.empirical.nulls import default_nulls, draws_of

TABLE = pathlib.Path(__file__).parents[1] / "data/false_discoveries.csv"
NEURONS, POSITIONS, RUNS = 192, 20_000, 60


def autoregressive(rng, positions, neurons, time, share=0.5):
    """Half (or so) of each signal an AR(1) of a time constant, the rest white noise; all independent."""
    past = np.exp(-1 / time)
    start = rng.standard_normal((1, neurons))
    steps = np.sqrt(1 - past**2) * rng.standard_normal((positions, neurons))
    slow, _ = lfilter([1], [1, -past], steps, axis=0, zi=past * start)
    white = rng.standard_normal((positions, neurons))
    return (np.sqrt(share) * slow + np.sqrt(1 - share) * white).astype(np.float32)


def by_document(rng, document, neurons, share=0.5):
    """Signals of which a share is constant within documents."""
    level = rng.standard_normal((document.max() + 1, neurons))[document]
    return (np.sqrt(share) * level + np.sqrt(1 - share) * rng.standard_normal(level.shape)).astype(np.float32)


@dataclass(frozen=True)
class Setting:
    """A kind of signal.

    Attributes
    ----------
    time : float
        Time constant in positions; 0 for white noise.
    share : float
        Share of the variance that is slow, or constant within documents.
    documents : int
        Number of documents, of very different lengths; 0 for signals without.
    hubs : bool
        Whether half of a model's neurons follow one signal, which makes them hubs among the other model's partners.
    known : bool
        Whether the documents are known.
    """

    time: float = 0.0
    share: float = 0.5
    documents: int = 0
    hubs: bool = False
    known: bool = True

    def draw(self, rng, neurons, positions):
        """Return two unrelated models, and the document of each position or None."""
        document = None
        if self.documents:
            ends = np.sort(rng.choice(np.arange(1, positions), self.documents - 1, replace=False))
            document = np.searchsorted(ends, np.arange(positions), side="right")
        models = []
        for _ in "ab":
            if document is not None:
                model = by_document(rng, document, neurons, self.share)
            elif self.time:
                model = autoregressive(rng, positions, neurons, self.time, self.share)
            else:
                model = rng.standard_normal((positions, neurons)).astype(np.float32)
            if self.hubs:
                model[:, ::2] += 2 * model[:, :1]
            models.append(model)
        return *models, document if self.known else None


SETTINGS = [
    Setting(),
    Setting(hubs=True),
    *(Setting(time, share) for time in (3, 30, 300, 3000) for share in (0.5, 1.0)),
    Setting(30, 0.5, hubs=True),
    Setting(300, 1.0, hubs=True),
    *(Setting(share=share, documents=22) for share in (0.3, 0.5, 1.0)),
    Setting(share=0.5, documents=200),
    Setting(share=0.5, documents=22, hubs=True),
]


def false_pairs(setting, seed, neurons=NEURONS, positions=POSITIONS):
    """Return the calibrated pairs of one draw under the default nulls: all of them false."""
    rng = np.random.default_rng([seed, int(setting.time), int(100 * setting.share), setting.documents, setting.hubs])
    a, b, document = setting.draw(rng, neurons, positions)
    sources = ArraySource(a, "a"), ArraySource(b, "b", documents=document)
    nulls = {
        null.label: [
            mutual(a, null.draw(*sources, null.entropy(seed, draw))[1].rows(slice(None))) for draw in range(draws)
        ]
        for null, draws in draws_of(default_nulls(*sources)).items()
    }
    return calibrate(mutual(a, b), nulls).count


def mutual(a, b):
    """Return the correlations of the mutual nearest neighbours of two arrays, by forming all correlations."""
    a, b = ((one - one.mean(0)) / one.std(0) for one in (a, b))
    rho = a.T @ b / len(a)
    partner = rho.argmax(1)
    both = rho.argmax(0)[partner] == np.arange(len(rho))
    return rho[np.arange(len(rho)), partner][both]


def main():
    """Write the table."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        file.write(
            "# Calibrated pairs of unrelated models under the default nulls: python tests/matching/unrelated.py\n"
        )
        table = csv.writer(file)
        table.writerow(["time", "share", "documents", "hubs", "runs", "runs_with_pairs", "mean_pairs"])
        for setting in SETTINGS:
            counts = np.array([false_pairs(setting, seed) for seed in range(RUNS)])
            facts = [setting.time, setting.share, setting.documents, int(setting.hubs)]
            table.writerow([*facts, RUNS, int(np.sum(counts > 0)), round(float(counts.mean()), 3)])
            file.flush()


if __name__ == "__main__":
    main()
