"use strict";
// A box on a page, in points from the lower left of the page as shown. The server says what it is called and what each
// provider makes of it; this script only moves it.

const { pages, size: usual } = JSON.parse(document.body.dataset.start);
const element = (id) => document.getElementById(id);
const box = element("box");
const sheet = element("sheet");
const fields = ["page", "x", "y", "width", "height"];
const LEAST = 5;

const state = { page: 1, x: 36, y: 36, width: usual[0], height: usual[1], sized: false };

const clamp = (value, least, most) => Math.min(Math.max(value, least), Math.max(least, most));
const tidy = (value) => Math.round(value * 100) / 100;

/** Changes the box, keeps it on its page, shows it, and asks what it means. */
function change(wish) {
  Object.assign(state, wish);
  state.page = clamp(Math.round(state.page) || 1, 1, pages.length);
  const [width, height] = pages[state.page - 1];
  state.width = tidy(clamp(state.width, LEAST, width));
  state.height = tidy(clamp(state.height, LEAST, height));
  state.x = tidy(clamp(state.x, 0, width - state.width));
  state.y = tidy(clamp(state.y, 0, height - state.height));
  show();
  ask();
}

function show() {
  const [width, height] = pages[state.page - 1];
  const picture = element("picture");
  const address = `pages/${state.page}`;
  if (picture.getAttribute("src") !== address) {
    picture.src = address;
    picture.alt = `page ${state.page} of ${pages.length}`;
  }
  sheet.style.aspectRatio = `${width} / ${height}`;
  box.style.left = `${(state.x / width) * 100}%`;
  box.style.bottom = `${(state.y / height) * 100}%`;
  box.style.width = `${(state.width / width) * 100}%`;
  box.style.height = `${(state.height / height) * 100}%`;
  for (const field of fields) {
    if (document.activeElement !== element(field)) element(field).value = state[field];
  }
  element("page").max = pages.length;
  element("where").textContent =
    `Page ${state.page} of ${pages.length}: ${state.x} from the left, ${state.y} from the bottom, ` +
    `${state.width} by ${state.height} points`;
}

let asked = 0;
let timer;

function ask() {
  clearTimeout(timer);
  timer = setTimeout(answer, 120);
}

/** Only the answer to the latest question is shown. */
async function answer() {
  const question = ++asked;
  const { page, x, y, width, height, sized } = state;
  const body = JSON.stringify({ page, x, y, size: sized ? [width, height] : null });
  let told;
  try {
    const response = await fetch("try", { method: "POST", headers: { "content-type": "application/json" }, body });
    told = await response.json();
  } catch {
    told = { error: "the command that serves this page has ended" };
  }
  if (question !== asked) return;
  for (const id of ["toml", "json", "command"]) element(id).textContent = told[id] ?? told.error ?? "";
  const providers = told.providers ?? [];
  element("providers").replaceChildren(...providers.map(provider));
  const refusals = providers.filter((one) => one.findings.some((finding) => finding.severity === "refused"));
  box.classList.toggle("refused", providers.length > 0 && refusals.length === providers.length);
  document.body.dataset.answered = question;
}

const node = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

function provider(told) {
  const parts = [node("h3", { textContent: told.name === told.kind ? told.name : `${told.name} (${told.kind})` })];
  if (told.numbers) {
    const id = `numbers-${told.name}`;
    parts.push(node("pre", { id, textContent: told.numbers }));
    const button = node("button", { type: "button", textContent: `Copy numbers of ${told.name}` });
    button.dataset.copy = id;
    parts.push(button);
  }
  if (told.box) {
    const [x, y, width, height] = told.box.map(tidy);
    parts.push(node("p", { textContent: `draws ${width} by ${height} points at ${x}, ${y}` }));
  }
  for (const { severity, message } of told.findings) {
    parts.push(node("p", { className: severity, textContent: `${severity}: ${message}` }));
  }
  return node("section", {}, ...parts);
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// The page that is seen, which a slow picture makes later than the page that was asked for.
element("picture").addEventListener("load", ({ target }) => {
  sheet.dataset.shown = target.getAttribute("src").split("/").pop();
});

box.addEventListener("keydown", (event) => {
  const arrow = ARROWS[event.key];
  const by = event.ctrlKey ? 10 : 1;
  if (arrow && event.shiftKey) {
    // The upper left corner stays: down makes the box taller.
    const height = state.height - arrow[1] * by;
    if (height < LEAST) return;
    change({ width: state.width + arrow[0] * by, height, y: state.y + arrow[1] * by, sized: true });
  } else if (arrow) {
    change({ x: state.x + arrow[0] * by, y: state.y + arrow[1] * by });
  } else if (event.key === "PageDown" || event.key === "PageUp") {
    change({ page: state.page + (event.key === "PageDown" ? 1 : -1) });
  } else {
    return;
  }
  event.preventDefault();
});

box.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  const resizing = event.target.id === "grip";
  const begun = { ...state, left: event.clientX, top: event.clientY };
  const perPixel = pages[state.page - 1][0] / sheet.clientWidth;
  const move = (event) => {
    const right = (event.clientX - begun.left) * perPixel;
    const down = (event.clientY - begun.top) * perPixel;
    if (resizing) {
      const height = Math.max(LEAST, begun.height + down);
      change({ width: begun.width + right, height, y: begun.y + begun.height - height, sized: true });
    } else {
      change({ x: begun.x + right, y: begun.y - down });
    }
  };
  box.setPointerCapture(event.pointerId);
  box.addEventListener("pointermove", move);
  box.addEventListener("lostpointercapture", () => box.removeEventListener("pointermove", move), { once: true });
});

for (const field of fields) {
  element(field).addEventListener("change", ({ target }) => {
    const value = Number(target.value);
    const sized = state.sized || field === "width" || field === "height";
    if (target.value !== "" && Number.isFinite(value)) change({ [field]: value, sized });
    target.value = state[field];
  });
}

element("usual").addEventListener("click", () => change({ width: usual[0], height: usual[1], sized: false }));

document.addEventListener("click", async ({ target }) => {
  if (!target.dataset?.copy) return;
  const text = element(target.dataset.copy);
  try {
    await navigator.clipboard.writeText(text.textContent);
    element("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(text);
    element("copied").textContent = "Selected: press Ctrl-C to copy.";
  }
});

change({});
