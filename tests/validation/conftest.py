"""What all tests of figures share: pictures of few dots, whose words and number are what is looked at."""

import pytest

from rosettalaw.paper_figs import style


@pytest.fixture(autouse=True, scope="session")
def coarse_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style.RC, "savefig.dpi", 50)
        yield
