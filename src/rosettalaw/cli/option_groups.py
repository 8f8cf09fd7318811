"""Groups of options in the help of commands that have many: the common ones first, then by subject.

Options that no group of a command names are the common ones, in the order of the command's arguments.
"""

from __future__ import annotations

from collections.abc import Sequence

COMMON = "Options"
GROUPS: dict[str, dict[str, str]] = {
    "match": {
        "Input": "images skip_corrupt timestep context contexts documents layers_a layers_b site site_a site_b "
        "pattern pattern_a pattern_b pickled exclude_nonfinite",
        "Pairs": "k absolute q",
        "Nulls and errors": "untrained permutations jackknife",
        "Engine": "engine buckets candidates recall compute device_map weights memory spool",
    },
    "ladder": {"Machine": "workers device device_map weights engine pickled"},
    "filter": {
        "Input": "pairs passage tokens context pattern_a pattern_b pickled ladder cache",
        "Choice of the neuron": "tune budget contexts choosing",
        "Training": "test runs rank learning_rate weight_decay batch",
    },
    "judge": {
        "Design": "top main subsets subset_size validated",
        "Endpoint": "prices yes timeout retries cache",
        "Input": "model skip_corrupt pickled",
    },
    "simulate": {
        "Open choices of the paper": "background pool interference_norm noise idle threshold",
        "Engine": "engine workers seed",
    },
    "view": {"Input": "images skip_corrupt device pickled seed"},
    "design": {"Assumptions": "beta seed_sd count tokens", "Goal": "halfwidth hours source"},
}


def grouped(command: str, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the options of a command by their groups, the common ones first."""
    groups = {title: words.split() for title, words in GROUPS.get(command, {}).items()}
    special = {name for members in groups.values() for name in members}
    common = {COMMON: [name for name in names if name not in special]}
    return common | {title: [name for name in members if name in names] for title, members in groups.items()}
