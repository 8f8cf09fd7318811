// ---------------------------------------------------------------- the filters' choices, and the keyboard

function options(select, values, every) {
  if (every) select.append(element("option", every, { value: "" }));
  select.append(...values.map(([value, text]) => element("option", text, { value })));
}

function fillFilters() {
  for (const [id, side] of [["layer-a", 0], ["layer-b", 1]]) {
    const layers = [...new Set(data.pairs.map((pair) => pair.neurons[side][0]))].sort((a, b) => a - b);
    options(at(id), layers.map((layer) => [layer, layer]), "all");
  }
  const counts = new Map();
  for (const pair of data.pairs) counts.set(mainDomain(pair), (counts.get(mainDomain(pair)) || 0) + 1);
  const domains = [...counts].sort((a, b) => b[1] - a[1]);
  options(at("domain"), domains.map(([name, count]) => [`=${name}`, `${name} (${count})`]), "all");
  const orders = Object.entries(ORDERS).filter(([, [, needs]]) => has(needs));
  options(at("order"), orders.map(([value, [words]]) => [value, words]));
  for (const [id, choices] of Object.entries(CHOICES)) {
    options(at(id), Object.entries(choices).map(([value, [words]]) => [value, words]));
  }
  const models = [...new Set(data.pairs.map((pair) => pair.recurs).filter((one) => one > 0))].sort((a, b) => a - b);
  options(at("recurs"), models.map((one) => [one, `${one} or more`]), "any number");
  for (const name of ["stability", "lexical_share", "recurs"]) {
    document.querySelector(`.needs-${name}`).hidden = !has(name);
  }
  const sizes = data.pairs.map((pair) => Math.abs(pair.rho));
  const least = at("least");
  least.min = Math.floor(100 * sizes.reduce((a, b) => Math.min(a, b), 1)) / 100;
  least.max = Math.ceil(100 * sizes.reduce((a, b) => Math.max(a, b), 0)) / 100;
  least.value = least.min;
  for (const id of ["search", "layer-a", "layer-b", "domain", "order", "least", "stable", "beyond", "recurs"]) {
    at(id).addEventListener("input", refilter);
  }
}

function start() {
  at("models").append(...data.models.map((name, side) => element("span", `${"AB"[side]}: ${shortName(side)}${shortName(side) === name ? "" : ` (${name})`}`)));
  at("facts").textContent = Object.entries(data.facts).map(([key, value]) => `${key}: ${value}`).join("  \u00b7  ");
  fillFilters();
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("as-table").addEventListener("click", switchTable);
  at("csv").addEventListener("click", () => save(csv(), "rosetta-pairs.csv", "text/csv"));
  at("list").addEventListener("scroll", draw, { passive: true });
  at("more").addEventListener("toggle", draw);
  window.addEventListener("resize", draw);
  window.addEventListener("hashchange", () => {
    if (!at("table").hidden) switchTable();
    follow();
  });
  const page = () => Math.max(1, Math.floor(at("list").clientHeight / ROW) - 1);
  const steps = {
    ArrowDown: () => 1, ArrowUp: () => -1, PageDown: page, PageUp: () => -page(), Home: () => -shown.length, End: () => shown.length,
  };
  at("list").addEventListener("keydown", (event) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    step(steps[event.key]());
  });
  document.addEventListener("keydown", (event) => {
    const typing = ["INPUT", "SELECT"].includes(document.activeElement.tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      at("search").focus();
    } else if (event.key === "Escape") {
      at("list").focus();
    }
  });
  const wanted = location.hash; // the first choice of a list has an address too
  refilter();
  if (wanted) {
    history.replaceState(null, "", wanted);
    follow();
  }
  at("list").focus({ preventScroll: true });
}

start();
