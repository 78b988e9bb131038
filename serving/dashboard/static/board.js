// What a page does by itself: charts answer to a pointer and to arrow keys, and what is open is kept current.
// Without it a chart is a picture with a table below, and the page is as old as its last line says.
"use strict";
const SVG = "http://www.w3.org/2000/svg";
const EVERY_MILLISECONDS = 60_000;
const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };

const chartAt = (target) => (target instanceof Element ? target.closest("svg[data-points]") : null);
const pointsOf = (svg) => (svg.points ??= JSON.parse(svg.dataset.points));

function nearest(svg, clientX) {
  const box = svg.getBoundingClientRect(), points = pointsOf(svg);
  const x = ((clientX - box.left) * svg.viewBox.baseVal.width) / box.width;
  let low = 0, high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle][0] + points[middle + 1][0]) / 2 < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

function show(svg, index) {
  const points = pointsOf(svg), { width, height } = svg.viewBox.baseVal;
  svg.at = Math.max(0, Math.min(points.length - 1, index));
  const [x, y, words] = points[svg.at];
  const cross = svg.querySelector(".cross") ?? svg.appendChild(document.createElementNS(SVG, "path"));
  cross.setAttribute("class", "cross");
  cross.setAttribute("d", `M${x} 0V${height - 24}M0 ${y}H${width}`);
  svg.closest("figure").querySelector(".readout").textContent = words;
}

function reachable() {
  for (const svg of document.querySelectorAll("svg[data-points]")) svg.tabIndex = 0;
}

for (const event of ["pointermove", "pointerdown"]) {
  document.addEventListener(event, (moved) => {
    const svg = chartAt(moved.target);
    if (svg) show(svg, nearest(svg, moved.clientX));
  });
}
document.addEventListener("pointerout", (left) => {
  const svg = chartAt(left.target);
  if (svg && chartAt(left.relatedTarget) !== svg) svg.querySelector(".cross")?.remove();
});
document.addEventListener("keydown", (pressed) => {
  const svg = chartAt(pressed.target), step = STEPS[pressed.key];
  if (!svg || step === undefined) return;
  pressed.preventDefault();
  show(svg, (svg.at ?? pointsOf(svg).length) + step);
});

async function refresh() {
  const main = document.querySelector("main"), connection = document.getElementById("connection");
  // Nobody likes to lose what they have unfolded, focused, marked or pointed at.
  if (document.hidden || main.querySelector("details[open], .cross") || main.contains(document.activeElement) ||
      !document.getSelection().isCollapsed) return;
  try {
    const answer = await fetch(location.pathname + location.search);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    main.replaceWith(fresh.querySelector("main"));
    document.querySelector("footer").replaceWith(fresh.querySelector("footer"));
    document.title = fresh.title;
    connection.hidden = true;
    reachable();
  } catch (error) {
    connection.textContent = `The server cannot be reached (${error.message}): what you see may be out of date.`;
    connection.hidden = false;
  }
}

reachable();
setInterval(refresh, EVERY_MILLISECONDS);
