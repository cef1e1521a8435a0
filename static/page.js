// What every page with live parts needs: copying, keeping open what the reader opened, and following politely.

// The server does not know which <details> a reader has opened.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  !(name === "open" && node.localName === "details");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const parts = [...document.querySelectorAll(button.dataset.copy)].map(withoutNotes);
  const label = button.textContent;
  button.textContent = (await copy(parts.join("\n\n"))) ? "Copied" : "Select it and press Ctrl+C";
  setTimeout(() => (button.textContent = label), 2000);
});

function withoutNotes(part) {
  const clean = part.cloneNode(true);
  clean.querySelectorAll(".note").forEach((note) => note.remove());
  return clean.textContent.trim();
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyTheOldWay(text); // At a plain http:// address browsers have no clipboard.
  }
}

function copyTheOldWay(text) {
  const area = document.createElement("textarea");
  area.className = "hidden";
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.confirm[open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.confirm[open]"))
    if (!open.contains(event.target)) open.open = false;
});

// The page with a new token answers a form: loading it again would send the form again and make a second token.
if (document.getElementById("secret")) history.replaceState(null, "", "/account");
// Nor is it true for ever that something was just deleted.
if (location.search.startsWith("?removed=")) history.replaceState(null, "", "/");

// A browser opens six connections to a server at most, for all its tabs together. A page that nobody sees
// gives its stream back, and is sent the state again when it is looked at.
document.addEventListener("visibilitychange", () => {
  const live = document.getElementById("live");
  if (document.hidden && live?.hasAttribute("sse-connect")) replace(live, { parked: true });
  if (!document.hidden && live && "parked" in live.dataset) replace(live, { parked: false });
});

function replace(live, { parked }) {
  const fresh = live.cloneNode();
  fresh.toggleAttribute("data-parked", parked);
  fresh.removeAttribute("sse-connect");
  if (!parked) fresh.setAttribute("sse-connect", live.dataset.stream);
  htmx.swap(live, fresh.outerHTML, { swapStyle: "outerHTML" });
}

const notice = document.getElementById("notice");
document.addEventListener("htmx:beforeRequest", () => notice.replaceChildren());
document.addEventListener("htmx:sendError", () => {
  notice.innerHTML = '<p class="problem" role="alert">The server cannot be reached. Try again when you are online.</p>';
});
