// The hour of one book: kept second by second, drawn as a chart, summed up in words and a table. live.js feeds it.
"use strict";
const HOUR = 3600;
const OBSERVED = "o", CARRIED = "c", GAP = "g", NOT_KNOWN = "-";
const SVG = "http://www.w3.org/2000/svg";
const LEFT = 46, RIGHT = 6, TOP = 12, BOTTOM = 24;

class BookHour {
  constructor() {
    this.seconds = new Float64Array(HOUR).fill(-1);
    this.spreads = new Float64Array(HOUR).fill(NaN);
    this.states = new Array(HOUR).fill(NOT_KNOWN);
    this.now = null;
  }

  set(second, spread, state) {
    const slot = second % HOUR;
    if (this.seconds[slot] > second) return;
    this.seconds[slot] = second;
    this.spreads[slot] = spread ?? NaN;
    this.states[slot] = state;
  }

  // [second, spread, state] of each second until `end`, from the first that is known.
  *until(end) {
    let begun = false;
    for (let second = end - HOUR + 1; second <= end; second++) {
      const slot = second % HOUR, known = this.seconds[slot] === second;
      begun ||= known;
      if (begun) yield known ? [second, this.spreads[slot], this.states[slot]] : [second, NaN, NOT_KNOWN];
    }
  }
}

const percent = (value, digits = 3) => (Number.isFinite(value) ? `${value.toFixed(digits)}\u00a0%` : "–");
const isSeen = ([, spread, state]) => (state === OBSERVED || state === CARRIED) && Number.isFinite(spread);
const clock = (second, withSeconds = true) => new Date(second * 1000).toISOString().slice(11, withSeconds ? 19 : 16);

// Numbers of some seconds.
function sums(rows) {
  const found = { n: rows.length, seen: 0, lowest: Infinity, highest: -Infinity, total: 0, carried: 0, gap: 0 };
  for (const row of rows) {
    const [, spread, state] = row;
    if (state === GAP || state === NOT_KNOWN) found.gap++;
    if (state === CARRIED) found.carried++;
    if (!isSeen(row)) continue;
    found.seen++;
    found.total += spread;
    found.lowest = Math.min(found.lowest, spread);
    found.highest = Math.max(found.highest, spread);
  }
  return found;
}

function hourInWords(rows, thresholds) {
  const all = sums(rows);
  if (!all.seen) return "Nothing is known of this hour.";
  const over = thresholds.map((limit) => {
    const share = (100 * rows.filter((row) => isSeen(row) && row[1] > limit).length) / all.seen;
    return `over ${limit}\u00a0%: ${share && share < 0.1 ? "under 0.1" : share.toFixed(1)}\u00a0% of the time`;
  });
  const gaps = all.gap ? ` Nobody was looking for ${all.gap.toLocaleString("en")} s.` : "";
  return `Since ${clock(rows[0][0])}: ${all.lowest.toFixed(3)} to ${percent(all.highest)}; ${over.join(", ")}.${gaps}`;
}

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function drawChart(svg, rows, end, thresholds) {
  const width = svg.clientWidth, height = svg.clientHeight;
  if (!width || !height) return;
  const right = width - RIGHT, bottom = height - BOTTOM, begin = end - HOUR + 1;
  const most = Math.max(1.15 * thresholds.at(-1), 1.1 * sums(rows).highest);
  const x = (second) => LEFT + ((second - begin) / (HOUR - 1)) * (right - LEFT);
  const y = (spread) => bottom - Math.sqrt(Math.max(0, spread) / most) * (bottom - TOP);
  const parts = bands(rows, x, TOP, bottom);
  for (const limit of [0, ...thresholds]) {
    const kind = limit === 0 ? "base" : limit === thresholds.at(-1) ? "limit highest" : "limit";
    parts.push(element("line", { class: kind, x1: LEFT, x2: right, y1: y(limit), y2: y(limit) }));
    parts.push(element("text", { class: kind, x: LEFT - 6, y: y(limit) + 4, "text-anchor": "end" }, `${limit} %`));
  }
  const step = width > 560 ? 600 : 1200;
  for (let second = Math.ceil(begin / step) * step; second <= end; second += step) {
    const anchor = x(second) > right - 18 ? "end" : x(second) < LEFT + 18 ? "start" : "middle";
    parts.push(element("line", { class: "tick", x1: x(second), x2: x(second), y1: bottom, y2: bottom + 4 }));
    parts.push(element("text", { x: x(second), y: height - 6, "text-anchor": anchor }, clock(second, false)));
  }
  const paths = lines(rows, x, y);
  parts.push(element("path", { class: "carried", d: paths[CARRIED] }), element("path", { class: "seen", d: paths[OBSERVED] }));
  const last = rows.at(-1);
  if (last && isSeen(last)) parts.push(element("circle", { class: "last", cx: x(last[0]), cy: y(last[1]), r: 3.5 }));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...parts);
}

// Where nobody looked, at least a pixel wide.
function bands(rows, x, top, bottom) {
  const found = [];
  let first = null;
  for (const [second, , state] of [...rows, [null, NaN, OBSERVED]]) {
    const isGap = state === GAP || state === NOT_KNOWN;
    if (isGap) {
      first ??= second;
      found.last = second;
    } else if (first !== null) {
      const from = x(first - 0.5), to = x(found.last + 0.5);
      found.push(element("rect", { class: "gap", x: from, y: top, width: Math.max(1, to - from), height: bottom - top }));
      first = null;
    }
  }
  return found;
}

// A path through what was seen and one through what was only carried: of each column of pixels the lowest and the highest.
function lines(rows, x, y) {
  const paths = { [OBSERVED]: "", [CARRIED]: "" };
  let pen = null, column = null;
  const at = (left, value) => `${left.toFixed(1)} ${y(value).toFixed(1)}`;
  const flush = () => {
    if (!column) return;
    const kind = column.observed ? OBSERVED : CARRIED;
    const [near, far] = pen && Math.abs(pen.value - column.high) < Math.abs(pen.value - column.low)
      ? [column.high, column.low] : [column.low, column.high];
    if (!pen) paths[kind] += `M${at(column.x, near)}`;
    else if (pen.kind !== kind) paths[kind] += `M${at(pen.x, pen.value)}`;
    paths[kind] += `L${at(column.x, near)}` + (near === far ? "" : `L${at(column.x, far)}`);
    if (column.last !== far) paths[kind] += `L${at(column.x, column.last)}`;
    pen = { x: column.x, value: column.last, kind };
    column = null;
  };
  for (const row of rows) {
    if (!isSeen(row)) {
      flush();
      pen = null;
      continue;
    }
    const [second, spread, state] = row, left = Math.round(x(second));
    if (column && column.x !== left) flush();
    column ??= { x: left, low: spread, high: spread, last: spread, observed: false };
    column.low = Math.min(column.low, spread);
    column.high = Math.max(column.high, spread);
    column.last = spread;
    column.observed ||= state === OBSERVED;
  }
  flush();
  return paths;
}

// Five minutes a row, the newest first.
function fillTable(body, rows) {
  const parts = new Map();
  for (const row of rows) {
    const start = row[0] - (row[0] % 300);
    if (!parts.has(start)) parts.set(start, []);
    parts.get(start).push(row);
  }
  const filled = [...parts].reverse().map(([start, some]) => {
    const of = sums(some), line = document.createElement("tr"), head = document.createElement("th");
    head.scope = "row";
    head.textContent = clock(Math.max(start, some[0][0]), start < some[0][0]);
    line.append(head);
    const mean = of.seen ? of.total / of.seen : NaN;
    for (const text of [percent(of.lowest), percent(mean), percent(of.highest), `${of.carried} s`, `${of.gap} s`]) {
      const cell = document.createElement("td");
      cell.textContent = text;
      line.append(cell);
    }
    return line;
  });
  body.replaceChildren(...filled);
}
