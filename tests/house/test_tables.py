"""Tables: a column of numbers is aligned to the right, and its header with it, in Markdown, HTML and the terminal."""

import re
from pathlib import Path

import pytest

from rosettalaw.cli.output import print_table
from rosettalaw.interface.showing import table

ROOT = Path(__file__).parents[2]
BUILT = {"generated", "_build"}
PAGES = [*ROOT.glob("*.md"), *(path for path in (ROOT / "docs").rglob("*.md") if not BUILT & set(path.parts))]
NUMBER = re.compile(r"\**[−+-]?(\d[\d,]*(\.\d+)?|inf)%?\**( ± \d+(\.\d+)?)?|–")
RULE = re.compile(r"\|[\s:|-]+\|")


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def misaligned(text):
    """Return the headers of the columns of a page's tables that hold numbers alone and are not aligned to the right."""
    lines, wrong = text.splitlines(), []
    for number, line in enumerate(lines):
        if not number or not RULE.fullmatch(line) or not lines[number - 1].startswith("|"):
            continue
        rows = []
        for row in lines[number + 1 :]:
            if not row.startswith("|"):
                break
            rows.append(cells(row))
        for header, rule, *column in zip(cells(lines[number - 1]), cells(line), *rows, strict=False):
            numeric = all(NUMBER.fullmatch(cell) for cell in column) and any(cell != "–" for cell in column)
            if numeric and not rule.endswith(":"):
                wrong.append(header)
    return wrong


def test_columns_of_numbers_in_markdown_are_aligned_to_the_right():
    assert len(PAGES) > 30
    wrong = {path.relative_to(ROOT).as_posix(): misaligned(path.read_text(encoding="utf-8")) for path in PAGES}
    assert not {name: headers for name, headers in wrong.items() if headers}, "write --: under these headers"


@pytest.mark.parametrize(
    ("rule", "column", "number"),
    [
        ("---", ["1", "2,345", "–"], 1),
        ("--:", ["1", "2,345", "–"], 0),
        (":--", ["**0.36**", "−0.5", "12%"], 1),
        ("---", ["5.0 ± 0.2", "3"], 1),
        ("---", ["12 sizes", "3"], 0),
        ("---", ["–", "–"], 0),
    ],
)
def test_misaligned_columns_are_recognised(rule, column, number):
    rows = "\n".join(f"| x | {cell} |" for cell in column)
    assert len(misaligned(f"text\n\n| name | count |\n|---|{rule}|\n{rows}\n")) == number


def test_numbers_stand_under_the_right_end_of_their_header_in_the_terminal(capsys):
    print_table([{"name": "a", "a long header": 1}, {"name": "bc", "a long header": 23456}])
    header, first, second = (line for line in capsys.readouterr().out.splitlines() if re.search(r"\w", line))
    assert header.index("header") + len("header") == first.index("1") + 1 == second.index("23456") + 5
    assert header.index("name") == first.index("a") == second.index("bc")


def test_columns_of_numbers_in_a_notebook_are_aligned_to_the_right():
    shown = table("title", {"fact": 1}, [{"name": "a", "count": 1}, {"name": "b", "count": 2.5}])
    sides = re.findall(r'<(t[hd]) style="text-align: (\w+)">([^<]+)<', shown)
    assert [(side, text) for tag, side, text in sides if tag == "th"][1:] == [("left", "name"), ("right", "count")]
    assert [side for _, side, text in sides if text in ("2.5", "count")] == ["right", "right"]


def test_tables_of_reports_align_each_header_as_its_cells():
    """The style sheet aligns to the right; the class of a header and of the cells below it says otherwise."""
    css = (ROOT / "validation/templates/page.css").read_text(encoding="utf-8")
    assert "th, td { text-align: right;" in css
    assert "first-child { text-align" not in css
    tables = 0
    for path in (ROOT / "validation/templates").glob("*.html"):
        for one in re.findall(r"<table>.*?</table>", path.read_text(encoding="utf-8"), re.DOTALL):
            heads, body = one.split("<tbody>")
            pattern = r"<t[hd](?: scope=\"col\")?(?:\s+class=\"(\w+)\")?>"
            first, last = ([re.findall(pattern, part)[end] for part in (heads, body)] for end in (0, -1))
            tables += 1
            assert first[0] == first[1], f"{path.name}: {one[:80]}"
            assert (last[0] == "words") == (last[1] == "words"), f"{path.name}: {one[:80]}"
    assert tables > 8
