// Keeps an open page current. Without it the page works as well: it is as old as its last line says.
"use strict";
const EVERY_MILLISECONDS = 60_000;
const connection = document.getElementById("connection");

async function refresh() {
  const main = document.querySelector("main");
  // Nobody likes to lose what they have unfolded, focused or marked.
  if (document.hidden || main.querySelector("details[open]") || main.contains(document.activeElement) ||
      !document.getSelection().isCollapsed) return;
  try {
    const answer = await fetch(location.pathname);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    main.replaceWith(fresh.querySelector("main"));
    document.querySelector("footer").replaceWith(fresh.querySelector("footer"));
    document.title = fresh.title;
    connection.hidden = true;
  } catch (error) {
    connection.textContent = `The server cannot be reached (${error.message}): what you see may be out of date.`;
    connection.hidden = false;
  }
}

setInterval(refresh, EVERY_MILLISECONDS);
