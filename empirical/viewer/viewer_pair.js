// ---------------------------------------------------------------- one pair: one way of drawing for each kind of context

const BOUNDARY = 24; // characters that a text may lose for its end to be that of a word

// Spans of a context as they are shown: cut at the ends of words where the document goes on, with an ellipsis there.
function ended(context) {
  const spans = context.spans.slice();
  const goesOn = context.goes_on || [false, false];
  const cut = (from, to, step, pattern) => {
    let left = BOUNDARY;
    for (let i = from; i !== to; i += step) {
      const found = spans[i].search(pattern);
      if (found >= 0) return [i, found];
      left -= spans[i].length;
      if (left < 0) return null;
    }
    return null;
  };
  if (goesOn[0]) {
    const first = cut(0, context.peak, 1, /\s/);
    if (first) {
      for (let i = 0; i < first[0]; i++) spans[i] = "";
      spans[first[0]] = spans[first[0]].slice(first[1]);
    }
  }
  if (goesOn[1]) {
    const last = cut(spans.length - 1, context.peak, -1, /\s\S*$/);
    if (last) {
      for (let i = spans.length - 1; i > last[0]; i--) spans[i] = "";
      spans[last[0]] = spans[last[0]].slice(0, last[1]);
    }
  }
  return spans;
}

// Signs for what has no ink; the style sheet draws them, so that they are not copied with the text.
function blanks(span) {
  if (/^[ ]+$/.test(span)) return " blank";
  if (/^[\n\r]/.test(span)) return " break";
  if (/^\t/.test(span)) return " tab";
  return "";
}

const KINDS = {
  text(context, side) {
    const text = element("pre", undefined, { dir: "auto" });
    const goesOn = context.goes_on || [false, false];
    const spans = ended(context);
    if (goesOn[0]) text.append(element("i", undefined, { class: "cut" }));
    spans.forEach((span, i) => {
      if (span === "" && context.spans[i] !== "") return;
      const levels = [0, 1].map((one) => Math.round((parseInt(context.heat[one][i], 16) * 100) / 15));
      const drawn = element("span", span, {
        class: `t${i === context.peak ? " peak" : ""}${blanks(span)}`,
        title: `A ${levels[0]}%, B ${levels[1]}% of its strongest`,
      });
      drawn.style.setProperty("--own", `${levels[side]}%`);
      drawn.style.setProperty("--other", `${levels[1 - side]}%`);
      text.append(drawn);
    });
    if (goesOn[1]) text.append(element("i", undefined, { class: "cut" }));
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

function judged(pair) {
  const parts = [];
  const error = pair.margin_error === undefined ? "" : ` \u00b1 ${number(pair.margin_error, 3)}`;
  if (pair.margin !== undefined) parts.push(`margin over the next-best partner ${number(pair.margin, 3)}${error}`);
  if (pair.stability !== undefined) parts.push(`found in ${Math.round(100 * pair.stability)}% of random halves of the text`);
  if (pair.lexical_share !== undefined) {
    parts.push(`${Math.round(100 * pair.lexical_share)}% of the covariance comes from the text of the span alone`);
  }
  if (pair.recurs !== undefined) parts.push(`recurs in ${pair.recurs || "no"} further model${pair.recurs === 1 ? "" : "s"}`);
  return parts.join(" \u00b7 ");
}

function legend() {
  const key = element("p", undefined, { class: "legend" });
  const tinted = (words, own, other) => {
    const made = element("span", words, { class: "t key" });
    made.style.setProperty("--own", own);
    made.style.setProperty("--other", other);
    return made;
  };
  key.append(tinted("background", "70%", "0%"), " this neuron, ", tinted("underline", "0%", "100%"),
    " its partner, frame: the strongest place, \u2026 the document goes on; \u2423 blanks, \u23ce line break, \u21e5 tab. " +
    "\u03c3: standard deviations above the neuron\u2019s mean; \u2013: not measured.");
  return key;
}

function show(pair) {
  const panel = at("pair");
  if (!pair) {
    panel.replaceChildren(element("p", "No pair fits these filters."));
    return;
  }
  const verdict = data.threshold === null ? "" : Math.abs(pair.rho) >= data.threshold
    ? ` \u03c1 is above the calibrated threshold ${number(data.threshold)}.`
    : ` \u03c1 is below the calibrated threshold ${number(data.threshold)}: pairs of the null are as strong.`;
  const sides = element("div", undefined, { class: "sides" });
  for (const side of [0, 1]) {
    const column = element("section");
    column.append(element("h3", `${"AB"[side]}: strongest of ${neuron(pair, side)} in ${shortName(side)}`));
    for (const i of pair.top[side]) column.append(drawContext(pair.contexts[i], side));
    sides.append(column);
  }
  panel.replaceChildren(element("h2", `${title(pair)}, \u03c1 = ${number(pair.rho, 3)}`), tools(pair));
  panel.append(element("p", `A layer ${pair.neurons[0][0]}, neuron ${pair.neurons[0][1]}; ` +
    `B layer ${pair.neurons[1][0]}, neuron ${pair.neurons[1][1]}.${verdict}`));
  if (judged(pair)) panel.append(element("p", judged(pair)));
  if (pair.contexts.some((context) => context.kind === "text")) panel.append(legend());
  panel.append(sides);
  panel.scrollTop = 0;
  for (const text of panel.querySelectorAll("pre")) { // a stop of the keyboard where there is something to scroll
    if (text.scrollHeight > text.clientHeight + 1) text.tabIndex = 0;
  }
}
