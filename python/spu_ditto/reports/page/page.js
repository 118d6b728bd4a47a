// ------------------------------------------------------------------------------------------------------- the parts

// What a report is of, in a line.
const told = ({ model, ...rest }) => [model, ...Object.entries(rest).map((pair) => pair.join(" "))].join(" · ");

function totals() {
  const about = Object.entries(data.about);
  byId("name").textContent = data.about.model;
  document.title = told(data.about);
  byId("about").append(...about.slice(1).map(([what, words]) =>
    element("div", {}, element("dt", {}, what), element("dd", {}, words))));
  const casts = data.ops.filter((op) => op.cast).length;
  byId("summary").textContent =
    `${several(data.ops.length, "operation")} in ${several(data.layers.length, "layer")}, ` +
    `${several(casts, "cast")} between rings`;
  const add = (name, value, note = "") =>
    byId("totals").append(
      element("div", {}, element("dt", {}, name), element("dd", {}, value, element("small", {}, note))),
    );
  const { offline, online, rounds } = data.totals;
  add("bytes, all parties", bytes(offline + online), `${bytes((offline + online) / 3)} a party`);
  add("offline", bytes(offline), "P0 → P2");
  add("online", bytes(online), "P1 ↔ P2");
  add("rounds", count(rounds), "online");
  if (data.run) {
    const alone = data.run.online_seconds;
    add("measured", seconds(data.run.seconds), alone === null ? "offline included" : `${seconds(alone)} online`);
    if (data.run.peak_rss_bytes) add("peak memory", bytes(data.run.peak_rss_bytes), "three parties");
  }
  for (const [name, rate, trip] of data.networks) {
    add(`on a ${name}`, seconds(onNetwork(rate, trip).total), "network alone");
  }
  if (data.divergence) add("error", percent(data.divergence.result.relative_error), "of the results");
}

function skyline(ops, pace) {
  const scale = 36 / 64;
  const svg = drawing(ops.length * pace, 37, `rings: ${rings(ops).map((r) => r.name).join(", ")}`);
  svg.setAttribute("width", ops.length * pace);
  svg.setAttribute("height", 37);
  ops.forEach((op, n) => {
    const kind = op.cast ? "cast" : op.rounds || op.online || op.offline ? "talk" : "local";
    const shape = (name, size) => element("rect", {
      class: name, x: n * pace, y: 37 - size * scale, height: size * scale, width: Math.max(pace - 0.6, 0.4) });
    const bars = [shape(kind, Math.max(width(op.to), 1))];
    if (Array.isArray(op.to) && op.to[1]) bars.push(shape(`${kind}-foot`, op.to[1]));
    svg.append(mark(opText(op), ...bars));
  });
  return reachable(svg);
}

function opText(op) {
  const sent = op.offline + op.online ? `\n${bytes(op.offline)} offline, ${bytes(op.online)} online` : "";
  const waits = op.rounds ? `, ${several(op.rounds, "round")}` : "";
  const time = op.seconds === null ? "" : `\n${seconds(op.seconds)} at P1`;
  return `${op.kind}: ${op.from.map(ring).join(", ")} → ${ring(op.to)}\n[${op.shape.join(", ")}]${sent}${waits}${time}`;
}

function layers() {
  const rows = group(data.ops, (op) => op.layer);
  const pace = Math.min(4, 390 / Math.max(...rows.map((row) => row.ops.length)));
  const columns = [
    column("layer", (row) => row.name, (row) => layerName(row.name), { up: true }),
    column("rings, width/fraction", null, (row) => [
      skyline(row.ops, pace),
      element("small", {}, rings(row.ops).slice(0, 4).map((r) => r.name).join(" · ")),
    ], { kind: "rings" }),
    ...costColumns(rows, true),
  ];
  if (data.divergence) {
    const found = new Map(data.divergence.layers.map((layer) => [layer.name, layer]));
    const error = (row) => found.get(data.layers[row.name])?.deviation?.relative_error ?? -1;
    columns.push(column("error", error, (row) => {
      const kind = error(row) > data.divergence.tolerance ? "bad" : "";
      return error(row) < 0 ? "–" : element("span", { class: kind }, percent(error(row)));
    }));
  }
  table("layers", columns, rows);
}

// Another program or run beside this one; layers are the same where their names are.
function against() {
  const other = data.against;
  if (!other) return;
  byId("against").hidden = false;
  byId("other").textContent = `The other: ${told(other.about)}`;
  const nothing = { bytes: 0, rounds: 0, seconds: null };
  const own = new Map(group(data.ops, (op) => data.layers[op.layer]).map((row) =>
    [row.name, { bytes: row.offline + row.online, rounds: row.rounds, seconds: row.seconds }]));
  const pair = (name, here, there) => ({ name, here, there });
  const names = [...new Set([...data.layers, ...Object.keys(other.layers)])];
  const rows = names.map((name) => pair(name || "(no layer)", own.get(name) || nothing, other.layers[name] || nothing));
  const total = (layers, field) => sum(layers, (layer) => layer[field] || 0);
  const all = (layers, took) => ({ bytes: total(layers, "bytes"), rounds: total(layers, "rounds"), seconds: took });
  const whole = pair("all", all([...own.values()], data.run ? data.run.seconds : null),
    all(Object.values(other.layers), other.seconds));
  whole.here.rounds = data.totals.rounds;
  whole.there.rounds = other.rounds;
  const columns = [column("layer", null, (row) => row.name)];
  for (const [field, shown] of [["bytes", bytes], ["rounds", count], ["seconds", seconds]]) {
    if (field === "seconds" && whole.here.seconds === null && whole.there.seconds === null) continue;
    const factor = (row) => (row.here[field] && row.there[field] ? row.there[field] / row.here[field] : null);
    columns.push(column(`${field}, this`, null, (row) => shown(row.here[field])),
      column("the other", null, (row) => shown(row.there[field])),
      column("times", null, (row) => (factor(row) === null ? "–" : factor(row).toFixed(2))));
  }
  table("pairs", columns, [...rows, whole]);
}

function kinds() {
  const rows = group(data.ops, (op) => op.kind);
  const columns = [
    text("operation", (row) => row.name),
    column("executed", (row) => row.count, (row) => count(row.count)),
    ...costColumns(rows, false),
  ];
  table("kinds", columns, rows, columns[4]);
}

function heat() {
  const names = data.layers.map((_, index) => layerName(index));
  const measures = { bytes: (c) => c.offline + c.online, "offline bytes": (c) => c.offline, "online bytes": (c) => c.online,
    rounds: (c) => c.rounds, ...(data.run ? { time: (c) => c.seconds } : {}), operations: (c) => c.count };
  const form = { rounds: count, operations: count, time: seconds };
  const cells = group(data.ops, (op) => `${op.layer} ${op.kind}`);
  const show = (measure) => {
    const value = measures[measure], written = form[measure] || bytes;
    const held = group(data.ops, (op) => op.kind).filter((k) => value(k) > 0).sort((a, b) => value(b) - value(a)).slice(0, 14);
    const largest = Math.max(...cells.map(value));
    const found = new Map(cells.map((cell) => [cell.name, cell]));
    const head = element("tr", {}, element("td"), ...held.map((k) => element("th", { scope: "col" }, k.name)));
    const rows = names.map((name, index) =>
      element("tr", {}, element("th", { scope: "row" }, name), ...held.map((k) => {
        const costs = found.get(`${index} ${k.name}`), size = costs ? value(costs) : 0, share = size / largest;
        // Black or white, whichever is read on it, in the light and in the dark.
        const heat = 0.07 + 0.93 * share, kind = heat < 0.65 ? "low" : heat < 0.852 ? "mid" : "high";
        const cell = size ? { class: kind, style: `background:rgb(var(--heat) / ${heat})` } : {};
        return element("td", {}, element("span", cell, size ? written(size) : ""));
      })));
    byId("heat").replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
  };
  Object.keys(measures).forEach((measure, n) => {
    const input = element("input", { type: "radio", name: "metric", value: measure });
    input.checked = n === 0;
    input.addEventListener("change", () => show(measure));
    byId("metric").append(element("label", {}, input, measure));
  });
  show("bytes");
}

const bits = (rate) => scaled(rate, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"], 1000).replace(/\.0+ /, " ");

function onNetwork(rate, trip) {
  const { offline, online, rounds } = data.totals;
  const path = (bytes, messages) => ({ transfer: (8 * bytes) / rate, messages, waiting: (messages * trip) / 2 });
  const times = [path(offline, offline > 0 ? 1 : 0), path(online / 2, rounds)];
  for (const time of times) time.total = time.transfer + time.waiting;
  return times[0].total > times[1].total ? times[0] : times[1];
}

function networks() {
  const own = () => ["yours", 10 ** byId("bandwidth").value, 10 ** byId("trip").value];
  const draw = () => {
    const all = [...data.networks, own()];
    const times = all.map(([, rate, trip]) => onNetwork(rate, trip));
    const left = 52, wide = room() - left - 80, largest = Math.max(...times.map((t) => t.total));
    const svg = drawing(room(), all.length * 34 + 4, all.map(([name], n) => `${name} ${seconds(times[n].total)}`).join(", "));
    all.forEach(([name, rate, trip], n) => {
      const { transfer, messages, waiting, total } = times[n], y = n * 34 + 4;
      const a = (wide * transfer) / largest, b = (wide * waiting) / largest;
      const part = (x, size, kind, words) => svg.append(mark(words,
        element("rect", { class: kind, x, y, width: Math.max(size, 0.5), height: 20 })));
      svg.append(element("text", { x: 0, y: y + 14, class: "ink" }, name));
      part(left, a, "talk-foot", `${name}: ${seconds(transfer)} for the bytes at ${bits(rate)}`);
      part(left + a, b, "cast", `${name}: ${seconds(waiting)} for ${several(messages, "message")} of ${seconds(trip / 2)}`);
      svg.append(element("text", { x: left + a + b + 8, y: y + 14, class: "ink" }, seconds(total)));
    });
    byId("networks").replaceChildren(reachable(svg));
    byId("bandwidth-value").textContent = bits(own()[1]);
    byId("trip-value").textContent = seconds(own()[2]);
  };
  byId("own").append(element("span", {}, element("i", { class: "key", style: "background:var(--talk-foot)" }), "bytes ",
    element("i", { class: "key cast" }), "rounds"));
  byId("own").addEventListener("input", draw);
  drawn(draw);
}

function casts() {
  const key = (op) => `${op.layer}|${op.kind}|${ring(op.from[0])}|${ring(op.to)}`;
  const rows = group(data.ops.filter((op) => op.cast), key).map((row) => ({
    ...row, op: row.ops[0], size: sum(row.ops, elements), bits: 8 * (row.offline + row.online) }));
  const elementsColumn = column("elements", (row) => row.size, (row) => count(row.size));
  table("casts", [
    column("where", (row) => row.op.layer, (row) => layerName(row.op.layer), { up: true }),
    text("cast", (row) => row.op.kind),
    column("from", (row) => width(row.op.from[0]), (row) => ring(row.op.from[0])),
    column("to", (row) => width(row.op.to), (row) => ring(row.op.to)),
    column("times", (row) => row.count, (row) => count(row.count)),
    elementsColumn,
    column("bits sent", (row) => row.bits, (row) => count(row.bits)),
  ], rows, elementsColumn);
  flow(rows);
}

// From the ring's width on the left to that on the right; a line is as thick as what it carries.
function flow(rows) {
  const svg = drawing(340, 400, "casts by width"), y = (w) => 386 - (w * 370) / 64;
  const flows = group(rows, (row) => `${width(row.op.from[0])} ${width(row.op.to)}`);
  const size = (f) => sum(f.ops, (row) => row.size), largest = Math.max(1, ...flows.map(size));
  for (const w of [0, 8, 16, 32, 48, 64]) {
    svg.append(element("line", { class: "axis", x1: 40, x2: 300, y1: y(w), y2: y(w) }));
    for (const x of [8, 312]) svg.append(element("text", { x, y: y(w) + 4 }, w || "bits"));
  }
  for (const f of flows.sort((a, b) => size(b) - size(a))) {
    const [from, to] = f.name.split(" ").map(Number);
    const tip = `${from} → ${to} bits: ${count(size(f))} elements in ${sum(f.ops, (r) => r.count)} casts`;
    svg.append(mark(tip, element("path", { d: `M44 ${y(from)}C150 ${y(from)} 190 ${y(to)} 296 ${y(to)}`, fill: "none",
      stroke: `var(--${to > from ? "cast" : "talk"})`, "stroke-width": 1 + 11 * Math.sqrt(size(f) / largest),
      "stroke-opacity": 0.6, "stroke-linecap": "round" })));
  }
  byId("flow").append(reachable(svg));
}

const sourceLine = (line) => (line ? `${line.file.split("/").slice(-2).join("/")}:${line.number}` : "a line that is not known");

function errors() {
  const found = data.divergence;
  if (!found) return;
  byId("divergence").hidden = false;
  byId("verdict").textContent = found.verdict;
  byId("verdict").className = found.ok ? "good" : "bad";
  const shown = [...found.layers, { name: "result", deviation: found.result, headroom_bits: null }];
  const least = 1e-7, exponent = (value) => Math.log10(Math.min(Math.max(value, least), 10));
  const all = [found.tolerance, ...shown.filter((l) => l.deviation).map((l) => l.deviation.relative_error)].map(exponent);
  const low = Math.floor(Math.min(...all)), high = Math.max(Math.ceil(Math.max(...all)), low + 1);
  drawn(() => byId("errors").replaceChildren(errorsDrawn(shown, exponent, low, high)));
}

function errorsDrawn(shown, exponent, low, high) {
  const found = data.divergence, narrow = room() < 700;
  // In a narrow window names stand above their lines.
  const left = narrow ? 16 : 250, wide = room() - left - (narrow ? 96 : 190), pace = narrow ? 42 : 24;
  const bottom = shown.length * pace + 16;
  const x = (value) => left + (wide * (exponent(value) - low)) / (high - low);
  const svg = drawing(room(), bottom + 24, "relative error of each layer");
  for (let e = low; e <= high; e += 1) {
    svg.append(element("line", { class: "axis", x1: x(10 ** e), x2: x(10 ** e), y1: 14, y2: bottom }),
      element("text", { x: x(10 ** e), y: bottom + 16, "text-anchor": "middle" }, percent(10 ** e)));
  }
  const limit = x(found.tolerance);
  svg.append(element("line", { x1: limit, x2: limit, y1: 14, y2: bottom, stroke: "var(--bad)", "stroke-dasharray": "3 4" }),
    element("text", { x: limit, y: 8, "text-anchor": "middle" }, `tolerance ${percent(found.tolerance)}`),
    element("text", { x: room(), y: 8, "text-anchor": "end" }, narrow ? "headroom" : "headroom of ranges"));
  shown.forEach((layer, n) => {
    const y = n * pace + (narrow ? 46 : 28), { headroom_bits: spare, out_of_range: outside } = layer;
    svg.append(element("text", { x: 0, y: narrow ? y - 14 : y + 4, class: "ink" }, layer.name || "(no layer)"));
    if (spare !== null) {
      const kind = outside ? "bad" : "";
      svg.append(element("text", { x: room(), y: y + 4, class: kind, "text-anchor": "end" }, `${spare.toFixed(1)} bits`));
    }
    if (!layer.deviation) return;
    const { max_error: most, largest, relative_error: error, place } = layer.deviation;
    const color = error <= found.tolerance ? "var(--online)" : "var(--bad)";
    const words = `${layer.name || "(no layer)"}: off by ${small(most)} where the largest value is ${small(largest)}` +
      (place ? `\n${place.operation} at ${sourceLine(place.line)}` : "") + (outside ? `\n${outside}` : "");
    svg.append(element("line", { x1: left, x2: x(error), y1: y, y2: y, stroke: color, "stroke-width": 2 }),
      mark(words, element("circle", { cx: x(error), cy: y, r: 4.5, fill: color })),
      element("text", { x: x(error) + 10, y: y + 4 }, percent(error)));
  });
  return reachable(svg);
}

function timeline() {
  if (!data.run || !data.run.spans.length) return;
  byId("timeline").hidden = false;
  drawn(() => byId("parties").replaceChildren(timelineDrawn()));
}

function timelineDrawn() {
  const end = Math.max(...data.run.spans.map((span) => span[3])), left = 34, wide = room() - left - 4;
  const svg = drawing(room(), 124, "timeline of the three parties"), x = (t) => left + (wide * t) / end;
  const ticks = wide < 500 ? 2 : 4;
  for (let n = 0; n <= ticks; n += 1) {
    const t = (end * n) / ticks;
    svg.append(element("line", { class: "axis", x1: x(t), x2: x(t), y1: 0, y2: 106 }),
      element("text", { x: x(t), y: 121, "text-anchor": n === ticks ? "end" : n ? "middle" : "start" }, seconds(t)));
  }
  for (const party of [0, 1, 2]) svg.append(element("text", { x: 0, y: party * 36 + 19, class: "ink" }, `P${party}`));
  for (const [party, layer, from, to] of data.run.spans) {
    const words = `P${party} in ${layerName(layer)}: ${seconds(from)} to ${seconds(to)}`, size = x(to) - x(from);
    svg.append(mark(words, element("rect", { class: layer % 2 ? "odd" : "even", x: x(from), y: party * 36 + 2, rx: 1.5,
      width: Math.max(size - 0.7, 0.4), height: 25 })));
    const path = layerName(layer).split("/");
    const label = [path.slice(-2).join("/"), path.at(-1)].find((name) => size > 6.4 * name.length + 10);
    if (label) {
      svg.append(element("text", { class: "ink", x: x(from) + 6, y: party * 36 + 19, "pointer-events": "none" }, label));
    }
  }
  return reachable(svg);
}

// ------------------------------------------------------------------------------------------------ tips and colours

function tips() {
  const tip = byId("tip");
  const show = (node, left, top) => {
    tip.textContent = node.getAttribute("aria-label");
    tip.hidden = false;
    const x = Math.min(left + 14, innerWidth - tip.offsetWidth - 8);
    const y = top + 18 + tip.offsetHeight > innerHeight ? top - tip.offsetHeight - 10 : top + 18;
    tip.style.transform = `translate(${Math.max(x, 4)}px, ${y}px)`;
  };
  const target = (event) => (event.target.closest ? event.target.closest("svg [role=img]") : null);
  document.addEventListener("mousemove", (event) => {
    if (target(event)) show(target(event), event.clientX, event.clientY);
    else tip.hidden = true;
  });
  document.addEventListener("focusin", (event) => {
    const box = event.target.getBoundingClientRect();
    if (target(event)) show(target(event), box.left, box.bottom - 10);
  });
  document.addEventListener("focusout", () => { tip.hidden = true; });
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tip.hidden = true;
    if (!target(event) || !(event.key in steps)) return;
    event.preventDefault();
    const marks = [...target(event).ownerSVGElement.querySelectorAll("[role=img]")], from = marks.indexOf(target(event));
    const to = marks[Math.min(Math.max(from + steps[event.key], 0), marks.length - 1)];
    marks[from].setAttribute("tabindex", -1);
    to.setAttribute("tabindex", 0);
    to.focus();
  });
}

// What is as wide as the window is drawn again when that changes.
const drawings = [];
function drawn(draw) {
  drawings.push(draw);
  draw();
}
addEventListener("resize", () => drawings.forEach((draw) => draw()));

function theme() {
  const root = document.documentElement;
  if (matchMedia("(prefers-color-scheme: dark)").matches) root.dataset.theme = "dark";
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  });
}

for (const part of [theme, totals, layers, against, errors, heat, kinds, networks, casts, timeline, tips]) part();
