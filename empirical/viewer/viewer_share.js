// ---------------------------------------------------------------- a pair has an address, an image and a reference

function address(pair) {
  if (pair) history.replaceState(null, "", `#pair=${place(pair)}`);
}

function follow() {
  const wanted = /^#pair=(\d+)$/.exec(location.hash);
  const pair = wanted && data.pairs[Number(wanted[1]) - 1];
  if (pair && pair !== chosen) choose(pair);
}

const LEFT = { "previous pair": -1, "next pair": 1 };

function tools(pair) {
  const row = element("p", undefined, { class: "tools" });
  const here = shown.indexOf(pair);
  for (const [words, by] of Object.entries(LEFT)) {
    const button = element("button", by < 0 ? "\u2190 previous" : "next \u2192", { type: "button", "aria-label": words });
    button.disabled = !shown[here + by];
    button.addEventListener("click", () => {
      step(by);
      const again = [...document.querySelectorAll(".tools button")].find((one) => one.ariaLabel === words && !one.disabled);
      if (again) again.focus();
    });
    row.append(button);
  }
  row.append(element("a", `pair ${place(pair)} of ${data.pairs.length}`, { href: `#pair=${place(pair)}` }));
  const copies = { "copy image": () => copyImage(pair), "copy reference": () => copyText(reference(pair)) };
  for (const [words, act] of Object.entries(copies)) {
    const button = element("button", words, { type: "button" });
    button.addEventListener("click", async () => {
      button.textContent = await act();
      setTimeout(() => { button.textContent = words; }, 2500);
    });
    row.append(button);
  }
  return row;
}

// BibTeX; braces and backslashes of names are taken out, as they would end a field.
function reference(pair) {
  const plain = (text) => String(text).replace(/[{}\\]/g, "").replace(/([&%$#_])/g, "\\$1");
  const facts = Object.entries(data.facts).map(([key, value]) => `${key}: ${value}`).join("; ");
  return [
    `@misc{rosetta-pair-${place(pair)},`,
    `  title = {Rosetta pair ${plain(title(pair))} of ${plain(shortName(0))} and ${plain(shortName(1))}},`,
    `  note  = {Correlation ${pair.rho.toFixed(4)}; ${plain(facts)}},`,
    `  howpublished = {${plain(location.pathname.split("/").pop() || "viewer.html")}, pair=${place(pair)}},`,
    "}", "",
  ].join("\n");
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "copied";
  } catch {
    save(text, `rosetta-pair-${place(chosen)}.bib`, "text/plain");
    return "saved as a file";
  }
}

function save(content, name, type) {
  const link = element("a", undefined, { download: name });
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function copyImage(pair) {
  const blob = await new Promise((done) => { drawImage(pair).toBlob(done, "image/png"); });
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
    return "copied";
  } catch {
    save(blob, `rosetta-pair-${place(pair)}.png`);
    return "saved as a file";
  }
}

// The pair as a picture, drawn from its data: title, numbers, and the strongest contexts of both sides.
const PICTURE = { width: 1200, column: 570, edge: 20, line: 20, shown: 4, scale: 2 };

function drawImage(pair) {
  const canvas = element("canvas");
  const brush = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const ink = { text: style.getPropertyValue("--ink"), soft: style.getPropertyValue("--soft"),
    paper: style.getPropertyValue("--paper"), hot: style.getPropertyValue("--hot") };
  const height = (paint) => {
    let bottom = 0;
    const write = (text, x, y, font, colour) => {
      brush.font = font;
      brush.fillStyle = colour;
      if (paint) brush.fillText(text, x, y);
    };
    write(`${title(pair)}, \u03c1 = ${number(pair.rho, 3)}`, PICTURE.edge, 34, "600 20px system-ui, sans-serif", ink.text);
    write(judged(pair), PICTURE.edge, 58, "13px system-ui, sans-serif", ink.soft);
    for (const side of [0, 1]) {
      const left = PICTURE.edge + side * (PICTURE.column + PICTURE.edge);
      let y = 92;
      write(`${"AB"[side]}: ${neuron(pair, side)} in ${shortName(side)}`, left, y, "600 14px system-ui, sans-serif", ink.text);
      for (const i of pair.top[side].slice(0, PICTURE.shown)) {
        y += 26;
        write(`${pair.contexts[i].domain}: ${pair.contexts[i].name}`.slice(0, 80), left, y, "12px system-ui, sans-serif", ink.soft);
        if (pair.contexts[i].kind === "text") y = drawText(brush, pair.contexts[i], side, left, y + PICTURE.line, ink, paint);
        else y = drawPictures(brush, pair.contexts[i], left, y + 8, paint);
      }
      bottom = Math.max(bottom, y);
    }
    return bottom + PICTURE.edge;
  };
  const tall = height(false);
  canvas.width = PICTURE.width * PICTURE.scale;
  canvas.height = tall * PICTURE.scale;
  brush.scale(PICTURE.scale, PICTURE.scale);
  brush.fillStyle = ink.paper;
  brush.fillRect(0, 0, PICTURE.width, tall);
  height(true);
  return canvas;
}

function drawText(brush, context, side, left, top, ink, paint) {
  brush.font = "13px ui-monospace, Menlo, Consolas, monospace";
  const wide = brush.measureText("m").width;
  let [x, y] = [left, top];
  const goesOn = context.goes_on || [false, false];
  const spans = ended(context);
  if (goesOn[0]) spans[0] = `\u2026${spans[0]}`;
  if (goesOn[1]) spans[spans.length - 1] += "\u2026";
  spans.forEach((span, i) => {
    const heat = parseInt(context.heat[side][i], 16) / 15;
    for (const sign of i === context.peak && /^\s*$/.test(span) ? span.replace(/ /g, "\u2423").replace(/\n/g, "\u23ce\n") : span) {
      if (sign === "\n" || x + wide > left + PICTURE.column) [x, y] = [left, y + PICTURE.line];
      if (sign === "\n") continue;
      if (paint && heat) {
        brush.globalAlpha = heat;
        brush.fillStyle = ink.hot;
        brush.fillRect(x, y - 13, wide, 17);
        brush.globalAlpha = 1;
      }
      brush.fillStyle = ink.text;
      if (paint) brush.fillText(sign, x, y);
      if (paint && i === context.peak) brush.fillRect(x, y + 4, wide, 1);
      x += wide;
    }
  });
  return y;
}

function drawPictures(brush, context, left, top, paint) {
  let x = left;
  const side = 84;
  for (const image of document.images) {
    if (!context.pictures.some(([, source]) => source === image.src) || x + side > left + PICTURE.column) continue;
    if (paint) brush.drawImage(image, x, top, side, side);
    x += side + 6;
  }
  return top + side;
}

// ---------------------------------------------------------------- all pairs as a table, and as CSV

const COLUMNS = [ // heading, order that it sorts by, number or words of a pair, what must be known
  ["pair", null, (pair) => place(pair), "rho"],
  ["neuron of A", "layer", (pair) => neuron(pair, 0), "rho"],
  ["neuron of B", null, (pair) => neuron(pair, 1), "rho"],
  ["\u03c1", "strong", (pair) => pair.rho, "rho"],
  ["margin", "margin", (pair) => pair.margin, "margin"],
  ["standard error of the margin", null, (pair) => pair.margin_error, "margin_error"],
  ["stability", "stability", (pair) => pair.stability, "stability"],
  ["lexical share", "string", (pair) => pair.lexical_share, "lexical_share"],
  ["recurs in further models", "recurs", (pair) => pair.recurs, "recurs"],
  ["main domain", null, mainDomain, "rho"],
];
const columns = () => COLUMNS.filter(([, , , needs]) => has(needs));

function drawTable() {
  const panel = at("table");
  if (panel.hidden) return;
  const table = element("table");
  table.append(element("caption", `${shown.length} of ${data.pairs.length} pairs. A heading sorts; a number leads to its pair.`));
  const head = element("tr");
  for (const [words, order] of columns()) {
    const cell = element("th", order ? undefined : words, { scope: "col" });
    if (order) {
      const button = element("button", words, { type: "button" });
      button.addEventListener("click", () => {
        at("order").value = order;
        refilter();
        [...at("table").querySelectorAll("button")].find((one) => one.textContent === words).focus();
      });
      if (at("order").value === order) cell.setAttribute("aria-sort", order === "layer" ? "ascending" : "descending");
      cell.append(button);
    }
    head.append(cell);
  }
  const body = element("tbody");
  for (const pair of shown) {
    const row = element("tr");
    columns().forEach(([, , read], i) => {
      const value = read(pair);
      const words = value === undefined ? "\u2013" : i && typeof value === "number" ? number(value, 3) : value;
      const cell = element("td", i ? words : undefined);
      if (!i) cell.append(element("a", words, { href: `#pair=${words}` }));
      row.append(cell);
    });
    body.append(row);
  }
  const top = element("thead");
  top.append(head);
  table.append(top, body);
  panel.replaceChildren(table);
}

// A cell that a spreadsheet would take for a formula begins with an apostrophe.
function cell(value) {
  if (value === undefined) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

const csv = () => [columns().map(([words]) => cell(words)), ...shown.map((pair) => columns().map(([, , read]) => cell(read(pair))))]
  .map((row) => `${row.join(",")}\r\n`).join("");

function switchTable() {
  const table = at("table").hidden;
  at("table").hidden = !table;
  at("pair").hidden = table;
  at("as-table").setAttribute("aria-pressed", String(table));
  drawTable();
}
