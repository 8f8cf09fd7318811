"""Mutation of the theory's formulas: ``python -m tests.mutations`` changes them one by one and runs the property suite.

For each formula (a function or method of ``theory/`` that computes) one operator is changed: + and −, × and ÷, a
power and a product, a sign; the first of them, or with ``--all`` every one. A formula without any has its result
multiplied by 1.01. Formulas are named by parts of their names (``spectra CRRA.value``). Files stay as they are.

The tests are collected once and run once, to see which of them reach which formula and how long each takes. A mutant
is then a fork of that process, in which the formula's code is exchanged; the tests that reach it run, the quickest
first, to the first that turns red.

The table is ``docs/testing/mutations.csv``: formula, what was changed, and the test that turned red. It is
written after each formula; rows of formulas that were not asked for stay, and ``--missing`` runs those without a row.

| file | what it does |
|---|---|
| `changes` | the formulas of a module, and one change of one of them |
| `exchange` | the changed code put in the place of the code, and marks on all formulas that say when they are reached |
| `suite` | tests collected once, and run in forks |
| `table` | the table in its file |
"""
