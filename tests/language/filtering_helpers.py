"""A reader whose neurons do what the test says."""

import numpy as np

from rosettalaw.empirical.filtering.document_activations import Reading


class Planted:
    """Activations by document name: peaks, and means that are the peaks unless given."""

    name = "planted"

    def __init__(self, peaks, documents, means=None, at_once=16, layers=1):
        self.peaks, self.means, self.at_once = peaks, peaks if means is None else means, at_once
        self.place = {document.name: i for i, document in enumerate(documents)}
        self.layer = np.repeat(np.arange(layers), peaks.shape[1] // layers)
        self.unit = np.tile(np.arange(peaks.shape[1] // layers), layers)

    def read(self, documents, neurons):
        for first in range(0, len(documents), self.at_once):
            some = documents[first : first + self.at_once]
            rows = [self.place[document.name] for document in some]
            tokens = np.array([len(document.text) for document in some])
            yield Reading(tokens, self.means[rows][:, neurons], self.peaks[rows][:, neurons])
