"""The page without a browser: what its parser sees, whatever the corpus holds; and in a browser, clicked through."""

import base64
import hashlib
import html.parser
import json

import numpy as np
import pytest

from rosettalaw.display import for_page
from rosettalaw.empirical.viewer import page
from rosettalaw.empirical.viewer.items import Collection, ImageContext, Judged, Pair, TextContext
from rosettalaw.errors import InputError

HOSTILE = [
    "</script><img src=x onerror=window.hacked=1>",
    "</script window.hacked=1",
    "<!--<script>window.hacked=1</script>-->",
    "]]>&lt;/script&gt;&amp;",
    "a\u2028b\u2029c\x00d\x7f",
    "\u202eright to left\u202c \u2067isolated",
    "\ud800 half a character",
    "@@DATA@@ @@SCRIPT@@",
    "'\"`\\ ${window.hacked=1} {{7*7}}",
    "日本 🎉 e\u0301",
    "javascript:window.hacked=1",
]
PIXEL = "data:image/png;base64," + (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WORDS = ["river", "mountain", "return", "lambda", "statute", "theorem"]


def collection(number=30, seed=0, hostile=True):
    """Pairs with known layers, correlations, domains and words, with hostile text everywhere that text can be."""
    rng = np.random.default_rng(seed)
    pairs = []
    for i in range(number):
        extra = HOSTILE[i % len(HOSTILE)] if hostile else "plain"
        domain = ["Github", "FreeLaw", HOSTILE[0] if hostile else "ArXiv"][i % 3]
        contexts = []
        for c in range(4):
            spans = [f"{WORDS[(i + c) % 6]} ", extra, f" unique{i}x{c}", " end"]
            heat = rng.integers(0, 16, (2, 4)).tolist()
            z = (float(rng.normal(3, 1)), float(rng.normal(3, 1)))
            contexts.append(TextContext(f"{extra} doc {i}", domain, spans, 2, (heat[0], heat[1]), z))
        contexts.append(ImageContext(f"{extra} image", domain, [(extra, PIXEL), ("map", PIXEL)], (1.0, -2.0)))
        pairs.append(Pair(((i % 4, i), (i % 5, 2 * i)), 0.95 - 0.9 * i / number, contexts, ([0, 1, 4], [2, 3])))
    name = HOSTILE[0] if hostile else "model"
    return Collection((f"{name}/a", f"{name}/b"), pairs, 0.3, {"text": name, "seed": 0})


class Seen(html.parser.HTMLParser):
    """Every tag with its attributes, and the text inside script and style."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.inside = [], {}
        self._open = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(f"{tag}:{dict(attrs).get('type', '')}")

    def handle_data(self, data):
        if self._open and self._open[-1].split(":")[0] in ("script", "style"):
            self.inside[self._open[-1]] = self.inside.get(self._open[-1], "") + data

    def handle_endtag(self, tag):
        while self._open and self._open.pop().split(":")[0] != tag:
            pass


def test_no_corpus_adds_a_tag():
    plain, hostile = (Seen(page.html(collection(hostile=hostile))) for hostile in (False, True))
    policy = [attrs for tag, attrs in plain.tags if "content" in attrs and "default-src" in attrs["content"]]
    assert len(policy) == 1
    assert hostile.tags == plain.tags
    assert {tag for tag, _ in hostile.tags}.isdisjoint({"img", "iframe", "object", "a", "base"})
    assert not any(name.startswith("on") or name in ("src", "href") for _, attrs in hostile.tags for name in attrs)


def test_the_data_arrive_as_they_are_displayed():
    made = collection()
    found = json.loads(Seen(page.html(made)).inside["script:application/json"])
    assert found["models"] == list(made.models)
    for pair, record in zip(made.pairs, found["pairs"], strict=True):
        assert record["neurons"] == [list(neuron) for neuron in pair.neurons]
        assert record["rho"] == pytest.approx(pair.correlation, abs=5e-5)
        assert record["top"] == [list(side) for side in pair.top]
        for context, drawn in zip(pair.contexts, record["contexts"], strict=True):
            assert (drawn["name"], drawn["domain"]) == (for_page(context.name), for_page(context.domain))
            if isinstance(context, TextContext):
                assert drawn["spans"] == [for_page(span) for span in context.spans]
                assert [[int(digit, 16) for digit in side] for side in drawn["heat"]] == list(context.heat)
            else:
                assert drawn["pictures"] == [[for_page(name), data] for name, data in context.pictures]


def test_domains_are_counted_over_both_partners():
    contexts = [TextContext("d", domain, ["x"], 0, ([1], [1]), (1, 1)) for domain in ("law", "law", "code", "prose")]
    record = Pair(((0, 0), (0, 0)), 0.5, contexts, ([0, 1, 2], [0])).record()
    assert record["domains"] == [["law", 0.75], ["code", 0.25]]


def test_the_policy_allows_this_script_and_nothing_else():
    markup = page.html(collection())
    seen = Seen(markup)
    assert markup.isascii()
    policy = next(attrs["content"] for _, attrs in seen.tags if "default-src" in attrs.get("content", ""))
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == "'none'"
    assert rules.pop("img-src") == "data:"
    for kind, name in (("script-src", "script:"), ("style-src", "style:")):
        digest = hashlib.sha256(seen.inside[name].encode()).digest()
        assert rules.pop(kind) == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert rules == {"base-uri": "'none'", "form-action": "'none'"}
    assert not any("style" in attrs for _, attrs in seen.tags)
    for word in ("innerHTML", "http:", "https:", "url(", "@import", "fetch(", "eval("):
        assert word not in markup, word


@pytest.mark.parametrize(
    "uri", ["https://example.org/x.png", "data:text/html;base64,AAAA", "data:image/svg+xml;base64,AAAA", PIXEL + '"x']
)
def test_pictures_are_data_alone(uri):
    with pytest.raises(InputError, match="must be a PNG, JPEG or WebP as a base64 data URI"):
        ImageContext("n", "d", [("image", uri)], (0, 0))


# ---------------------------------------------------------------------------------------------------------------------
# In a browser


@pytest.fixture
def opened(open_page, tmp_path):
    """A thousand pairs of neurons, opened from a file."""
    return open_page(page.write(collection(1000), tmp_path / "viewer # ü.html"))


ROWS = "[...document.querySelectorAll('.row')].map(r => r.textContent)"
FOUND = "document.getElementById('found').textContent"
TITLE = "document.querySelector('#pair h2').textContent"


def choose(browser, name, value):
    browser(
        f"(() => {{ const e = document.getElementById({json.dumps(name)}); e.value = {json.dumps(value)};"
        " e.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def test_a_thousand_pairs_clicked_through(opened):
    made = collection(1000)
    assert opened(FOUND) == "1000 of 1000 pairs"
    assert len(opened(ROWS)) < 60  # only what is visible exists
    assert opened(TITLE).startswith("L0.0 ↔ L0.0")

    opened.click("#row-3")
    assert opened(TITLE).startswith("L3.3 ↔ L3.6")
    sides = opened("[...document.querySelectorAll('.sides section')].map(s => s.querySelectorAll('figure').length)")
    assert sides == [3, 2]
    shown = opened("[...document.querySelectorAll('.sides pre')].map(p => p.textContent)")
    expected = made.pairs[3].contexts
    assert shown == ["".join(expected[i].spans) for i in (0, 1, 2, 3)]
    own = opened("[...document.querySelectorAll('.sides pre')[2].children].map(s => s.style.getPropertyValue('--own'))")
    assert own == [f"{round(level * 100 / 15)}%" for level in expected[2].heat[1]]  # on B's side B's heat
    assert opened("document.querySelectorAll('.sides pre')[0].querySelectorAll('.peak').length") == 1
    colours = "new Set([...document.querySelectorAll('.t')].map(s => getComputedStyle(s).backgroundColor)).size"
    assert opened(colours) > 4  # tints are drawn, not only asked for

    opened.click("#search")
    opened.type("unique517x")
    assert opened(FOUND) == "1 of 1000 pairs"
    assert opened(TITLE).startswith(f"L{517 % 4}.517")
    choose(opened, "search", "")

    choose(opened, "layer-a", "2")
    assert opened(FOUND) == "250 of 1000 pairs"
    choose(opened, "layer-b", "4")
    assert opened(FOUND) == f"{sum(i % 4 == 2 and i % 5 == 4 for i in range(1000))} of 1000 pairs"
    choose(opened, "layer-a", "")
    choose(opened, "layer-b", "")
    choose(opened, "domain", "=FreeLaw")
    assert opened(FOUND) == "333 of 1000 pairs"
    choose(opened, "domain", "")
    choose(opened, "least", "0.5")
    kept = sum(round(pair.correlation, 4) >= 0.5 for pair in made.pairs)
    assert opened(FOUND) == f"{kept} of 1000 pairs"
    choose(opened, "order", "weak")
    assert opened("document.querySelector('#row-0').textContent").startswith(f"L{(kept - 1) % 4}.{kept - 1} ")


def test_by_keyboard(opened):
    opened.press("ArrowDown")
    opened.press("ArrowDown")
    assert opened(TITLE).startswith("L2.2 ")
    opened.press("End")
    assert opened(TITLE).startswith("L3.999 ")
    assert opened("document.querySelector('[aria-selected=true]').getBoundingClientRect().bottom") <= 900
    active = "document.getElementById(document.getElementById('list').getAttribute('aria-activedescendant'))"
    assert opened(f"{active}.getAttribute('aria-posinset')") == "1000"
    opened.press("Home")
    assert opened(TITLE).startswith("L0.0 ")
    opened.call("Input.dispatchKeyEvent", type="keyDown", key="/", text="/")
    assert opened("document.activeElement.id") == "search"
    assert opened("document.activeElement.value") == ""
    opened.press("Escape")
    assert opened("document.activeElement.id") == "list"


def test_hostile_text_stays_text_and_nothing_leaves_the_page(opened):
    for i in range(len(HOSTILE)):
        opened.click(f"#row-{i}")
        assert for_page(HOSTILE[i]) in opened("document.querySelector('#pair').textContent")
    assert opened("typeof window.hacked") == "undefined"
    assert opened("document.querySelectorAll('script').length") == 2
    assert opened("[...document.images].every(i => i.src.startsWith('data:') && i.naturalWidth === 1)")
    assert opened("document.images.length") == 2
    requests = {event["params"]["request"]["url"].split(":")[0] for event in opened.said("Network.requestWillBeSent")}
    assert requests <= {"file", "data"}
    assert not opened.said("Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening")
    # The policy would stop what got through all the same.
    refused = "fetch('https://example.org').then(() => 'sent', () => 'refused')"
    assert opened(refused) == "refused"
    assert opened.said("Log.entryAdded")


def test_readable_on_a_phone(open_page, tmp_path):
    phone = open_page(page.write(collection(50), tmp_path / "viewer.html"), size="390,844")
    phone.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)
    assert phone("document.documentElement.scrollWidth") <= 390
    columns = phone("[...document.querySelectorAll('.sides section')].map(s => s.getBoundingClientRect().x)")
    assert columns[0] == columns[1]  # one below the other
    phone.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert phone("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 27)"


def test_an_empty_choice_says_so(opened):
    choose(opened, "search", "no such text anywhere")
    assert opened(FOUND) == "0 of 1000 pairs"
    assert "No pair fits" in opened("document.querySelector('#pair').textContent")


# ---------------------------------------------------------------------------------------------------------------------
# A pair's address, its numbers, what can be taken away

TEXT = "some words before it and a few words that come after the end"


def judged(number=12):
    """Pairs with known numbers: stability falls, lexical share rises, and the third has none of them."""
    pairs = []
    for i in range(number):
        spans = [TEXT[a:b] for a, b in ((2, 15), (15, 22), (22, 24), (24, 40), (40, len(TEXT) - 1))]
        if i == 6:
            spans = ["\n", *spans, "    ", "\t"]
        heat = [0] * len(spans)
        context = TextContext("a doc", ["law", "=1+1"][i % 2], spans, 2 + (i == 6), (heat, heat), (1, 2), (True, True))
        numbers = Judged(margin=0.01 * i, margin_error=0.002, stability=1 - i / 20, lexical_share=i / 11, recurs=i % 3)
        numbers = Judged() if i == 2 else numbers
        pairs.append(Pair(((0, i), (1, i)), 0.9 - 0.05 * i, [context], ([0], [0]), numbers))
    return Collection(("models/gpt2-256-c100247c7b", "hub/own"), pairs, 0.3, {"text": "pile_{x}"})


@pytest.fixture
def addressed(open_page, tmp_path):
    """Twelve judged pairs, opened at the seventh."""
    return open_page(page.write(judged(), tmp_path / "viewer.html"), fragment="#pair=7")


def buttons(browser):
    return browser("[...document.querySelectorAll('.tools button')].map(b => b.textContent)")


def press(browser, words):
    browser(f"[...document.querySelectorAll('button')].find(b => b.textContent === {json.dumps(words)}).click()")


def test_a_pair_has_an_address_and_neighbours(addressed):
    assert addressed(TITLE).startswith("L0.6 ")
    press(addressed, "next \u2192")
    assert addressed("location.hash") == "#pair=8"
    press(addressed, "\u2190 previous")
    press(addressed, "\u2190 previous")
    assert addressed(TITLE).startswith("L0.5 ")
    addressed("location.hash = '#pair=12'")
    addressed("new Promise(done => setTimeout(done, 50))")
    assert addressed(TITLE).startswith("L0.11 ")
    assert addressed("document.querySelector('[aria-label=\"next pair\"]').disabled")
    addressed("location.hash = '#pair=99'")  # no such pair: the chosen one stays
    assert addressed(TITLE).startswith("L0.11 ")


def test_filters_and_orders_follow_the_numbers(addressed):
    rows = "[...document.querySelectorAll('.row')].sort((a, b) => a.offsetTop - b.offsetTop).map(r => r.textContent)"
    choose(addressed, "stable", "yes")
    assert addressed(FOUND) == "2 of 12 pairs"  # π of 1 and 0.95; the third, of 0.9, has no number
    choose(addressed, "stable", "")
    choose(addressed, "beyond", "yes")
    assert addressed(FOUND) == "5 of 12 pairs"  # 0 to 5/11 without the third
    choose(addressed, "beyond", "")
    choose(addressed, "recurs", "2")
    assert addressed(FOUND) == "3 of 12 pairs"  # the 6th, 9th and 12th
    choose(addressed, "recurs", "")
    for order, first, last in (
        ("margin", "L0.11 ", "L0.2 "), ("stability", "L0.0 ", "L0.2 "), ("context", "L0.0 ", "L0.2 "),
        ("string", "L0.11 ", "L0.2 "), ("weak", "L0.11 ", "L0.0 "),
    ):  # fmt: skip
        choose(addressed, "order", order)
        seen = addressed(rows)
        assert (seen[0].startswith(first), seen[-1].startswith(last)) == (True, True), order


def test_numbers_that_a_result_lacks_are_not_offered(opened):
    orders = opened("[...document.getElementById('order').options].map(o => o.value)")
    assert orders == ["strong", "weak", "layer"]
    assert opened("[...document.querySelectorAll('[class^=needs]')].every(l => l.hidden)")


def test_the_table_sorts_and_is_saved_as_csv(addressed):
    press(addressed, "Table")
    heads = addressed("[...document.querySelectorAll('#table th')].map(t => t.textContent)")
    assert heads[3:8] == ["ρ", "margin", "standard error of the margin", "stability", "lexical share"]
    press(addressed, "margin")
    assert addressed("document.querySelector('#table th[aria-sort]').textContent") == "margin"
    assert addressed("document.querySelector('#table tbody td').textContent") == "12"
    lines = addressed("csv()").split("\r\n")
    assert lines[0].startswith("pair,neuron of A,neuron of B,ρ,margin,")
    assert lines[1] == "12,L0.11,L1.11,0.35,0.11,0.002,0.45,1,2,'=1+1"  # no formula for a spreadsheet
    assert lines[12].split(",")[4:8] == ["", "", "", ""]
    addressed("document.querySelector('#table tbody a').click()")
    addressed("new Promise(done => setTimeout(done, 50))")
    assert addressed("document.getElementById('table').hidden")
    assert addressed(TITLE).startswith("L0.11 ")


def test_texts_end_with_words_and_blanks_can_be_seen(addressed):
    shown = "document.querySelector('.sides pre').textContent"
    assert addressed(shown) == "\n" + TEXT[2:-1] + "    "  # a line break and blanks are ends of words
    ends = "[...document.querySelectorAll('.sides pre')[0].querySelectorAll('.cut')].length"
    assert addressed(ends) == 2
    assert addressed("document.querySelectorAll('.sides pre .break, .sides pre .blank').length") == 4
    press(addressed, "next \u2192")
    assert addressed(shown) == TEXT[4 : TEXT.index(" end")]  # "me" and "en" are no words of this text
    sign = "getComputedStyle(document.querySelector('.sides pre .{}'), '::before').content"
    assert addressed(sign.format("cut")) == '"…"'


def test_a_reference_and_an_image_of_a_pair(addressed):
    reference = addressed("reference(chosen)")
    assert reference.startswith("@misc{rosetta-pair-7,")
    assert "Rosetta pair L0.6 ↔ L1.6 of GPT-2, 256 neurons and own" in reference
    assert "pile\\_x" in reference
    assert reference.count("{") == reference.count("}")
    size = addressed("(c => [c.width, c.height, c.toDataURL('image/png').length])(drawImage(chosen))")
    assert size[0] == 2400
    assert size[1] > 200
    assert size[2] > 5000


def test_few_stops_of_the_keyboard(addressed):
    """Filters closed: search, order, filters, two buttons, list, and the buttons of the pair; no text that fits."""
    stops = "[...document.querySelectorAll('a, button, input, select, summary, [tabindex]')]"
    stops = addressed(f"{stops}.filter(e => e.tabIndex >= 0 && e.checkVisibility() && !e.disabled).length")
    assert stops == 11


def test_print_shows_the_pair_and_no_controls(addressed):
    addressed.call("Emulation.setEmulatedMedia", media="print")
    visible = "[...document.querySelectorAll('#choose, .tools, #pair h2, footer')].map(e => e.offsetParent !== null)"
    assert addressed(visible) == [False, True, False, True]
    bottom = addressed("document.getElementById('pair').getBoundingClientRect().bottom")
    assert addressed("document.querySelector('footer').getBoundingClientRect().top") >= bottom - 1
