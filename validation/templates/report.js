"use strict";
// Only what the page also says without a script: numbers at the points of a figure, and counts at another correlation.
const found = (id) => document.getElementById(id);
const minus = (text) => text.replace("-", "\u2212");
const number = (value) => (value === null ? "\u2013" : minus(value.toFixed(2)));

// ---------------------------------------------------------------- a point says its numbers

const tip = document.createElement("div");
tip.id = "tip";
tip.hidden = true;
tip.setAttribute("role", "status");
tip.setAttribute("aria-label", "Numbers of a point");
document.querySelector("main").append(tip);

function tell(words, box) {
  tip.textContent = words;
  tip.hidden = false;
  const left = Math.max(4, Math.min(box.left + box.width / 2 - tip.offsetWidth / 2, innerWidth - tip.offsetWidth - 8));
  const above = box.top - tip.offsetHeight - 6;
  tip.style.left = `${left + scrollX}px`;
  tip.style.top = `${(above > 0 ? above : box.bottom + 6) + scrollY}px`;
}

document.addEventListener("pointerover", (event) => {
  const point = event.target.closest("[data-says]");
  if (point) tell(point.dataset.says, point.getBoundingClientRect());
  else tip.hidden = true;
});
document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true, capture: true });
for (const title of document.querySelectorAll(".figure use > title")) {
  const point = title.parentNode;
  point.dataset.says = title.textContent;
  title.remove(); // or the browser would show it too
}

// ---------------------------------------------------------------- a frame is a stop of the keyboard where it scrolls

function stops() {
  for (const frame of document.querySelectorAll(".figure, .scroll")) {
    const scrolls = frame.scrollWidth > frame.clientWidth;
    frame.tabIndex = scrolls ? 0 : -1;
    const hint = frame.previousElementSibling;
    if (hint && hint.className === "hint") hint.hidden = !scrolls;
  }
}
addEventListener("resize", stops);
stops();

// ---------------------------------------------------------------- counts at another correlation

const HEIGHT = 260;
const EDGE = { left: 54, right: 14, top: 12, bottom: 40 };

function add(parent, name, attributes, text) {
  const made = document.createElementNS(parent.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function chart(svg, data, row) {
  const width = Math.max(280, svg.clientWidth);
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.replaceChildren();
  const sizes = data.sizes;
  const low = Math.log(Math.min(...sizes) / 1.15);
  const high = Math.log(Math.max(...sizes) * 1.15);
  const most = Math.log(1.5 * Math.max(...data.rows.map((one) => Math.max(...one.counts))));
  const floor = HEIGHT - EDGE.bottom - 26; // zeros lie below it, in a row of their own
  const x = (size) => EDGE.left + ((Math.log(size) - low) / (high - low)) * (width - EDGE.left - EDGE.right);
  const y = (count) => floor - (Math.log(count) / most) * (floor - EDGE.top);
  const zero = HEIGHT - EDGE.bottom - 10;
  const across = { x1: EDGE.left, x2: width - EDGE.right };
  for (let tick = 1; Math.log(tick) <= most; tick *= 10) {
    for (const count of [tick, 3 * tick].filter((one) => Math.log(one) <= most)) {
      add(svg, "line", { ...across, y1: y(count), y2: y(count), class: "grid" });
      add(svg, "text", { x: EDGE.left - 6, y: y(count) + 4, "text-anchor": "end" }, count);
    }
  }
  add(svg, "text", { x: EDGE.left - 6, y: zero + 4, "text-anchor": "end" }, "0");
  add(svg, "line", { ...across, y1: HEIGHT - EDGE.bottom, y2: HEIGHT - EDGE.bottom, class: "axis" });
  let last = -99;
  for (const size of [...new Set(sizes)].sort((a, b) => a - b)) {
    if (x(size) - last < 38) continue;
    last = x(size);
    add(svg, "text", { x: x(size), y: HEIGHT - EDGE.bottom + 16, "text-anchor": "middle" }, size.toLocaleString("en"));
  }
  add(svg, "text", { x: (width + EDGE.left) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, "MLP neurons per network, N");
  const side = { x: 12, y: (EDGE.top + floor) / 2, "text-anchor": "middle" };
  add(svg, "text", { ...side, transform: `rotate(-90 ${side.x} ${side.y})` }, "matched pairs");
  if (row.alpha !== null) {
    const clip = (size) => Math.min(floor, y(Math.max(row.prefactor * size ** row.alpha, 1e-9)));
    const ends = [Math.min(...sizes), Math.max(...sizes)];
    add(svg, "path", { d: `M${x(ends[0])},${clip(ends[0])}L${x(ends[1])},${clip(ends[1])}`, class: "line" });
  }
  sizes.forEach((size, i) => {
    const count = row.counts[i];
    const says = `N = ${size.toLocaleString("en")}: ${count} pairs`;
    const at = { cx: x(size), cy: count ? y(count) : zero, r: count ? 5 : 4, class: count ? "point" : "none" };
    add(svg, "circle", { ...at, "data-says": says });
  });
}

function slide(data) {
  const place = found("slider");
  if (!place || !data) return;
  const input = found("rho");
  const output = found("at-rho");
  const svg = found("at-rho-drawn");
  input.max = data.rows.length - 1;
  input.value = data.rows.findIndex((row) => row.rho === data.headline);
  const draw = () => {
    const row = data.rows[Number(input.value)];
    const rho = row.rho.toFixed(2);
    const counts = [...new Set(data.sizes)].map((size) => {
      const here = row.counts.filter((_, i) => data.sizes[i] === size); // several seeds of a size: how far they spread
      const [least, most] = [Math.min(...here), Math.max(...here)];
      return `${least === most ? least : `${least} to ${most}`} at N = ${size.toLocaleString("en")}`;
    }).join(", ");
    const fitted = row.alpha === null
      ? "No exponent: a size has no pair."
      : `Exponent \u03b1 = ${number(row.alpha)} (95% interval ${number(row.low)} to ${number(row.high)}).`;
    const below = row.rho < data.calibrated
      ? " Here some sizes have not cleared their nulls: these counts show nothing by themselves." : "";
    output.textContent = `Pairs at \u03c1 \u2265 ${rho}: ${counts}. ${fitted}${below}`;
    input.setAttribute("aria-valuetext", `\u03c1 at least ${rho}`);
    svg.setAttribute("aria-label", `Pairs over network size at a correlation of at least ${rho}`);
    chart(svg, data, row);
  };
  input.addEventListener("input", draw);
  addEventListener("resize", draw);
  place.hidden = false;
  draw();
}

slide(found("data") ? JSON.parse(found("data").textContent).over_rho : null);

// ---------------------------------------------------------------- copying what one would type again

for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const words = button.textContent;
    try {
      await navigator.clipboard.writeText(found(button.dataset.copies).textContent);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(found(button.dataset.copies));
      button.textContent = "selected: copy it with the keyboard";
    }
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}
