"""Settings for tests of figures: pictures of few dots, since tests look at their words and number alone."""

import pytest

from rosettalaw.paper_figs import style


@pytest.fixture(autouse=True, scope="session")
def coarse_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style.RC, "savefig.dpi", 50)
        yield
