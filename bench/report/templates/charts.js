// Learning curves, drawn in the place of the figure, with axes that follow the zoom.
const [WIDE, HIGH, LEFT, BOTTOM, TOP, RIGHT] = [360, 210, 40, 32, 8, 8];
const inside = [WIDE - LEFT - RIGHT, HIGH - TOP - BOTTOM];
const round = value => String(+value.toFixed(2)).replace("-", "\u2212");
const steps = value => Math.abs(value) >= 1e6 ? round(value / 1e6) + "M" : Math.abs(value) >= 1e3 ? round(value / 1e3) + "k" : round(value);
function ticks(low, high) {
  const raw = (high - low) / 4, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= raw);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) found.push(+v.toPrecision(10));
  return found;
}
function range(lines, data) {
  const xs = lines.flatMap(line => line.step);
  const ys = lines.flatMap(line => [...line.mean, ...line.ci_low, ...line.ci_high]).filter(v => v !== null);
  if (data !== undefined) ys.push(data);
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const gap = (high - low || 1) * 0.05;
  return [left, -(high + gap), right, -(low - gap)]; // y points down, as on the page
}
function chart(task, lines) {
  const svg = drawn("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", style: `aspect-ratio:${WIDE}/${HIGH}` });
  const last = line => `${methods[line.method].label} ${round(line.mean.at(-1))} at ${steps(line.step.at(-1))}`;
  svg.setAttribute("aria-label", `${task}, score over updates. At the end: ${lines.map(last).join(", ")}.`);
  const told = made("output");
  const place = made("div", { class: "view", id: "chart-" + task }, made("strong", {}, task), svg, told);
  if (!lines.length) { told.textContent = "not run"; return place; }
  const clip = "inside-" + task;
  svg.append(drawn("clipPath", { id: clip }, drawn("rect", { x: LEFT, y: TOP, width: inside[0], height: inside[1] })));
  const scene = svg.appendChild(drawn("g")), data = charts.data[task], home = range(lines, data);
  let view = home;
  const x = v => LEFT + (v - view[0]) / (view[2] - view[0]) * inside[0];
  const y = v => TOP + (-v - view[1]) / (view[3] - view[1]) * inside[1];
  const points = (xs, ys) => xs.map((v, i) => ys[i] === null ? "" : `${x(v).toFixed(1)},${y(ys[i]).toFixed(1)}`).filter(Boolean);
  function draw() {
    scene.replaceChildren();
    for (const v of ticks(view[0], view[2])) scene.append(
      drawn("line", { class: "grid", x1: x(v), x2: x(v), y1: TOP, y2: HIGH - BOTTOM }),
      drawn("text", { x: x(v), y: HIGH - BOTTOM + 13, "text-anchor": "middle" }, steps(v)));
    for (const v of ticks(-view[3], -view[1])) scene.append(
      drawn("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y(v), y2: y(v) }),
      drawn("text", { x: LEFT - 5, y: y(v) + 4, "text-anchor": "end" }, round(v)));
    scene.append(drawn("text", { x: LEFT + inside[0] / 2, y: HIGH - 4, "text-anchor": "middle" }, "updates"));
    if (data !== undefined) scene.append(drawn("line", { class: "data", "clip-path": `url(#${clip})`,
      x1: LEFT, x2: WIDE - RIGHT, y1: y(data), y2: y(data) }));
    for (const line of lines) {
      const { color, dash } = methods[line.method];
      const paint = charts.coloured.includes(line.method) ? `var(--c${color.slice(1)})` : "var(--line)";
      const band = [...points(line.step, line.ci_high), ...points(line.step, line.ci_low).reverse()];
      scene.append(drawn("g", { class: "series", "data-method": line.method, "clip-path": `url(#${clip})` },
        drawn("polygon", { points: band.join(" "), style: `fill:${paint};opacity:.15` }),
        drawn("polyline", { points: points(line.step, line.mean).join(" "), "stroke-dasharray": dash, "stroke-width": 1.8,
          style: `fill:none;stroke:${paint}` })));
    }
  }
  draw();
  const matrix = event => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const figure = { home, get: () => view, set: box => { view = box; draw(); }, at: event => {
    const point = matrix(event);
    return [view[0] + (point.x - LEFT) / inside[0] * (view[2] - view[0]), view[1] + (point.y - TOP) / inside[1] * (view[3] - view[1])];
  } };
  svg.addEventListener("pointermove", event => {
    const here = matrix(event), near = { distance: 24 };
    for (const line of lines) line.step.forEach((step, i) => {
      const distance = Math.hypot(x(step) - here.x, y(line.mean[i]) - here.y);
      if (distance < near.distance) Object.assign(near, { distance, line, i });
    });
    const { line, i } = near;
    if (line) highlight(line.method);
    const bounds = line && line.ci_low[i] !== null ? ` [${round(line.ci_low[i])}, ${round(line.ci_high[i])}]` : "";
    told.textContent = line ? `${methods[line.method].label} at ${steps(line.step[i])}: ${round(line.mean[i])}${bounds}` : "";
  });
  place.append(made("div", { class: "tools" }, ...zoomable(place, svg, figure, task)));
  return place;
}
const grid = made("div", { id: "charts" }, ...Object.entries(charts.lines).map(([task, lines]) => chart(task, lines)));
document.getElementById("charted").replaceWith(grid);
