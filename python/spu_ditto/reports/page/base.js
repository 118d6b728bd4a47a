"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const sum = (rows, value) => rows.reduce((total, row) => total + value(row), 0);
const SVG = "http://www.w3.org/2000/svg";

function element(tag, attributes = {}, ...children) {
  const svg = ["svg", "rect", "text", "line", "path", "circle", "g"].includes(tag);
  const node = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function drawing(width, height, label) {
  return element("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
}

// A part of a drawing that tells something, under the mouse or when it has the focus.
function mark(words, ...shapes) {
  return element("g", { role: "img", tabindex: -1, "aria-label": words }, ...shapes);
}

// Tab reaches one mark of a drawing, the arrow keys the others.
function reachable(svg) {
  const first = svg.querySelector("[role=img]");
  if (first) first.setAttribute("tabindex", 0);
  else svg.setAttribute("role", "img");
  return svg;
}

// Pixels that a drawing may be wide: it is drawn in those, so that its text stays as large as the page's.
const room = () => Math.min(1184, Math.max(300, byId("layers").closest(".scroll").clientWidth));

// ------------------------------------------------------------------------------------------------ numbers as text

function scaled(value, units, step) {
  let n = 0;
  // What would be written as 1000 of a unit is 1.00 of the next.
  while (Math.abs(value) >= step * 0.9995 && n < units.length - 1) {
    value /= step;
    n += 1;
  }
  const digits = n === 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[n]}`;
}
const bytes = (value) => (value ? scaled(value, ["B", "kB", "MB", "GB", "TB"], 1000) : "–");
const count = (value) => (value ? value.toLocaleString("en") : "–");
const several = (value, noun) => `${value.toLocaleString("en")} ${noun}${value === 1 ? "" : "s"}`;
function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0 s";
  if (value >= 1) return `${value.toFixed(value < 10 ? 2 : 1)} s`;
  return value >= 1e-3 ? `${Number((value * 1e3).toPrecision(3))} ms` : `${(value * 1e6).toFixed(0)} µs`;
}
const small = (value) => (value === 0 ? "0" : value < 1e-3 ? value.toExponential(1) : value.toPrecision(2));
const percent = (value) => `${Number((value * 100).toPrecision(2))} %`;
const ring = (type) => (Array.isArray(type) ? type.join("/") : type);
const width = (type) => (Array.isArray(type) ? type[0] : type === "bit" ? 1 : 64);
const elements = (op) => op.shape.reduce((product, extent) => product * extent, 1);
const layerName = (index) => data.layers[index] || "(no layer)";

// ------------------------------------------------------------------------------------------------ what tables show

function group(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }
  return [...groups].map(([name, ops]) => ({ name, ops, ...costs(ops) }));
}

function costs(ops) {
  const measured = ops.length > 0 && ops[0].seconds !== null;
  return {
    count: ops.length,
    offline: sum(ops, (op) => op.offline),
    online: sum(ops, (op) => op.online),
    rounds: sum(ops, (op) => op.rounds),
    seconds: measured ? sum(ops, (op) => op.seconds) : null,
  };
}

const rings = (ops) => {
  const held = group(ops.filter((op) => op.to !== "bit"), (op) => ring(op.to));
  return held.map((g) => ({ name: g.name, size: sum(g.ops, elements) })).sort((a, b) => b.size - a.size);
};

function bar(parts, largest) {
  const node = element("span", { class: "bar", "aria-hidden": "true" });
  for (const [kind, value] of parts) {
    node.append(element("i", { class: kind, style: `width:${largest ? (100 * value) / largest : 0}%` }));
  }
  return node;
}

// A table whose columns sort. A column: title, value(row) to sort by, cell(row) to show (a string, a node or several).
function table(id, columns, rows, initial = null) {
  const head = element("tr"), body = element("tbody");
  const show = (ordered) =>
    body.replaceChildren(
      ...ordered.map((row) =>
        element("tr", {}, ...columns.map((column, n) => {
          const cell = element(n === 0 ? "th" : "td", n === 0 ? { scope: "row" } : {});
          if (column.kind) cell.className = column.kind;
          cell.append(...[column.cell(row)].flat());
          return cell;
        })),
      ),
    );
  const sort = (column, header, direction) => {
    for (const other of head.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    show([...rows].sort((a, b) => direction * order(column.value(a), column.value(b))));
  };
  for (const column of columns) {
    const header = element("th", { scope: "col" });
    if (column.kind) header.className = column.kind;
    if (column.value) {
      const button = element("button", { type: "button" }, column.title);
      // Numbers are asked for largest first, names and the program's order from the start.
      const first = column.kind === "text" || column.up ? 1 : -1;
      button.addEventListener("click", () => {
        const now = header.getAttribute("aria-sort");
        sort(column, header, now === null ? first : now === "ascending" ? -1 : 1);
      });
      header.append(button);
    } else header.append(column.title);
    head.append(header);
    if (column === initial) sort(column, header, -1);
  }
  if (!initial) show(rows);
  byId(id).append(element("thead", {}, head), body);
}

const column = (title, value, cell, more = {}) => ({ title, value, cell, ...more });
const text = (title, value) => column(title, value, value, { kind: "text" });

// Where bytes, rounds and time go; `brief` puts the two kinds of bytes below their sum.
function costColumns(rows, brief) {
  const total = (row) => row.offline + row.online;
  const largest = Math.max(...rows.map(total)), slowest = Math.max(...rows.map((row) => row.seconds || 0));
  const both = (row) => element("small", {}, `${bytes(row.offline)} + ${bytes(row.online)}`);
  const columns = [
    column(brief ? "bytes, offline + online" : "bytes", total, (row) => [
      bytes(total(row)), bar([["offline", row.offline], ["online", row.online]], largest), ...(brief ? [both(row)] : []),
    ]),
    column("rounds", (row) => row.rounds, (row) => count(row.rounds)),
  ];
  if (!brief) {
    columns.unshift(column("offline", (row) => row.offline, (row) => bytes(row.offline)),
      column("online", (row) => row.online, (row) => bytes(row.online)));
  }
  if (data.run) {
    columns.push(column("time at P1", (row) => row.seconds, (row) => [
      seconds(row.seconds), bar([["plain", row.seconds || 0]], slowest)]));
  }
  return columns;
}
