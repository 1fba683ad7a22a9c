"use strict";
const { methods, charts } = JSON.parse(document.getElementById("shared").textContent);
const made = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
const SVG = "http://www.w3.org/2000/svg";
const drawn = (name, attributes = {}, ...children) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

// Sorting: numbers first, in descending order, then words. Rows without a name of their own stay
// below the row that they belong to, and means and totals stay at the end.
const textOf = cell => (cell?.firstChild?.textContent ?? "").trim();
const key = (row, column) => {
  const text = textOf(row.cells[column]);
  const value = parseFloat(text.replace(/\u2212/g, "-").replace(/,/g, ""));
  return Number.isNaN(value) ? text : value;
};
const compare = (a, b, sign) => {
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1; // "not run" comes last
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
};
const units = body => {
  const found = [];
  for (const row of body.rows) {
    if (textOf(row.cells[0]) || !found.length) found.push([row]); else found.at(-1).push(row);
  }
  return found;
};
// A value that columns of a table repeat is shown in the first row alone.
function merge(table) {
  for (const column of JSON.parse(table.dataset.merge ?? "[]")) {
    for (const body of table.tBodies) {
      [...body.rows].forEach((row, i) => row.cells[column].classList.toggle(
        "again", i > 0 && row.cells[column].textContent === body.rows[i - 1].cells[column].textContent));
    }
  }
}
function sort(table, column, sign) {
  const blocks = [...table.tBodies].map(units);
  const fixed = block => /^(mean|total)\b/.test(textOf(block[0][0].cells[0]));
  const order = (x, y) => compare(key(x[0], column), key(y[0], column), sign);
  if (blocks.length > 1 && blocks.every(block => block.length === 1)) {
    const free = blocks.filter(block => !fixed(block)).map(block => block[0]).sort(order);
    const last = blocks.filter(fixed).map(block => block[0]);
    table.append(...[...free, ...last].map(unit => unit[0].parentNode));
    return;
  }
  blocks.forEach((block, index) => {
    if (!fixed(block)) table.tBodies[index].append(...block.sort(order).flat());
  });
}
for (const table of document.querySelectorAll("table")) {
  merge(table);
  const heads = [...(table.tHead?.rows[0].cells ?? [])];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const [first, other] = column ? ["descending", "ascending"] : ["ascending", "descending"];
    const order = head.getAttribute("aria-sort") === first ? other : first;
    heads.forEach(h => h.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    sort(table, column, order === "ascending" ? 1 : -1);
    merge(table);
  }));
}

// A click on a cell gives its address; an address inside a folded table opens it.
function unfold() {
  let place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const target = place;
  for (; place; place = place.parentElement) if (place.tagName === "DETAILS") place.open = true;
  target?.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", unfold);
if (location.hash) unfold();
document.addEventListener("click", event => {
  const cell = event.target.closest("tbody td, tbody th");
  if (!cell || event.target.closest("a, button") || String(getSelection())) return;
  const [left, top] = [scrollX, scrollY];
  location.replace("#" + cell.id);
  scrollTo(left, top);
});

// A method under the pointer or the focus stands out in every figure that shows it.
const rule = document.head.appendChild(document.createElement("style"));
let pinned = "";
function highlight(method) {
  const own = `[data-method="${CSS.escape(method)}"]`;
  rule.textContent = method && `figure:has(.series${own}) .series:not(${own}) { opacity: .12 }
    th${own}, td${own} { background: var(--hover) }`;
  document.body.dataset.highlighted = method;
}
const under = event => event.target.closest?.("[data-method]")?.dataset.method ?? pinned;
document.addEventListener("pointerover", event => highlight(under(event)));
document.addEventListener("focusin", event => highlight(under(event)));
document.addEventListener("focusout", () => highlight(pinned));
for (const [method, { label, color, dash }] of Object.entries(methods)) {
  const line = drawn("line", { x1: 0, x2: 30, y1: 5, y2: 5, "stroke-width": 3, "stroke-dasharray": dash,
    style: `stroke: var(--c${color.slice(1)})` });
  const chip = made("button", { type: "button", "aria-pressed": "false", "data-method": method },
    drawn("svg", { viewBox: "0 0 30 10", "aria-hidden": "true" }, line), label);
  chip.addEventListener("click", () => {
    pinned = pinned === method ? "" : method;
    for (const other of chip.parentNode.children) {
      other.setAttribute("aria-pressed", String(other.dataset.method === pinned));
    }
    highlight(pinned);
  });
  document.getElementById("methods").append(chip);
}

document.getElementById("scheme")?.addEventListener("click", () => {
  const root = document.documentElement.style, system = matchMedia("(prefers-color-scheme: dark)").matches;
  root.colorScheme = (root.colorScheme || (system ? "dark" : "light")) === "dark" ? "light" : "dark";
});

// Zoom. A view is a box [left, top, right, bottom]; `figure` has its home, get(), set(view) and
// at(event), the point under the pointer in the same coordinates.
const scaled = ([a, b, c, d], [x, y], by) => [x + (a - x) * by, y + (b - y) * by, x + (c - x) * by, y + (d - y) * by];
const middle = ([a, b, c, d]) => [(a + c) / 2, (b + d) / 2];
function zoomable(place, svg, figure, name) {
  const touches = new Map();
  let start = null, band = null, pinch = null;
  const set = view => {
    figure.set(view);
    place.classList.toggle("zoomed", view.some((v, i) => Math.abs(v - figure.home[i]) > 1e-6 * Math.abs(figure.home[2] - figure.home[0])));
  };
  const spot = event => [event.clientX, event.clientY];
  const stop = () => { band?.remove(); start = band = null; };
  svg.addEventListener("pointerdown", event => {
    if (event.pointerType === "touch") {
      touches.set(event.pointerId, event);
      if (touches.size === 1 && place.classList.contains("zoomed")) start = { at: figure.at(event), view: figure.get() };
      else pinch = touches.size === 2 ? [...touches.values()] : null;
    } else if (event.button === 0) {
      event.preventDefault();
      svg.setPointerCapture(event.pointerId);
      start = { spot: spot(event), at: figure.at(event) };
    }
  });
  svg.addEventListener("pointermove", event => {
    if (touches.has(event.pointerId)) {
      touches.set(event.pointerId, event);
      if (pinch && touches.size === 2) {
        const now = [...touches.values()];
        const apart = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        const [one, two] = now.map(figure.at), by = apart(pinch) / Math.max(apart(now), 1);
        set(scaled(figure.get(), [(one[0] + two[0]) / 2, (one[1] + two[1]) / 2], by));
        pinch = now;
      } else if (start) {
        const [x, y] = figure.at(event), [a, b, c, d] = figure.get();
        const [dx, dy] = [start.at[0] - x, start.at[1] - y];
        set([a + dx, b + dy, c + dx, d + dy]);
      }
    } else if (start) {
      const [[x, y], [u, v]] = [start.spot, spot(event)], box = place.getBoundingClientRect();
      band ??= place.appendChild(made("div", { class: "band" }));
      band.style.cssText = `left:${Math.min(x, u) - box.left + place.scrollLeft}px;top:${Math.min(y, v) - box.top}px;` +
        `width:${Math.abs(u - x)}px;height:${Math.abs(v - y)}px`;
    }
  });
  svg.addEventListener("pointerup", event => {
    if (touches.delete(event.pointerId)) { pinch = null; start = null; return; }
    if (start && band) {
      const [[x, y], [u, v]] = [start.spot, spot(event)], [[a, b], [c, d]] = [start.at, figure.at(event)];
      const view = figure.get(), wide = Math.abs(u - x) > 8, high = Math.abs(v - y) > 8;
      const box = [wide ? Math.min(a, c) : view[0], high ? Math.min(b, d) : view[1],
        wide ? Math.max(a, c) : view[2], high ? Math.max(b, d) : view[3]];
      if (wide || high) set(box);
    }
    stop();
  });
  svg.addEventListener("pointercancel", event => { touches.delete(event.pointerId); pinch = null; stop(); });
  svg.addEventListener("dblclick", () => set(figure.home));
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const actions = { "+": ["Zoom in", () => set(scaled(figure.get(), middle(figure.get()), 1 / 1.5))],
    "−": ["Zoom out", () => set(scaled(figure.get(), middle(figure.get()), 1.5))], Reset: ["Reset", () => set(figure.home)] };
  return Object.entries(actions).map(([sign, [title, act]]) => {
    const button = made("button", { type: "button", title: `${title}; arrow keys move the view`, "aria-label": `${title}: ${name}` },
      sign);
    button.addEventListener("click", act);
    button.addEventListener("keydown", event => {
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      const [a, b, c, d] = figure.get(), [dx, dy] = [move[0] * (c - a) / 5, move[1] * (d - b) / 5];
      set([a + dx, b + dy, c + dx, d + dy]);
    });
    return button;
  });
}
for (const place of document.querySelectorAll("figure > .view")) {
  if (place.id === "charted") continue;
  const svg = place.firstElementChild, own = svg.viewBox.baseVal;
  const home = [own.x, own.y, own.x + own.width, own.y + own.height];
  const figure = {
    home,
    get: () => [own.x, own.y, own.x + own.width, own.y + own.height],
    set: ([a, b, c, d]) => svg.setAttribute("viewBox", [a, b, c - a, d - b].join(" ")),
    at: event => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      return [point.x, point.y];
    },
  };
  const name = place.parentNode.querySelector("figcaption strong").textContent;
  place.parentNode.querySelector(".tools").prepend(...zoomable(place, svg, figure, name));
}
