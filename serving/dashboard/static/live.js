// The live panel: asks for the hour, then hears of each second. What is kept and drawn of a book is in live_chart.js.
"use strict";
const SILENT_MILLISECONDS = 15_000, FIRST_PAUSE = 2_000, LONGEST_PAUSE = 30_000;
const TABLE_SECONDS = 5, CALM_SECONDS = 10;
const SOURCES = { ws: "websocket", ticker: "ticker", rest: "REST", carried: "carried" };
const main = document.getElementById("main");
const thresholds = main.dataset.thresholds.split(" ").map(Number);
const connection = document.getElementById("connection");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const books = new Map();
let status = null, end = 0, clockOffset = 0, heardAt = performance.now(), pause = FIRST_PAUSE, source = null, again = 0;

function text(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

function age(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  for (const [unit, length] of [["day", 86_400], ["hour", 3_600], ["minute", 60]])
    if (whole >= 2 * length) return `${Math.floor(whole / length)} ${unit}s ago`;
  return `${whole} s ago`;
}

const serverNow = () => Date.now() / 1000 + clockOffset;

function showStatus() {
  if (!status) return;
  const tag = document.getElementById("tag"), command = document.getElementById("command");
  const behind = status.as_of === null ? 0 : serverNow() - status.as_of;
  const isLive = status.origin === "recorder" && behind < 10;
  text(tag, isLive ? "Live" : "Not live");
  tag.className = isLive ? "tag live" : "tag warn";
  tag.hidden = false;
  text(document.getElementById("status"), status.words);
  text(document.getElementById("age"), status.as_of === null ? "" : `· newest second ${age(behind)}`);
  command.hidden = !status.command;
  text(command.querySelector("code"), status.command);
  const simulated = document.getElementById("simulated");
  simulated.hidden = !status.simulated;
  text(simulated.querySelector("span"), status.simulated_words);
  document.getElementById("legend").hidden = !books.size;
}

function bookOf(name) {
  if (!books.has(name)) {
    const section = document.getElementById("book").content.firstElementChild.cloneNode(true);
    const heading = section.querySelector("h2");
    heading.id = `book-${name}`;
    heading.textContent = name.toUpperCase().replace("_", " / ");
    section.setAttribute("aria-labelledby", heading.id);
    section.querySelector("caption").textContent = `Spread of ${heading.textContent} by five minutes`;
    section.querySelector(".scroll").setAttribute("aria-label", `Table of ${heading.textContent}`);
    section.querySelector("details").addEventListener("toggle", () => draw(books.get(name), true));
    books.set(name, { name: heading.textContent, hour: new BookHour(), section, tableAt: 0, drawnAt: 0 });
    document.getElementById("books").replaceChildren(...[...books.keys()].sort().map((one) => books.get(one).section));
  }
  return books.get(name);
}

function showNow({ hour, section }) {
  const now = hour.now, find = (name) => section.querySelector(`.${name}`);
  if (!now) return;
  const price = (value) => (value === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: 8 }));
  text(find("value"), now.spread === null ? "–" : now.spread.toFixed(3));
  text(find("bid"), price(now.bid));
  text(find("ask"), price(now.ask));
  const stale = now.staleness_ms === null ? "" : `, ${(now.staleness_ms / 1000).toFixed(1)} s old`;
  text(find("source"), now.is_gap ? "gap: nobody is looking" : `${SOURCES[now.source] ?? "recorded by others"}${stale}`);
  const behind = serverNow() - now.second;
  text(find("second"), `${clock(now.second)}, ${age(behind)}`);
  section.classList.toggle("old", now.is_gap || behind > 10);
  section.classList.toggle("blind", now.is_gap);
  const over = thresholds.filter((limit) => now.spread > limit).at(-1), tag = section.querySelector(".over .tag");
  tag.hidden = over === undefined || now.is_gap;
  text(tag, over === undefined ? "" : `over ${over}\u00a0%`);
  tag.classList.toggle("warn", over === thresholds.at(-1));
}

function isOnScreen(node) {
  const box = node.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}

function draw(book, now = false) {
  const seconds = performance.now() / 1000;
  if (!now && (!isOnScreen(book.section) || (calm.matches && seconds - book.drawnAt < CALM_SECONDS))) return;
  book.drawnAt = seconds;
  const rows = [...book.hour.until(end)], words = hourInWords(rows, thresholds);
  const svg = book.section.querySelector("svg");
  drawChart(svg, rows, end, thresholds);
  svg.setAttribute("aria-label", `Spread of ${book.name} in the hour until ${clock(end)} UTC. ${words}`);
  text(book.section.querySelector("figcaption"), words);
  if (book.section.querySelector("details").open && (now || seconds - book.tableAt >= TABLE_SECONDS)) {
    book.tableAt = seconds;
    fillTable(book.section.querySelector("tbody"), rows);
  }
}

function heard(told) {
  heardAt = performance.now();
  connection.hidden = true;
  status = told.status;
  end = told.end;
  clockOffset = status.now - Date.now() / 1000;
}

async function askForHour() {
  const answer = await fetch("/live/hour");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const told = await answer.json();
  heard(told);
  for (const [name, { first, spreads, states, now }] of Object.entries(told.books)) {
    const book = bookOf(name);
    spreads.forEach((spread, place) => book.hour.set(first + place, spread, states[place]));
    book.hour.now = now;
  }
  showAll(true);
}

function showAll(now = false) {
  showStatus();
  for (const book of books.values()) {
    showNow(book);
    draw(book, now);
  }
}

async function onEvent(event) {
  const told = JSON.parse(event.data);
  heard(told);
  pause = FIRST_PAUSE;
  if (told.reload) return askForHour().catch(lost);
  for (const [name, { changes, now }] of Object.entries(told.books)) {
    const book = bookOf(name);
    for (const [second, spread, state] of changes) book.hour.set(second, spread, state);
    book.hour.now = now;
  }
  showAll();
}

function lost(error) {
  text(connection, `The server cannot be reached${error ? ` (${error.message})` : ""}: what you see may be out of date.`);
  connection.hidden = false;
}

function hangUp() {
  clearTimeout(again);
  source?.close();
  source = null;
}

// A browser goes on trying by itself only where a connection breaks, not where the answer is an error.
function listen() {
  hangUp();
  heardAt = performance.now();
  source = new EventSource("/live/stream");
  source.onmessage = onEvent;
  source.onerror = () => {
    lost();
    hangUp();
    again = setTimeout(listen, pause * (0.75 + Math.random() / 2));
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  };
}

setInterval(() => {
  if (!source) return;
  if (performance.now() - heardAt > SILENT_MILLISECONDS) {
    lost();
    listen();
  }
  showStatus();
  for (const book of books.values()) showNow(book);
}, 1000);
document.addEventListener("visibilitychange", () => (document.hidden ? hangUp() : listen()));
addEventListener("scroll", () => books.forEach((book) => isOnScreen(book.section) && !book.drawnAt && draw(book)), { passive: true });
new ResizeObserver(() => books.forEach((book) => draw(book, true))).observe(main);
listen();
