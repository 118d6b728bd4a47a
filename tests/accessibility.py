"""What somebody who sees little, or has no mouse, needs of a page; each rule gives what breaks it.

Sources: WCAG 2.2, 1.1.1 (names), 1.4.3 (contrast), 1.4.10 (reflow), 2.1.1 (keyboard), 4.1.2 (roles).
"""

from __future__ import annotations

from tests.browser import Page

_RULES = """
(() => {
  const problems = [];
  const told = (node) => {
    const kind = node.getAttribute("class"), words = (node.textContent || "").trim().slice(0, 40);
    return `<${node.tagName.toLowerCase()}${node.id ? ` #${node.id}` : ""}${kind ? ` .${kind}` : ""}> ${words}`;
  };
  const visible = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
    node.getClientRects().length > 0;
  const all = (selector) => [...document.querySelectorAll(selector)].filter(visible);

  // A colour as the browser draws it: red, green, blue, opacity, each 0 to 1.
  const dot = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const drawn = (colour) => {
    dot.clearRect(0, 0, 1, 1);
    dot.fillStyle = colour;
    dot.fillRect(0, 0, 1, 1);
    return [...dot.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
  };
  const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3])).concat(1);
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(drawn(getComputedStyle(at).backgroundColor));
    let seen = [1, 1, 1, 1];
    for (const layer of layers.reverse()) seen = over(layer, seen);
    const box = node.getBoundingClientRect();
    if (node.closest("svg")) {
      // What of the drawing lies below the middle of a text, from the page upwards.
      for (const shape of node.closest("svg").querySelectorAll("rect")) {
        const at = shape.getBoundingClientRect(), x = box.left + box.width / 2, y = box.top + box.height / 2;
        const inside = at.left <= x && x <= at.right && at.top <= y && y <= at.bottom;
        if (inside) seen = over(drawn(getComputedStyle(shape).fill), seen);
      }
    }
    return seen;
  };
  for (const node of all("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || node.closest("script, style, .hidden, :disabled")) continue;
    const style = getComputedStyle(node), size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const below = behind(node), colour = drawn(node.closest("svg") ? style.fill : style.color);
    const found = ratio(over(colour, below), below);
    if (found < needed) problems.push(`contrast ${found.toFixed(2)} of ${told(node)}`);
  }

  const named = (node) => {
    const ids = (node.getAttribute("aria-labelledby") || "").split(" ");
    const by = ids.map((id) => document.getElementById(id)?.textContent);
    return Boolean(node.getAttribute("aria-label") || by.join("").trim() ||
      [...(node.labels || [])].some((label) => label.textContent.trim()) ||
      (["BUTTON", "SUMMARY", "A"].includes(node.tagName) && node.textContent.trim()));
  };
  const pressed = "button, input, textarea, select, summary, a[href], [tabindex]:not([tabindex='-1'])";
  for (const node of all(`${pressed}, [role=img], [role=region], canvas`)) {
    if (!named(node)) problems.push(`no name: ${told(node)}`);
    if (node.tabIndex > 0) problems.push(`an order of its own: ${told(node)}`);
  }
  // What is inside of an image is not told, and what may be pressed in it not reached by its name.
  for (const node of all("[role=img] [tabindex], [role=img] [role], [aria-hidden=true] [tabindex]")) {
    problems.push(`hidden by what it is in: ${told(node)}`);
  }
  for (const node of all("[tabindex='0']")) {
    if (node.matches(pressed.split(", [tab")[0]) || node.getAttribute("role")) continue;
    problems.push(`no role: ${told(node)}`);
  }
  for (const node of all("[aria-label]")) {
    if (["DIV", "SPAN", "P", "PATH", "RECT", "CIRCLE", "G", "CANVAS", "SVG"].includes(node.tagName.toUpperCase()) &&
      !node.getAttribute("role")) problems.push(`a name without a role: ${told(node)}`);
  }
  // What scrolls has to do so without a mouse.
  for (const node of all("body *")) {
    const style = getComputedStyle(node);
    const scrolls = (/auto|scroll/.test(style.overflowX) && node.scrollWidth > node.clientWidth + 1) ||
      (/auto|scroll/.test(style.overflowY) && node.scrollHeight > node.clientHeight + 1);
    if (scrolls && node.tabIndex < 0) problems.push(`scrolls by mouse alone: ${told(node)}`);
  }
  for (const node of all("th")) if (!node.getAttribute("scope")) problems.push(`a heading of nothing: ${told(node)}`);
  for (const node of all("table")) {
    const cells = [...node.querySelectorAll("td")].filter((cell) => !cell.closest("tr").querySelector("th"));
    if (cells.length) problems.push(`a row without a heading: ${told(cells[0].closest("tr"))}`);
  }
  let level = 0;
  for (const node of all("h1, h2, h3, h4, h5, h6")) {
    const now = Number(node.tagName[1]);
    if (now > level + 1) problems.push(`from heading ${level} to ${now}: ${told(node)}`);
    level = now;
  }
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) problems.push(`two of #${id}`);
  if (document.querySelectorAll("main").length !== 1 || document.querySelectorAll("h1").length !== 1) {
    problems.push("not one main and one h1");
  }
  if (!document.documentElement.lang || !document.title) problems.push("no language or no title");
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = all("body *").filter((node) => node.getBoundingClientRect().right > root.clientWidth + 1 &&
      !node.parentElement.closest(".scroll"));
    problems.push(`wider than the window: ${wide.slice(0, 3).map(told).join("; ")}`);
  }
  return problems;
})()
"""


def problems(page: Page) -> list[str]:
    """What is wrong with a page as it is now."""
    found: list[str] = page.run(_RULES)
    return found
