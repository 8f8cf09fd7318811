"""Commands that write, killed at random times and run again: the same bits, or a clean start, and no litter.

| file | what it does |
|---|---|
| `inputs` | tiny models, texts and images that the commands read |
| `commands` | the commands, and which of their files are results |
| `rounds` | one round: kills, then a run to the end, compared with one that was never killed |
"""
