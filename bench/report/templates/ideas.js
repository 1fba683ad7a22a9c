"use strict";
// Shows the computed positions of each figure; it draws what it is given and computes no result.
const SCENES = JSON.parse(document.getElementById("positions").textContent);
const WIDTH = 360, HEIGHT = 240, LEFT = 44, RIGHT = 10, TOP = 8, BOTTOM = 38;
const PAUSE = 350; // milliseconds between positions while playing

function element(name, attributes = {}, ...children) {
  const found = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  found.append(...children);
  return found;
}
function words(number) {
  return number.toLocaleString("en", { maximumFractionDigits: 3 }).replace("-", "\u2212");
}
function ticks({ low, high, names }) {
  if (names) return names.map((text, value) => ({ value, text }));
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find(factor => factor * power >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step + 0); // never -0
  return found.map(value => ({ value, text: words(value) }));
}
function scale({ low, high }, from, to) {
  return value => from + ((value - low) / (high - low)) * (to - from);
}

const DRAW = {
  line(mark, x, y, many = false) {
    const points = mark.x.map((value, k) => `${x(value).toFixed(1)},${y(mark.y[k]).toFixed(1)}`).join(" ");
    return [element("polyline", { class: mark.look + (many ? " many" : ""), points })];
  },
  points(mark, x, y) {
    const r = { data: 1.8, here: 5 }[mark.look] ?? 3;
    return mark.x.map((value, k) => element("circle", { class: mark.look, cx: x(value), cy: y(mark.y[k]), r }));
  },
  bars(mark, x, y) {
    const width = x(mark.x[1]) - x(mark.x[0]);
    return mark.x.map((value, k) => element("rect", {
      class: "bar " + mark.look, x: x(value) - width / 2 + .5, width: width - 1,
      y: y(mark.y[k]), height: y(0) - y(mark.y[k]),
    }));
  },
  band(mark, x) {
    return [element("rect", {
      class: "band " + mark.look, x: x(mark.x[0]), width: x(mark.x[1]) - x(mark.x[0]), y: TOP, height: HEIGHT - TOP - BOTTOM,
    })];
  },
  cells(mark, x, y) {
    const size = x(1) - x(0);
    return mark.x.flatMap((column, k) => {
      const value = mark.value[k] ?? 0, left = x(column) - size / 2, top = y(mark.y[k]) - size / 2;
      const lines = mark.text[k].split("\n");
      return [
        element("rect", { class: value < 0 ? "cell negative" : "cell", x: left, y: top, width: size, height: size,
          style: `fill-opacity: ${(Math.abs(value) / 2).toFixed(3)}` }),
        ...lines.map((line, row) => element("text", { x: left + size / 2, "text-anchor": "middle",
          y: top + size / 2 + 4 + 13 * (row - (lines.length - 1) / 2) }, line)),
      ];
    });
  },
};

function axes(panel, x, y) {
  const bottom = HEIGHT - BOTTOM, right = WIDTH - RIGHT;
  const middle = (TOP + bottom) / 2;
  return [
    ...ticks(panel.x).flatMap(({ value, text }) => [
      element("line", { class: "grid", x1: x(value), x2: x(value), y1: TOP, y2: bottom }),
      element("text", { class: "tick", x: x(value), y: bottom + 14, "text-anchor": "middle" }, text),
    ]),
    ...ticks(panel.y).flatMap(({ value, text }) => [
      element("line", { class: "grid", x1: LEFT, x2: right, y1: y(value), y2: y(value) }),
      element("text", { class: "tick", x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, text),
    ]),
    element("text", { class: "axis", x: (LEFT + right) / 2, y: HEIGHT - 5, "text-anchor": "middle" }, panel.x.label),
    element("text", { class: "axis", x: 0, y: 0, "text-anchor": "middle", transform: `translate(11 ${middle}) rotate(-90)` }, panel.y.label),
  ];
}
function drawn(panel, marks, name) {
  const columns = panel.x.high - panel.x.low, rows = panel.y.high - panel.y.low;
  const height = panel.map ? (WIDTH / columns) * rows : HEIGHT;
  const x = panel.map ? scale(panel.x, 1, WIDTH - 1) : scale(panel.x, LEFT, WIDTH - RIGHT);
  const y = panel.map ? scale(panel.y, 1, height - 1) : scale(panel.y, HEIGHT - BOTTOM, TOP);
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-labelledby": name });
  if (!panel.map) svg.append(...axes(panel, x, y));
  const inside = panel.map ? svg : element("svg", {
    x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM,
    viewBox: `${LEFT} ${TOP} ${WIDTH - LEFT - RIGHT} ${HEIGHT - TOP - BOTTOM}`,
  });
  const order = mark => (mark.look === "here" ? 2 : mark.look === "data" ? 0 : 1);
  const sorted = marks.toSorted((a, b) => order(a) - order(b));
  const alike = mark => marks.filter(m => m.look === mark.look && m.kind === mark.kind).length > 1;
  for (const mark of sorted) inside.append(...DRAW[mark.kind](mark, x, y, alike(mark)));
  if (!panel.map) svg.append(inside);
  return svg;
}
function legend(marks) {
  const list = document.createElement("ul"), sample = [4, 32];
  list.className = "legend";
  const line = scale({ low: 0, high: 1 }, ...sample), level = () => 6;
  for (const mark of marks.filter(m => m.label)) {
    const shown = { ...mark, x: mark.kind === "points" ? [.5] : [0, 1], y: [0, 0] };
    const shapes = mark.kind === "band" || mark.kind === "bars"
      ? [element("rect", { class: `${mark.kind === "band" ? "band" : "bar"} ${mark.look}`, x: 8, y: 1, width: 20, height: 10 })]
      : DRAW[mark.kind](shown, line, level);
    const entry = document.createElement("li");
    entry.append(element("svg", { viewBox: "0 0 36 12", "aria-hidden": "true" }, ...shapes), mark.label);
    list.append(entry);
  }
  return list;
}

function start(name, scene) {
  const section = document.getElementById(name), button = section.querySelector("button");
  const inputs = [...section.querySelectorAll("input")], said = section.querySelector(".said");
  const places = scene.panels.map((panel, k) => {
    const place = document.createElement("div"), title = document.createElement("h3");
    place.className = "panel";
    title.id = `${name}-panel-${k}`;
    title.textContent = panel.title;
    place.append(title);
    section.querySelector(".panels").append(place);
    return place;
  });
  function show() {
    const index = inputs.reduce((sum, input, k) => sum * scene.controls[k].values.length + Number(input.value), 0);
    inputs.forEach((input, k) => {
      const text = scene.controls[k].values[input.value];
      input.setAttribute("aria-valuetext", text);
      input.previousElementSibling.textContent = text;
    });
    const position = scene.positions[index];
    scene.panels.forEach((panel, k) => {
      const marks = [...(panel.fixed ?? []), ...position.marks[k]];
      places[k].replaceChildren(places[k].firstElementChild, drawn(panel, marks, `${name}-panel-${k}`), legend(marks));
    });
    said.replaceChildren(...position.sentences.map(sentence => {
      const paragraph = document.createElement("p");
      paragraph.textContent = sentence;
      return paragraph;
    }));
  }
  function keep() {
    history.replaceState(null, "", `#${name}=${inputs.map(input => input.value).join(".")}`);
  }
  let timer = null;
  function call(word) {
    button.textContent = word;
    button.setAttribute("aria-label", `${word} the slider ${scene.controls.at(-1).label}`);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    call("Play");
  }
  call("Play");
  button.addEventListener("click", () => {
    if (timer !== null) return stop();
    const last = inputs.at(-1);
    if (last.value === last.max) last.value = 0;
    show();
    call("Pause");
    timer = setInterval(() => {
      last.stepUp();
      show();
      if (last.value === last.max) stop();
    }, PAUSE);
  });
  for (const input of inputs) input.addEventListener("input", () => { stop(); show(); keep(); });
  const data = new Blob([JSON.stringify(scene)], { type: "application/json" });
  section.querySelector(".download").href = URL.createObjectURL(data);
  const [wanted, values] = decodeURIComponent(location.hash.slice(1)).split("=");
  if (wanted === name && values) {
    values.split(".").forEach((value, k) => { if (inputs[k]) inputs[k].value = value; });
    section.scrollIntoView();
  }
  show();
}
for (const [name, scene] of Object.entries(SCENES)) start(name, scene);
