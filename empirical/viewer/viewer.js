"use strict";
// Everything from the data becomes text or a data: image; nothing of it is parsed as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const ROW = 44; // height of a row, as in the style sheet
const SPARE = 8; // rows drawn beyond either edge of the list

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const number = (value, digits = 2) => value.toFixed(digits).replace("-", "\u2212");
const deviations = (z) => (z === null ? "\u2013" : `${number(z, 1)}\u03c3`);
const neuron = (pair, side) => `L${pair.neurons[side][0]}.${pair.neurons[side][1]}`;
const title = (pair) => `${neuron(pair, 0)} \u2194 ${neuron(pair, 1)}`;
const shortName = (side) => data.models[side].split(/[\\/]/).filter(Boolean).pop() || data.models[side];
const mainDomain = (pair) => (pair.domains.length ? pair.domains[0][0] : "");

// ---------------------------------------------------------------- what is searched

const haystacks = new Map();
function haystack(pair) {
  if (!haystacks.has(pair)) {
    const texts = pair.contexts.map((context) => [context.name, context.domain, ...(context.spans || [])].join(""));
    haystacks.set(pair, [neuron(pair, 0), neuron(pair, 1), ...texts].join("\n").toLowerCase());
  }
  return haystacks.get(pair);
}

const ORDERS = {
  strong: (a, b) => Math.abs(b.rho) - Math.abs(a.rho),
  weak: (a, b) => Math.abs(a.rho) - Math.abs(b.rho),
  layer: (a, b) => a.neurons[0][0] - b.neurons[0][0] || a.neurons[0][1] - b.neurons[0][1],
};

let shown = [];
let chosen = null;

function refilter() {
  const wanted = at("search").value.trim().toLowerCase();
  const least = Number(at("least").value);
  const layers = [at("layer-a").value, at("layer-b").value];
  const domain = at("domain").value;
  at("least-shown").textContent = number(least);
  shown = data.pairs
    .filter((pair) => Math.abs(pair.rho) >= least - 1e-9)
    .filter((pair) => layers.every((layer, side) => layer === "" || String(pair.neurons[side][0]) === layer))
    .filter((pair) => domain === "" || `=${mainDomain(pair)}` === domain)
    .filter((pair) => wanted === "" || haystack(pair).includes(wanted))
    .sort(ORDERS[at("order").value]);
  at("found").textContent = `${shown.length} of ${data.pairs.length} pairs`;
  at("space").style.height = `${shown.length * ROW}px`;
  if (!shown.includes(chosen)) {
    at("list").scrollTop = 0;
    choose(shown.length ? shown[0] : null);
  } else {
    draw();
  }
}

// ---------------------------------------------------------------- the list: only visible rows exist

const drawn = new Map(); // pair -> its row on the page; rows that stay in view stay as they are, so that clicks find them

function drawRow(pair) {
  const row = element("div", undefined, { class: "row", role: "option" });
  row.append(element("b", title(pair)), element("b", `\u03c1 ${number(pair.rho)}`));
  row.append(element("span", pair.domains.map(([name, share]) => `${name} ${Math.round(100 * share)}%`).join(", ")));
  row.addEventListener("click", () => choose(pair));
  at("space").append(row);
  return row;
}

function draw() {
  const list = at("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
  const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + SPARE);
  const visible = new Set(shown.slice(first, last));
  for (const [pair, row] of drawn) {
    if (visible.has(pair)) continue;
    row.remove();
    drawn.delete(pair);
  }
  for (let i = first; i < last; i++) {
    const pair = shown[i];
    if (!drawn.has(pair)) drawn.set(pair, drawRow(pair));
    const row = drawn.get(pair);
    row.id = `row-${i}`;
    row.setAttribute("aria-selected", String(pair === chosen));
    row.setAttribute("aria-posinset", i + 1);
    row.setAttribute("aria-setsize", shown.length);
    row.style.top = `${i * ROW}px`;
  }
  const place = shown.indexOf(chosen);
  if (place >= first && place < last) list.setAttribute("aria-activedescendant", `row-${place}`);
  else list.removeAttribute("aria-activedescendant");
}

function choose(pair) {
  chosen = pair;
  const list = at("list");
  const top = Math.max(0, shown.indexOf(pair)) * ROW;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  draw();
  show(pair);
}

function step(by) {
  if (!shown.length) return;
  const place = Math.max(0, shown.indexOf(chosen));
  choose(shown[Math.min(shown.length - 1, Math.max(0, place + by))]);
}

// ---------------------------------------------------------------- one pair: one way of drawing for each kind of context

const KINDS = {
  text(context, side) {
    const text = element("pre", undefined, { dir: "auto", tabindex: "0" });
    context.spans.forEach((span, i) => {
      const levels = [0, 1].map((one) => Math.round((parseInt(context.heat[one][i], 16) * 100) / 15));
      const drawn = element("span", span, {
        class: i === context.peak ? "t peak" : "t",
        title: `A ${levels[0]}%, B ${levels[1]}% of its strongest`,
      });
      drawn.style.setProperty("--own", `${levels[side]}%`);
      drawn.style.setProperty("--other", `${levels[1 - side]}%`);
      text.append(drawn);
    });
    return text;
  },
  image(context) {
    const pictures = element("div", undefined, { class: "pictures" });
    for (const [label, source] of context.pictures) {
      const held = element("div");
      if (/^data:image\/(png|jpeg|webp);base64,/.test(source)) {
        held.append(element("img", undefined, { src: source, alt: `${label} of ${context.name}` }));
      }
      held.append(label);
      pictures.append(held);
    }
    return pictures;
  },
};

function drawContext(context, side) {
  const figure = element("figure");
  const caption = element("figcaption");
  caption.append(element("span", `${context.domain}: ${context.name}`));
  caption.append(element("span", `A ${deviations(context.z[0])}  B ${deviations(context.z[1])}`));
  figure.append(caption, KINDS[context.kind](context, side));
  return figure;
}

function show(pair) {
  const place = at("pair");
  if (!pair) {
    place.replaceChildren(element("p", "No pair fits these filters."));
    return;
  }
  const known = data.threshold !== null;
  const verdict = !known ? "" : Math.abs(pair.rho) >= data.threshold
    ? `, above the calibrated threshold ${number(data.threshold)}`
    : `, below the calibrated threshold ${number(data.threshold)}: the null reaches it`;
  const sides = element("div", undefined, { class: "sides" });
  for (const side of [0, 1]) {
    const column = element("section");
    column.append(element("h3", `${"AB"[side]}: strongest of ${neuron(pair, side)} in ${shortName(side)}`));
    for (const i of pair.top[side]) column.append(drawContext(pair.contexts[i], side));
    sides.append(column);
  }
  const key = element("p");
  if (pair.contexts.some((context) => context.kind === "text")) {
    const own = element("span", "background", { class: "t key" });
    own.style.setProperty("--own", "70%");
    own.style.setProperty("--other", "0%");
    const other = element("span", "underline", { class: "t key" });
    other.style.setProperty("--own", "0%");
    other.style.setProperty("--other", "100%");
    key.append(own, " this neuron, ", other, " its partner, frame: the strongest place");
  }
  place.replaceChildren(element("h2", `${title(pair)}   \u03c1 ${number(pair.rho, 3)}`));
  place.append(element("p", `A layer ${pair.neurons[0][0]}, neuron ${pair.neurons[0][1]}; ` +
    `B layer ${pair.neurons[1][0]}, neuron ${pair.neurons[1][1]}${verdict}`), key, sides);
  place.scrollTop = 0;
}

// ---------------------------------------------------------------- the filters' choices, and the keyboard

function options(select, values, every) {
  select.append(element("option", every, { value: "" }), ...values.map(([value, text]) => element("option", text, { value })));
}

function start() {
  at("models").append(...data.models.map((name, side) => element("span", `${"AB"[side]}: ${name}`)));
  at("facts").textContent = Object.entries(data.facts).map(([key, value]) => `${key}: ${value}`).join("  \u00b7  ");
  for (const [id, side] of [["layer-a", 0], ["layer-b", 1]]) {
    const layers = [...new Set(data.pairs.map((pair) => pair.neurons[side][0]))].sort((a, b) => a - b);
    options(at(id), layers.map((layer) => [layer, layer]), "all");
  }
  const counts = new Map();
  for (const pair of data.pairs) counts.set(mainDomain(pair), (counts.get(mainDomain(pair)) || 0) + 1);
  const domains = [...counts].sort((a, b) => b[1] - a[1]);
  options(at("domain"), domains.map(([name, count]) => [`=${name}`, `${name} (${count})`]), "all");
  const sizes = data.pairs.map((pair) => Math.abs(pair.rho));
  const least = at("least");
  least.min = Math.floor(100 * sizes.reduce((a, b) => Math.min(a, b), 1)) / 100;
  least.max = Math.ceil(100 * sizes.reduce((a, b) => Math.max(a, b), 0)) / 100;
  least.value = least.min;
  for (const id of ["search", "layer-a", "layer-b", "domain", "order", "least"]) at(id).addEventListener("input", refilter);
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("list").addEventListener("scroll", draw, { passive: true });
  window.addEventListener("resize", draw);
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
  refilter();
  at("list").focus({ preventScroll: true });
}

start();
