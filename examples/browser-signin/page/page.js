// The page's behaviour: who is signed in, for how long yet, and the buttons.

import { follow } from "./activity.js";
import { Refused, api, onRenewed, plain } from "./session.js";
import { show } from "./token.js";

const element = (id) => document.getElementById(id);
let renewals = 0;
let ticking;

/** Looks who is signed in, and shows it. */
async function load() {
  try {
    const me = await api("/api/me");
    signedIn(me);
    await account();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    signedOut();
  }
}

function signedIn(me) {
  document.body.dataset.state = "in";
  element("user").textContent = me.user;
  element("roles").replaceChildren(...me.roles.map((role) => labelled("span", "badge", role)));
  element("cookies").replaceChildren(...me.cookies.map(cookie));
  // What script sees, as script sees it.
  element("script-sees").textContent = JSON.stringify(document.cookie);
  element("stranger").href = me.forgers.stranger;
  element("neighbour").href = me.forgers.neighbour;
  show(me.token);
  count(me.expires_in_ms, me.lifetime_ms);
}

function signedOut() {
  clearInterval(ticking);
  document.body.dataset.state = "out";
  element("sign-in-form").reset();
}

function cookie({ name, attributes }) {
  const item = labelled("li", "", "");
  item.append(labelled("b", "", name), ...attributes.map((text) => labelled("span", "", text)));
  return item;
}

function labelled(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

/** Counts down to the end of the token, and renews it then. */
function count(left, lifetime) {
  clearInterval(ticking);
  const end = performance.now() + left;
  const tick = () => {
    const now = Math.max(0, end - performance.now());
    element("left").textContent = Math.ceil(now / 1000);
    element("ring").style.strokeDashoffset = 100 * (1 - now / lifetime);
    if (now === 0) {
      clearInterval(ticking);
      load();
    }
  };
  ticking = setInterval(tick, 1000);
  tick();
}

async function account() {
  const { balance_cents } = await api("/api/account");
  element("balance").value = (balance_cents / 100).toLocaleString("en", { style: "currency", currency: "USD" });
}

/** Does it, and writes down where the page says so why it was refused. */
async function attempt(where, action) {
  element(where).textContent = "";
  try {
    await action();
  } catch (error) {
    element(where).textContent = error.message;
  }
}

element("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { username, password } = Object.fromEntries(new FormData(event.target));
  attempt("sign-in-error", async () => {
    await plain("/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username, password }),
    });
    await load();
  });
});

for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", () => {
    const form = element("sign-in-form");
    form.username.value = chip.dataset.username;
    form.password.value = chip.dataset.password;
    form.requestSubmit();
  });
}

element("pay").addEventListener("click", () => attempt("pay-error", async () => {
  await api("/api/payments", { method: "POST", body: new URLSearchParams({ amount_cents: "1000" }) });
  await account();
}));

element("sign-out").addEventListener("click", () => attempt("pay-error", async () => {
  await plain("/session", { method: "DELETE" });
  await load();
}));

element("sign-out-everywhere").addEventListener("click", () => attempt("pay-error", async () => {
  // This one needs a token that is good: it says whose sessions are meant.
  await api("/sessions", { method: "DELETE" });
  await load();
}));

onRenewed(() => { element("renewals").textContent = ++renewals; });
// Another tab may have signed out, or a forger been refused: look at the account again.
follow(({ request }) => {
  if (request.startsWith("POST /api/payments") && document.body.dataset.state === "in") account().catch(load);
});
load();
