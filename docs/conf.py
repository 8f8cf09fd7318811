"""Settings of the documentation: `make docs` builds it from the pages here, the notebooks and the code itself.

Pages that the code can write are written into ``docs/generated`` at the start of a build (`_make`), and never by hand.
"""

import os
import sys
from pathlib import Path

os.environ.pop("MPLBACKEND", None)  # with a backend of the user's, notebooks would show no figures

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from _make import docstrings, generated, pictures  # noqa: E402

import rosettalaw  # noqa: E402

project = "RosettaLaw"
author = "The RosettaLaw developers"
copyright = "The RosettaLaw developers, MIT licence"
version = release = rosettalaw.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = [
    "_build",
    "_make",
    "_static",
    "generated/*/contents.md",
    "generated/.ran",
    "**.ipynb_checkpoints",
]
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext", ".ipynb": "myst-nb"}

nitpicky = True
smartquotes = False  # names of options have two dashes

html_theme = "furo"
html_title = "RosettaLaw"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["focus.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "generated" / ".ran")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_typehints = "none"  # docstrings have the types, with shapes and units
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_param = napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "py:obj"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def setup(app):
    """Write the generated pages, and let names in docstrings be code where no page describes them."""
    app.connect("builder-inited", generated.write)
    app.connect("missing-reference", docstrings.as_code)
    app.connect("autodoc-process-docstring", docstrings.tables)
    app.connect("doctree-read", docstrings.dashes)  # then fields are lists
    app.connect("doctree-read", docstrings.unlink_attributes)
    app.connect("doctree-read", pictures.describe)
