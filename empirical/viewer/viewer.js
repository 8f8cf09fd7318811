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
const place = (pair) => data.pairs.indexOf(pair) + 1; // the number of a pair in its address
const title = (pair) => `${neuron(pair, 0)} \u2194 ${neuron(pair, 1)}`;
const shortName = (side) => data.names[side] || data.models[side];
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

const known = (value, missing) => (value === undefined ? missing : value);
const falling = (name) => (a, b) => known(b[name], -9) - known(a[name], -9);
const ORDERS = { // an order that needs a number which no pair has is not offered
  strong: ["strongest first", "rho", (a, b) => Math.abs(b.rho) - Math.abs(a.rho)],
  weak: ["weakest first", "rho", (a, b) => Math.abs(a.rho) - Math.abs(b.rho)],
  margin: ["widest margin first", "margin", falling("margin")],
  stability: ["most stable first", "stability", falling("stability")],
  context: ["least tied to the token first", "lexical_share", (a, b) => known(a.lexical_share, 9) - known(b.lexical_share, 9)],
  string: ["most tied to the token first", "lexical_share", falling("lexical_share")],
  recurs: ["in most models first", "recurs", falling("recurs")],
  layer: ["by layer of A", "rho", (a, b) => a.neurons[0][0] - b.neurons[0][0] || a.neurons[0][1] - b.neurons[0][1]],
};
const STABLE = 0.9; // share of halves of the text, as in the stable count
const CHOICES = {
  stable: {
    "": ["all", () => true],
    yes: ["in 90% of halves or more", (pair) => pair.stability >= STABLE],
    no: ["in fewer halves", (pair) => pair.stability < STABLE],
  },
  beyond: {
    "": ["all", () => true],
    yes: ["mostly context", (pair) => pair.lexical_share < 0.5],
    no: ["mostly the token", (pair) => pair.lexical_share >= 0.5],
  },
};
const has = (name) => data.pairs.some((pair) => pair[name] !== undefined);

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
    .filter((pair) => Object.keys(CHOICES).every((name) => CHOICES[name][at(name).value][1](pair)))
    .filter((pair) => at("recurs").value === "" || pair.recurs >= Number(at("recurs").value))
    .filter((pair) => wanted === "" || haystack(pair).includes(wanted))
    .sort(ORDERS[at("order").value][2]);
  at("found").textContent = `${shown.length} of ${data.pairs.length} pairs`;
  at("space").style.height = `${shown.length * ROW}px`;
  drawTable();
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
  address(pair);
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
