// What every page with live parts needs: copying, and what the reader opened stays open.

// The server does not know which <details> a reader has opened.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  !(name === "open" && node.localName === "details");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const parts = [...document.querySelectorAll(button.dataset.copy)].map((part) => part.textContent.trim());
  const label = button.textContent;
  button.textContent = (await copy(parts.join("\n\n"))) ? "Copied" : "Select it and press Ctrl+C";
  setTimeout(() => (button.textContent = label), 2000);
});

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
  for (const open of document.querySelectorAll("details.confirm[open]")) open.open = false;
});
