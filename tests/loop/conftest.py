"""Settings for tests of pages: their pictures have few dots."""

from tests.pictures import coarse_pictures  # noqa: F401
