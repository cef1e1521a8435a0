// Uploads straight to the storage: each file its own row, a few at a time, each to be cancelled or tried again.

const AT_ONCE = 3;
const form = document.getElementById("upload");
const rows = document.getElementById("uploads");
const picker = document.getElementById("files");
const uploads = new Set();
let asking = Promise.resolve();

class Problem extends Error {}

class Upload {
  constructor(file) {
    this.file = file;
    // As they are now: what is changed later is meant for the next file.
    this.options = Object.fromEntries(new FormData(form));
    this.row = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
    this.badge = this.row.querySelector(".badge");
    this.words = this.row.querySelector(".words");
    this.bar = this.row.querySelector("progress");
    this.row.querySelector("bdi").textContent = shownName(file.name);
    this.bar.setAttribute("aria-label", `Upload of ${shownName(file.name)}`);
    this.row.querySelector(".retry").addEventListener("click", () => this.again());
    this.row.querySelector(".cancel").addEventListener("click", () => this.drop());
    uploads.add(this);
    this.wait();
  }

  wait() {
    this.show("waiting", "Waiting", "");
  }

  again() {
    this.wait();
    next();
  }

  async run() {
    this.stop = new AbortController();
    this.show("uploading", "0 %", "");
    try {
      refuse(this.file);
      // After a failure past the storage, the file is there: only the job is still to be made.
      if (!this.arrived) await this.send(await permission(this.file, this.options, this.stop.signal));
      this.show("uploading", "100 %", "starting");
      const html = await makeJob(this.arrived, this.options, this.stop.signal);
      this.end();
      insert(html);
      say(`${shownName(this.file.name)} is uploaded.`);
    } catch (problem) {
      if (!this.stop.signal.aborted) this.fail(problem);
    }
    next();
  }

  async send({ upload, presigned }) {
    const began = performance.now();
    await transfer(presigned, this.file, this.stop.signal, (sent, size) => {
      const rate = sent / Math.max(0.5, (performance.now() - began) / 1000);
      this.bar.value = (100 * sent) / size;
      this.badge.textContent = `${Math.floor((100 * sent) / size)} %`;
      this.words.textContent = `${inWords(sent)} of ${inWords(size)}, ${inWords(rate)}/s`;
    });
    this.arrived = upload;
  }

  fail(problem) {
    const known = problem instanceof Problem;
    if (problem.gone) this.arrived = undefined;
    this.show("failed", "Not uploaded", known ? problem.message : "Something unexpected went wrong. Try again.");
    this.row.querySelector(".retry").hidden = problem.final ?? false;
    say(`${shownName(this.file.name)}: ${this.words.textContent}`);
    if (!known) console.error(problem);
  }

  drop() {
    this.stop?.abort();
    this.end();
    next();
  }

  end() {
    uploads.delete(this);
    this.row.remove();
  }

  show(state, badge, words) {
    this.state = this.row.dataset.status = state;
    this.badge.textContent = badge;
    this.words.textContent = words;
    this.bar.hidden = state === "failed";
    this.row.querySelector(".retry").hidden = true;
    this.row.querySelector(".cancel").textContent = state === "failed" ? "Remove" : "Cancel";
    if (state === "waiting") this.bar.value = 0;
  }
}

function next() {
  const busy = [...uploads].filter((upload) => upload.state === "uploading").length;
  const waiting = [...uploads].filter((upload) => upload.state === "waiting");
  for (const upload of waiting.slice(0, Math.max(0, AT_ONCE - busy))) upload.run();
}

// The server checks the same again; here it only saves the way there.
function refuse(file) {
  const limit = Number(form.dataset.maxBytes);
  const formats = form.dataset.formats.split(",");
  if (file.size === 0) throw final("The file is empty. Choose one with sound in it.");
  if (file.size > limit) throw final(`The file is larger than the ${inWords(limit)} that this server takes. Split it, or save it as MP3 or Opus.`);
  if (!formats.includes(file.name.split(".").pop().toLowerCase()) || !file.name.includes("."))
    throw final(`This does not look like a recording. Accepted are: ${formats.join(", ")}.`);
}

function final(message) {
  return Object.assign(new Problem(message), { final: true });
}

// One after the other: the first answer brings the cookie that the others must carry.
function permission(file, options, signal) {
  const wish = { filename: file.name, content_type: file.type, size: file.size, options };
  const request = { method: "POST", signal, body: JSON.stringify(wish), headers: { "Content-Type": "application/json" } };
  const asked = asking.then(() => answer("/uploads", request));
  asking = asked.catch(() => {});
  return asked.then((response) => response.json());
}

async function makeJob(upload, options, signal) {
  const body = new URLSearchParams({ ...options, upload });
  return (await answer("/jobs", { method: "POST", signal, body })).text();
}

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...options.headers, Accept: "application/json" } });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Problem("The connection to the server was lost. Try again when you are online.");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  const problem = new Problem(told.detail ?? "The server could not answer. Try again in a minute.");
  throw Object.assign(problem, {
    final: path === "/uploads" && response.status < 500 && response.status !== 429,
    gone: ["upload_missing", "upload_changed", "upload_not_found", "empty_file"].includes(told.code),
  });
}

function transfer({ method, url, fields, headers }, file, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.total));
    request.addEventListener("load", () => (request.status < 300 ? resolve() : reject(storageProblem(request))));
    request.addEventListener("error", () => reject(new Problem("The connection to the storage was cut. Try again when you are online.")));
    signal.addEventListener("abort", () => request.abort());
    request.addEventListener("abort", () => reject(signal.reason));
    request.send(method === "PUT" ? file : filled(fields, file));
  });
}

function filled(fields, file) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  data.append("file", file, "recording"); // Last: the storage ignores what follows.
  return data;
}

function storageProblem(request) {
  const code = /<Code>(\w+)<\/Code>/.exec(request.responseText)?.[1] ?? "";
  if (code.startsWith("EntityToo")) return new Problem("The file changed while it was being sent. Try again.");
  if (request.status === 403 || /[Ee]xpired/.test(request.responseText))
    return new Problem("The permission to upload has expired. Try again, and a new one is asked for.");
  return new Problem(`The storage did not take the file (${code || request.status}). Try again in a minute.`);
}

function insert(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const row = holder.content.querySelector("li");
  // The live stream may have been faster.
  if (!document.getElementById(row.id)) {
    document.getElementById("jobs").prepend(row);
    htmx.process(row);
  }
  follow();
}

// A first visit has nothing to follow until its first recording.
function follow() {
  const live = document.getElementById("live");
  if (live.hasAttribute("sse-connect")) return;
  live.setAttribute("sse-connect", live.dataset.stream);
  htmx.process(live);
}

function say(sentence) {
  document.getElementById("upload-status").textContent = sentence;
}

function shownName(name) {
  return name.replace(/\s+/g, " ");
}

function inWords(bytes) {
  for (const [unit, worth] of [["GB", 1e9], ["MB", 1e6]])
    if (bytes >= 0.9995 * worth) return `${Number((bytes / worth).toPrecision(3))} ${unit}`;
  return `${Math.ceil(bytes / 1000)} kB`;
}

function take(files) {
  // A browser cannot point at a field inside a closed <details>.
  if (!form.checkValidity()) form.querySelector(".options").open = true;
  if (!form.reportValidity()) return;
  const batch = [...files].map((file) => new Upload(file));
  rows.prepend(...batch.map((upload) => upload.row));
  next();
}

form.addEventListener("submit", (event) => event.preventDefault());
picker.addEventListener("change", () => {
  take(picker.files);
  picker.value = "";
});

let depth = 0;
for (const [name, step] of [["dragenter", 1], ["dragleave", -1]])
  addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    depth += step;
    document.body.classList.toggle("dropping", depth > 0);
  });
addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
addEventListener("drop", (event) => {
  depth = 0;
  document.body.classList.remove("dropping");
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  take(event.dataTransfer.files);
});

addEventListener("beforeunload", (event) => {
  if ([...uploads].some((upload) => upload.state !== "failed")) event.preventDefault();
});
