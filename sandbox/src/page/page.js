// What the sandbox tells is shown as text, never as markup: nothing here sets innerHTML.
"use strict";

const MOST_MESSAGES = 200;
const MOST_CHARACTERS = 300;

const list = document.querySelector("#messages");
const template = document.querySelector("#message");
const news = document.querySelector("#news");
/** The messages on the page by their number, newest last. */
const views = new Map();
let run = null;
/** What came before the page was opened is no news. */
let isFilled = false;

// ---------------------------------------------------------------- small things

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") made.className = value;
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function shortened(text) {
  const characters = Array.from(text);
  return characters.length > MOST_CHARACTERS
    ? characters.slice(0, MOST_CHARACTERS).join("") + "…"
    : text;
}

function clock(at, withSeconds) {
  const options = { hour: "2-digit", minute: "2-digit" };
  if (withSeconds) options.second = "2-digit";
  return new Date(at).toLocaleTimeString([], options);
}

/** Says it to who cannot see the page. */
function announce(text) {
  news.append(element("span", {}, text + " "));
  while (news.childElementCount > 5) news.firstElementChild.remove();
}

// ---------------------------------------------------------------- WhatsApp's own formatting

const MARKS = [
  { mark: "```", name: "code", isPlain: true },
  { mark: "`", name: "code", isPlain: true },
  { mark: "*", name: "strong" },
  { mark: "_", name: "em" },
  { mark: "~", name: "s" },
];

const isWordCharacter = (character) => /[\p{L}\p{N}]/u.test(character ?? "");
const isSpace = (character) => character === undefined || /\s/u.test(character);

/** Where the text that is marked at `start` ends, or -1 where it is no mark. */
function endOfMarked(text, start, { mark, isPlain }) {
  const first = start + mark.length;
  if (!text.startsWith(mark, start) || isWordCharacter(text[start - 1])) return -1;
  if (!isPlain && (isSpace(text[first]) || text[first] === mark)) return -1;
  for (let end = text.indexOf(mark, first); end !== -1; end = text.indexOf(mark, end + 1)) {
    const inside = text.slice(first, end);
    if (mark !== "```" && inside.includes("\n")) return -1;
    const isClosed = inside.trim() !== "" && (isPlain || !isSpace(text[end - 1]));
    if (isClosed && !isWordCharacter(text[end + mark.length])) return end;
  }
  return -1;
}

/** Bold, italic, struck through and monospace, as elements. */
function formatted(text) {
  const result = document.createDocumentFragment();
  let plain = "";
  for (let at = 0; at < text.length; at++) {
    const found = MARKS.map((mark) => [mark, endOfMarked(text, at, mark)]).find(([, end]) => end !== -1);
    if (!found) {
      plain += text[at];
      continue;
    }
    const [{ mark, name, isPlain }, end] = found;
    const inside = text.slice(at + mark.length, end);
    result.append(plain, element(name, {}, isPlain ? inside : formatted(inside)));
    plain = "";
    at = end + mark.length - 1;
  }
  result.append(plain);
  return result;
}

// ---------------------------------------------------------------- the phone

/** With a drawing, as a font may lack the sign. */
const KINDS = {
  image: { name: "Image", drawing: "M3 5h18v14H3zm2 2v8.600l4-4 3.500 3.500 2.500-2.500 4 4V7zm3.500 1.200a1.700 1.700 0 1 1 0 3.400 1.700 1.700 0 0 1 0-3.400z" },
  video: { name: "Video", drawing: "M8 5l12 7-12 7z" },
  document: { name: "Document", drawing: "M5 2h9l5 5v15H5zm8 1.800V8h4.200zM8 12v1.500h8V12zm0 3.500V17h8v-1.500z" },
};

function glyph(drawing) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", drawing);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return element("span", { class: "glyph" }, svg);
}

function header(shown) {
  if (shown.type === "text") {
    return element("p", { class: "bubble-header" }, shown.text ?? "");
  }
  const kind = KINDS[shown.type] ?? { name: shown.type, drawing: "" };
  const media = shown[shown.type] ?? {};
  const from = media.link ?? (media.id ? "media ID " + media.id : "");
  const name = media.filename ?? (shown.type === "document" ? "Untitled" : kind.name);
  return element("div", { class: "media " + (shown.type in KINDS ? shown.type : "") },
    glyph(kind.drawing),
    element("span", { class: "media-text" },
      element("span", { class: "kind" }, kind.name),
      name === kind.name ? "" : element("span", { class: "name" }, shortened(name)),
      element("span", { class: "from" }, shortened(from))));
}

function bubble(message) {
  const { header: head, body, footer } = message.shown.interactive;
  const made = element("div", { class: "bubble" });
  if (head) made.append(header(head));
  made.append(element("p", { class: "bubble-body" }, formatted(body.text ?? "")));
  const last = element("p", { class: "bubble-end" });
  if (footer?.text) last.append(element("span", { class: "bubble-footer" }, footer.text));
  last.append(element("time", { dateTime: message.at }, clock(message.at)));
  made.append(last);
  return made;
}

const KINDS_OF_SILENCE = {
  nothing: "Nothing reached the phone.",
  unreadable: "This is no message that a phone could show.",
};

function fillPhone(view, message) {
  const { phone } = view;
  phone.setAttribute("aria-label", "On the phone of " + view.recipient);
  if (!message.shown || !message.is_accepted) {
    const why = message.shown ? KINDS_OF_SILENCE.nothing : KINDS_OF_SILENCE.unreadable;
    phone.append(element("p", { class: "silence" }, why));
    phone.classList.add("is-empty");
    return;
  }
  const chat = element("div", { class: "incoming" }, bubble(message));
  const buttons = element("div", { class: "reply-buttons", role: "group", "aria-label": "Reply buttons" });
  message.shown.interactive.action.buttons.forEach(({ reply }, index) => {
    const button = element("button", { type: "button", class: "reply" },
      element("span", { class: "arrow", "aria-hidden": "true" }, "↩"), reply.title);
    button.addEventListener("click", () => order(view, { tap: index }, "tap on " + reply.title));
    if (!message.has_post_back_url) button.disabled = true;
    buttons.append(button);
  });
  chat.append(buttons);
  phone.append(chat);
}

function showTaps(view, message) {
  const titles = message.shown?.interactive.action.buttons ?? [];
  for (const index of message.taps.slice(view.taps)) {
    view.phone.append(element("div", { class: "outgoing" },
      element("p", { class: "bubble" },
        element("span", { class: "for-screen-readers" }, "Response: "),
        titles[index]?.reply.title ?? "?")));
  }
  view.taps = message.taps.length;
}

// ---------------------------------------------------------------- its fate

const ACCEPTED = "Accepted";

function badge(message) {
  const line = message.response.split("\n", 1)[0].replace(/^< ?/, "");
  if (/^\(no response/.test(line)) return { text: "No response", kind: "bad" };
  if (/^\(connection closed/.test(line)) return { text: "Hung up, but " + ACCEPTED.toLowerCase(), kind: "odd" };
  return message.is_accepted ? { text: ACCEPTED, kind: "good" } : { text: line, kind: "bad" };
}

function step(item, summary, text) {
  item.querySelector("summary").append(...summary);
  item.querySelector("pre").textContent = text;
}

function outcomeKind(outcome) {
  return /^responded with 2/.test(outcome) ? "good" : "bad";
}

function postBackStep(postBack) {
  return element("li", { class: "step post-back " + outcomeKind(postBack.outcome) },
    element("details", {},
      element("summary", {},
        element("strong", { class: postBack.status }, postBack.status),
        postBack.remark ? element("span", { class: "remark" }, shortened(postBack.remark)) : "",
        element("span", { class: "outcome" }, shortened(postBack.outcome)),
        element("time", { dateTime: postBack.at }, clock(postBack.at, true))),
      element("pre", {}, pretty(postBack.body))));
}

/** With a member a line, and all the digits of its numbers: JSON.parse would lose some. */
function pretty(body) {
  return body.replace(/("(?:[^"\\]|\\.)*")|([{,])|(})/g, (_, text, opening, closing) =>
    text ?? (opening ? opening + "\n  " : "\n" + closing)).replace(/":/g, '": ');
}

function showPostBacks(view, message) {
  const known = view.postBacks;
  const fresh = message.post_backs.slice(Math.max(0, known - message.forgotten_post_backs));
  for (const postBack of fresh) {
    view.steps.append(postBackStep(postBack));
    if (isFilled) announce(`Post-back ${postBack.status} for ${view.recipient}: ${postBack.outcome}.`);
  }
  view.postBacks = message.forgotten_post_backs + message.post_backs.length;
  const shown = view.steps.querySelectorAll(".post-back");
  for (const old of [...shown].slice(0, shown.length - message.post_backs.length)) old.remove();
}

function hint(message) {
  if (!message.is_accepted) return "It was not accepted, so nothing comes after it.";
  if (!message.has_post_back_url) return "It has no post_back_url, so nobody is told what becomes of it.";
  return "";
}

/** Asks the sandbox for a post-back. */
async function order(view, what, name) {
  try {
    const response = await fetch("/orders", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message: view.number, ...what }),
    });
    if (response.ok) return;
    const { message } = await response.json();
    complain(view, `${name}: ${message}`);
  } catch {
    complain(view, `${name}: the sandbox does not respond.`);
  }
}

function complain(view, text) {
  view.hint.textContent = text;
  announce(text);
}

// ---------------------------------------------------------------- messages

function makeView(message) {
  const item = template.content.firstElementChild.cloneNode(true);
  const find = (selector) => item.querySelector(selector);
  const recipient = message.shown?.recipient;
  const view = {
    number: message.number,
    recipient: recipient ? "+" + shortened(recipient) : "nobody",
    item,
    phone: find(".phone"),
    steps: find(".steps"),
    hint: find(".hint"),
    taps: 0,
    postBacks: 0,
  };
  const title = find("h3");
  title.textContent = recipient ? "To " + view.recipient : "A request that is no message";
  title.id = "title-" + message.number;
  find("article").setAttribute("aria-labelledby", title.id);
  const { text, kind } = badge(message);
  find(".badge").textContent = text;
  find(".badge").classList.add(kind);
  const time = find("time");
  time.dateTime = message.at;
  time.textContent = clock(message.at, true);
  const [requestLine] = message.request.split("\n", 1);
  step(find(".request"), ["Request ", element("span", { class: "outcome" }, /\((\w+)\)$/.exec(requestLine)?.[1].toUpperCase() ?? "")], message.request);
  const [responseLine] = message.response.split("\n", 1);
  step(find(".response"), ["Response ", element("span", { class: "outcome" }, responseLine.replace(/^< ?/, ""))], message.response);
  find(".response").classList.add(kind);
  fillPhone(view, message);
  view.hint.textContent = hint(message);
  const form = find("form");
  form.hidden = !message.is_accepted || !message.has_post_back_url;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const status = event.submitter.value;
    order(view, { [status]: status === "failed" ? form.elements.remark.value : "" }, status);
  });
  // Enter in the remark's field means the button beside it, and not the first of the form.
  form.elements.remark.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("[value=failed]"));
  });
  return view;
}

function show(message) {
  let view = views.get(message.number);
  if (!view) {
    view = makeView(message);
    views.set(message.number, view);
    list.prepend(view.item);
    if (isFilled) {
      view.item.classList.add("is-new");
      announce(`A message to ${view.recipient}: ${badge(message).text}.`);
    }
  }
  showTaps(view, message);
  showPostBacks(view, message);
}

function forget(number) {
  views.get(number).item.remove();
  views.delete(number);
}

function showAll(messages) {
  for (const message of messages) show(message);
  for (const number of [...views.keys()].slice(0, -MOST_MESSAGES)) forget(number);
  count();
}

function count() {
  document.querySelector("#count").textContent = views.size;
  document.querySelector("#empty").hidden = views.size > 0;
  document.querySelector("#clear").hidden = views.size === 0;
}

document.querySelector("#clear").addEventListener("click", () => {
  for (const number of [...views.keys()]) forget(number);
  count();
  document.querySelector("#messages-heading").focus();
});

// ---------------------------------------------------------------- what the sandbox tells

function connection(state, text) {
  const shown = document.querySelector("#connection");
  if (shown.dataset.state === state) return;
  shown.dataset.state = state;
  shown.textContent = text;
}

const events = new EventSource("/events");
events.addEventListener("error", () => connection("lost", "The sandbox has ended"));
events.addEventListener("welcome", ({ data }) => {
  const welcome = JSON.parse(data);
  connection("connected", "Connected");
  if (welcome.run !== run) {
    for (const number of [...views.keys()]) forget(number);
    run = welcome.run;
  }
  isFilled = false;
  showAll(welcome.messages);
  isFilled = true;
  document.querySelector("#numbers").replaceChildren(...welcome.recipients.map((magic) =>
    element("tr", {},
      element("th", { scope: "row" }, element("code", {}, magic.number)),
      element("td", {}, formatted(magic.what_happens)),
      element("td", {}, element("code", {}, magic.status)))));
});
events.addEventListener("messages", ({ data }) => showAll(JSON.parse(data)));
