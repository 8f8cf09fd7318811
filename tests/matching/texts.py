"""Independent texts of one population of documents, and how often a count's interval covers the mean over them.

``python tests/matching/texts.py`` draws 60 texts for each setting and writes ``tests/data/count_errors.csv``. Two
models share features of falling strength. Each feature occurs in some documents only, so that texts differ by their
documents. The count is that of pairs at or above a fixed ρ, its standard error the one that `match` measures from one
text, and the mean over all texts is known from `REFERENCE` further ones.
"""

from __future__ import annotations

import csv
import pathlib
from dataclasses import dataclass

import numpy as np

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.evidence.replicates import count_error

TABLE = pathlib.Path(__file__).parents[1] / "data/count_errors.csv"
TEXTS, REFERENCE = 60, 400
RHO = 0.3
Z = 1.959964


@dataclass(frozen=True)
class Setting:
    """A population of documents.

    Attributes
    ----------
    neurons : int
        Of each model; half of them follow a shared feature.
    documents : int
        In one text.
    length : float
        Mean positions of a document.
    heavy : bool
        Whether lengths are heavy-tailed, so that few documents are much of a text; otherwise they are equal.
    share : float
        Share of the documents in which a feature occurs.
    """

    neurons: int = 64
    documents: int = 64
    length: float = 60.0
    heavy: bool = False
    share: float = 0.3

    def text(self, rng):
        """Return two models' activations on one text, and the document of each position."""
        lengths = np.full(self.documents, self.length)
        if self.heavy:
            lengths = np.minimum(self.length / 3 * (1 + rng.pareto(1.5, self.documents)), 20 * self.length)
        document = np.repeat(np.arange(self.documents), np.maximum(lengths.round().astype(int), 8))
        features = self.neurons // 2
        occurs = rng.random((self.documents, features)) < self.share
        signal = occurs[document] * rng.standard_exponential((len(document), features))
        strength = np.geomspace(3, 0.3, features)
        models = []
        for _ in "ab":
            model = rng.standard_normal((len(document), self.neurons))
            model[:, :features] += strength * signal
            models.append(model.astype(np.float32))
        return *models, document


SETTINGS = [
    Setting(),
    Setting(documents=24),
    Setting(heavy=True),
    Setting(documents=24, heavy=True),
    Setting(documents=200, heavy=True),
    Setting(neurons=192, heavy=True),
    Setting(share=0.05, heavy=True),
]


def count_and_error(setting, seed, errors=True):
    """Return the count of one text at `RHO`, and its standard error from that text alone."""
    rng = np.random.default_rng([seed, setting.neurons, setting.documents, setting.heavy, int(100 * setting.share)])
    a, b, document = setting.text(rng)
    matches = match(
        ArraySource(a, "a"),
        ArraySource(b, "b", documents=document),
        nulls={},
        jackknife_blocks=16 if errors else 0,
        quiet=True,
        engine="exact",
    )
    count = int(np.sum(matches.correlation >= RHO))
    if matches.replicates is None:
        return count, float("nan")
    counts = np.array([np.sum(one >= RHO) for one in matches.replicates.correlations])
    return count, count_error(counts, matches.replicates.parts)


def measured(setting, texts=TEXTS, reference=REFERENCE):
    """Return the mean count, its spread over texts, the mean standard error, and how many intervals cover the mean."""
    each = np.array([count_and_error(setting, seed) for seed in range(texts)])
    others = [count_and_error(setting, texts + seed, errors=False)[0] for seed in range(reference)]
    mean, spread = np.mean(others), np.std(others, ddof=1)
    covered = int(np.sum(np.abs(each[:, 0] - mean) <= Z * each[:, 1]))
    return mean, spread, np.mean(each[:, 1]), covered


def main():
    """Write the table."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        file.write("# A count's standard error from one text, over 60 texts: python tests/matching/texts.py\n")
        table = csv.writer(file)
        facts = ["neurons", "documents", "length", "heavy", "share"]
        table.writerow([*facts, "texts", "mean_count", "spread", "mean_error", "covered"])
        for setting in SETTINGS:
            mean, spread, error, covered = measured(setting)
            own = [setting.neurons, setting.documents, setting.length, int(setting.heavy), setting.share]
            table.writerow([*own, TEXTS, round(mean, 2), round(spread, 3), round(error, 3), covered])
            file.flush()


if __name__ == "__main__":
    main()
