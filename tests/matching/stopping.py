"""A source whose reading breaks off, as a process that is ended."""

from rosettalaw.empirical.activations.arrays import ArraySource


class Stops(ArraySource):
    """An array that can be read from a limited number of times: `left`."""

    def __init__(self, array, left=0):
        super().__init__(array)
        self.left = left

    def rows(self, index, columns=slice(None)):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().rows(index, columns)
