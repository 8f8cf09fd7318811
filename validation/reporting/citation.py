"""References in BibTeX: this package, and the paper whose law it measures (both as in CITATION.cff)."""

from __future__ import annotations

PAPER = """@article{dravid2026neuron,
  title   = {Neuron Populations Exhibit Divergent Selectivity with Scale},
  author  = {Dravid, Amil and Bahri, Yasaman and Efros, Alexei A. and Gandelsman, Yossi},
  year    = {2026},
  journal = {arXiv preprint arXiv:2606.03990},
}"""


def bibtex(version: str) -> str:
    """Return both entries; `version` is that of the package which measured."""
    software = f"""@software{{rosettalaw,
  title   = {{RosettaLaw}},
  author  = {{{{The RosettaLaw developers}}}},
  version = {{{version}}},
}}"""
    return f"{software}\n\n{PAPER}"
