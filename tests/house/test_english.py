"""Plain English: docstrings open with the thing, retired phrases stay away, and locals of the packages are nouns."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("theory", "sims", "empirical", "validation", "paper_figs", "src", "benchmarks")

# A docstring opens with a noun or a verb: "Resume files of a vision measurement", not "What a measurement has kept".
OPENING = re.compile(r"(What|How|Whether|Which|Where|Why|Who|When)\b|(Return|Yield|Draw|Print) what\b")

VERBS = "found|kept|held|drawn|told"
NUMBERS = "one|two|three|bytes|candidates|correlations|features|matchings|networks|neurons|rivals|sequences|sums"
UNITS = "size|count|number|rung|neuron|document|scale|side|pair|model|run|step|processor|core|layer|seed|selector"
MEASURES = "tokens|points|draws|lines|seeds|rows|steps|operations|memory|seconds|updates|images"
ITEMS = "array|object|row|entry|column|sentence|line"
THINGS = "it|item|path|name|target|checkpoint|value|size|class|argument|file|truth"
KINDS = "file|array|number|folder|result|domain|grid|formula|dataclass|decoder|text|integer|script|mapping|part|pair"
RETIRED = {  # pattern: an example, and how it is said instead
    r"\btold apart\b": ("cannot be told apart", "cannot be distinguished"),
    r"\bcannot be told from\b": ("cannot be told from none", "cannot be distinguished from none"),
    r"\b(is|are|was|were)( not)? told\b": ("the number of runs is told", "the number of runs is reported"),
    r"\b[Nn]ot told\b": ("Not told: β and κ", "Not determined: β and κ"),
    r"\b(is|are) heard\b": ("zeros are heard elsewhere", "other sentences speak of zeros"),
    r"\bapart from (the|a) control": ("apart from the control's", "differs significantly from the control"),
    r"\bhas no words for\b": ("operations that Numba has no words for", "operations that Numba lacks"),
    r"\bhangs? on\b": ("does the law hang on k?", "does the law depend on k?"),
    r"\bgo(es)? on from\b": ("the step to go on from", "the step to resume from"),
    r"\bspeaks? against\b": ("the counts speak against it", "the counts contradict it"),
    r"\btaken at (its|their) word\b": ("counts are taken at their word", "counts are taken at face value"),
    r"\bof what[.,;:\"]": ("a ladder that does not say of what.", "a ladder of unnamed models."),
    r"\bthat this \w+ has not\b": ("models that this machine has not", "models that are not on this machine"),
    r"\band leave[.\"]": ("Print the version and leave.", "Show the version and exit."),
    r", not (stop|fail)\b": ("Leave out neurons with NaN, not stop.", "Drop neurons with NaN instead of stopping."),
    rf"\b({NUMBERS}) an? ({UNITS})\b": ("must be positive, one a size", "must be positive, one per size"),
    rf"\b[Oo]ne ({ITEMS}) an? (draw|parameter|position|architecture|{UNITS})\b": ("one row a draw", "one row per draw"),
    rf"\b({THINGS}|that|which|what) is no ({KINDS})\b": ("If it is no file", "If it is not a file"),
    r"\b(that|which) are no (numbers|neighbours|dataclasses)\b": ("that are no numbers", "that are not numbers"),
    r"\b(has|have) not (the|a|an)\b": ("has not the layout", "lacks the layout"),
    r"\btells? (\w+ ){1,3}(from others|apart)\b": (
        "facts that tell it from others",
        "facts that distinguish it from others",
    ),
    r"\bis said in\b": ("is said in the log", "is reported in the log"),
    r"\bgo(es)? on alike\b": ("and goes on alike", "and continues alike"),
    rf"\b[Ww]hat (is|was|are) (finished|said|{VERBS})\b": ("what is kept is read back", "saved results are read back"),
    rf"\bthe ({VERBS})(?=[.,;:)]| (of|are|is|in|and|or|from)\b)": ("the drawn are read", "the null draws are read"),
    rf"\bshape \([^)]*\b({VERBS})\b": ("ndarray, shape (rows, kept)", "ndarray, shape (rows, number)"),
    r"\b(nought|lest|thereof|therein|whereof|whilst)\b": ("a time limit lest it hang", "a time limit, so that it ends"),
    r"\bsave for (the|a|an|its|one|two|those)\b": ("all save for the last", "all except the last"),
    r"\bfor want of\b": ("refused for want of memory", "refused because memory is short"),
    r"\bbut for rounding\b": ("equal but for rounding", "equal up to rounding"),
    r"\bby eye\b|\bto the eye\b": ("they must differ to the eye", "they must differ visibly"),
    r"\b(is|are) no more\b(?! than)": ("pages that are no more", "pages that no longer exist"),
    r"\bwhen (it|they) (is|are) asked for\b": ("read when it is asked for", "read when it is needed"),
    r"\b(that|which) was asked for\b(?!,)": ("the engine that was asked for", "the chosen engine"),
    r"\bso many (draws|ladders|times|seeds|contexts|points|words|runs)\b": ("drawn so many times", "drawn 400 times"),
    r"\b(is|are)( not)? there[.,;)]": ("a block that is not there.", "a missing block."),
    r"\bcomes? back\b": ("pairs that come back on other text", "pairs that are found again on other text"),
    r"(?<!\.)\bholds? for\b": ("95% holds for all of them", "the 95% applies to all of them"),
    r"(?<!\bany )\bof what\b": ("a part of what the file holds", "a part of the file's contents"),
    r"\bleft as (it was|they were)\b": ("models are left as they were", "models are not changed"),
    r"\b[Gg]oes with (--|files|text|activations|a loaded)": ("goes with --images", "applies to --images"),
    rf"\b({MEASURES}) an? ({UNITS}|network|document|family|pair)\b(?! has)": (
        "two seeds a family",
        "two seeds per family",
    ),
    r"\band not (of|by|in|for|the|an?|any|only|independent|drawn|computed|constant|installed|that)\b(?![.(\[])": (
        "of the curve and not of the data",
        "of the curve instead of the data",
    ),
    r"\b(replace|is|are|be|says|take|takes) what (those|the file|the|copies|measure)\b": (
        "they replace what the file says",
        "they replace the file's settings",
    ),
    r"\bis out of line\b": ("the count is out of line", "the count is an outlier"),
    r"\btrained here have\b": ("denoisers trained here have one", "denoisers of this package have one"),
}
# Expectations that were written before their runs keep their words.
ANNOUNCED = {"sims/toy_recipes.py"}


def openings(source):
    """Return the first lines of docstrings, of attributes too, that open with a question or a clause."""
    if not re.search(rf'"""\s*({OPENING.pattern})', source):  # parsing is slow
        return []
    texts = [
        node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return [text.strip().splitlines()[0] for text in texts if OPENING.match(text.strip())]


def retired(text):
    """Return the retired phrases of a text with their surroundings; line breaks and comment signs are no words."""
    flat = " ".join(word for word in text.split() if word != "#")
    matches = [match for pattern in RETIRED for match in re.finditer(pattern, flat)]
    return [flat[max(match.start() - 40, 0) : match.end() + 40] for match in matches]


def verbs(source):
    """Return the names of variables, arguments and functions that are a participle alone."""
    names = []
    if not re.search(rf"\b({VERBS})\b", source):  # parsing is slow
        return names
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
        elif isinstance(node, ast.arg):
            names.append(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
    return [name for name in names if re.fullmatch(VERBS, name)]


@cache
def files(*places):
    """Return the text of every Python and Markdown file below some folders, by its path from the root."""
    paths = [path for place in places for kind in ("*.py", "*.md") for path in (ROOT / place).rglob(kind)]
    own = [path for path in paths if not {"generated", "_build"} & set(path.parts)]  # written by a build
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in own}


def test_docstrings_open_with_the_thing():
    sources = {name: text for name, text in files(*PACKAGES, "tests").items() if name.endswith(".py")}
    assert len(sources) > 300
    wrong = {name: lines for name, text in sources.items() if (lines := openings(text))}
    assert not wrong, "open with a noun for the thing (functions: Return, Draw, …): " + str(wrong)


def test_retired_phrases_stay_away():
    texts = files(*PACKAGES, "tests", "docs") | {
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
    }
    own = Path(__file__).relative_to(ROOT).as_posix()
    wrong = {
        name: phrases for name, text in texts.items() if name not in ANNOUNCED | {own} and (phrases := retired(text))
    }
    assert not wrong, f"retired phrases, see RETIRED in {own} for the words instead: {wrong}"


def glossary():
    """Return the terms of the glossary, and the words that it retires with those to use instead."""
    page = (ROOT / "docs/explanation/glossary.md").read_text(encoding="utf-8")
    body = page.split("```{glossary}\n")[1].split("```")[0]
    terms = {line for line in body.splitlines() if line and line[0] != " "}
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page.split("## Retired words")[1], re.MULTILINE)
    return terms, {old: new for old, new in rows if old not in ("retired", "---")}


def test_retired_words_of_the_glossary_stay_away():
    terms, instead = glossary()
    assert {"pair", "matched", "calibrated", "stable", "lexical", "span", "rung", "ladder", "ρ*"} <= terms
    assert len(instead) > 12
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, instead)) + r")s?\b", re.IGNORECASE)
    assert pattern.search("Reliable pairs are")
    texts = files(*PACKAGES, "docs") | {"README.md": (ROOT / "README.md").read_text(encoding="utf-8")}
    texts |= {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("validation/templates/*.html")}
    texts.pop("docs/explanation/glossary.md")
    wrong = {name: match[0] for name, text in texts.items() if (match := pattern.search(" ".join(text.split())))}
    assert not wrong, f"retired by docs/explanation/glossary.md, which has the words instead: {wrong}"


def test_variables_of_results_use_the_terms_of_the_glossary():
    from rosettalaw.vocabulary import VOCABULARY

    page = (ROOT / "docs/explanation/glossary.md").read_text(encoding="utf-8")
    named = set(re.findall(r"In results `(\w+)`", " ".join(page.split())))
    assert len(named) > 6
    assert named <= set(VOCABULARY)


def test_names_are_nouns():
    wrong = {name: names for name, text in files(*PACKAGES).items() if name[-3:] == ".py" and (names := verbs(text))}
    assert not wrong, f"name the thing (matches, saved, null_draws, message): {wrong}"


@pytest.mark.parametrize(("pattern", "said", "instead"), [(p, *words) for p, words in RETIRED.items()])
def test_each_retired_phrase_is_recognised_and_its_replacement_is_not(pattern, said, instead):
    assert re.search(pattern, said)
    assert retired(f"x = 1  # {said.replace(' ', chr(10) + '    # ')}")
    assert not retired(instead)


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ('"""What a vision measurement has kept."""', 1),
        ('"""Resume files of a vision measurement."""', 0),
        ('def _private():\n    """Whether all is well."""', 1),
        ('def private():\n    """Return whether all is well."""', 0),
        ('def private():\n    """\n    Return what is left.\n    """', 1),
        ('class A:\n    field = 1\n    """How it is drawn."""', 1),
        ('"""Whatever the order."""', 0),
    ],
)
def test_openings_are_recognised(source, number):
    assert len(openings(source)) == number


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("found = match(a, b)", 1),
        ("for kept, other in pairs: pass", 1),
        ("def draw(drawn): pass", 1),
        ("def told(): pass", 1),
        ("matches = match(a, b)", 0),
        ("pair.found = found_pairs = 1", 0),
    ],
)
def test_participles_as_names_are_recognised(source, number):
    assert len(verbs(source)) == number
