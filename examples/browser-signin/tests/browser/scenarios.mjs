// What a person does in a browser, and what must come of it. `browser.rs` runs each by its name:
//   node scenarios.mjs NAME http://localhost:PORT FOLDER_FOR_PICTURES
import assert from "node:assert/strict";
import path from "node:path";

const [, , name, base, pictures] = process.argv;
const { chromium } = await import(path.join(process.env.PORTCULLIS_PLAYWRIGHT, "index.mjs"));

const SESSION = "__Host-session";
const REFRESH = "__Host-refresh";

/** How long something is waited for that has to come, in milliseconds, however busy the machine is. */
const PATIENCE = 120_000;

/** A page of a browser that has no cookies yet. What goes wrong in it fails the scenario. */
async function visit(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1240, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(`script failed: ${error}`));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) complaints.push(message.text());
  });
  await page.goto(base);
  await page.waitForSelector('[data-state="out"]');
  return page;
}

const complaints = [];

async function signIn(page, user) {
  await page.click(`.chip[data-username="${user}"]`);
  await page.waitForSelector('[data-state="in"]');
}

const cookies = async (page) =>
  Object.fromEntries((await page.context().cookies()).map((cookie) => [cookie.name, cookie]));
const balance = (page) => page.textContent("#balance");
const shot = (page, file) => page.screenshot({ path: path.join(pictures, `${file}.png`), fullPage: true });
/** Waits for an answer on the page's list. */
const listed = (page, status, request) =>
  page.waitForFunction(
    ([status, request]) => [...document.querySelectorAll("#activity li")].some((row) =>
      row.querySelector(".status").textContent === status && row.querySelector("code").textContent === request),
    [status, request],
  );
/** What the API answers to a browser that shows these cookies. */
async function replay(browser, kept, call) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  await context.addCookies(Object.values(kept));
  const page = await context.newPage();
  await page.goto(`${base}/gate.svg`);
  const status = await page.evaluate(call);
  await context.close();
  return status;
}
const me = async () => (await fetch("/api/me")).status;
const renew = async () => (await fetch("/session/refresh", { method: "POST" })).status;

const scenarios = {
  async script_cannot_read_the_token(browser) {
    const page = await visit(browser);
    await shot(page, "1-signed-out");
    await signIn(page, "alice");
    assert.equal(await page.evaluate(() => document.cookie), "");
    assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
    assert.equal(await page.textContent("#script-sees"), '""');
    const kept = await cookies(page);
    assert.deepEqual(Object.keys(kept).sort(), [REFRESH, SESSION]);
    for (const cookie of Object.values(kept)) {
      assert.ok(cookie.httpOnly && cookie.secure, cookie.name);
      assert.equal(cookie.path, "/");
      assert.match(cookie.sameSite, /^(Lax|Strict)$/);
    }
    // Everything in it can be read, and the one part that must not leave the server is not there.
    assert.match(await page.textContent("#payload"), /"sub": "alice"/);
    const signature = kept[SESSION].value.split(".")[2];
    assert.ok(!(await page.content()).includes(signature));
    await shot(page, "2-signed-in");
  },

  async it_looks_well_in_the_dark_and_on_a_telephone(browser) {
    for (const [file, options] of [
      ["3-dark", { colorScheme: "dark" }],
      ["4-telephone", { viewport: { width: 390, height: 844 } }],
    ]) {
      const page = await visit(browser, options);
      await signIn(page, "alice");
      const width = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(width[0] <= width[1], `${file} scrolls sideways: ${width}`);
      await shot(page, file);
    }
  },

  async an_expired_session_is_renewed_unseen(browser) {
    const page = await visit(browser);
    await signIn(page, "bob");
    const before = (await cookies(page))[SESSION].value;
    await page.waitForFunction(() => Number(document.getElementById("renewals").textContent) >= 2);
    assert.notEqual((await cookies(page))[SESSION].value, before);
    assert.equal(await page.textContent("#user"), "bob");
    await listed(page, "204", "POST /session/refresh");
    await shot(page, "5-renewed");
  },

  async two_tabs_share_one_session(browser) {
    const page = await visit(browser);
    await signIn(page, "bob");
    const tab = await page.context().newPage();
    await tab.goto(base);
    await tab.waitForSelector('[data-state="in"]');
    // Both want to renew at the same moment, again and again: neither may take the other for a thief.
    const renewals = () => Promise.all(
      [page, tab].map((each) => each.evaluate(() => Number(document.getElementById("renewals").textContent))));
    while ((await renewals()).reduce((a, b) => a + b) < 3) {
      await Promise.race([page, tab].map((each) => each.waitForResponse(/session\/refresh/)));
    }
    for (const each of [page, tab]) assert.equal(await each.getAttribute("body", "data-state"), "in");
  },

  async an_admin_pays_and_a_reader_does_not(browser) {
    const alice = await visit(browser);
    await signIn(alice, "alice");
    await alice.waitForFunction(() => document.getElementById("balance").textContent === "$1,000.00");
    await alice.click("#pay");
    await alice.waitForFunction(() => document.getElementById("balance").textContent === "$990.00");
    const bob = await visit(browser);
    await signIn(bob, "bob");
    await bob.click("#pay");
    await listed(bob, "403", "POST /api/payments");
    assert.notEqual(await bob.textContent("#pay-error"), "");
    assert.equal(await balance(bob), "$990.00");
  },

  async forged_payments_are_refused(browser) {
    const page = await visit(browser);
    await signIn(page, "alice");
    await page.waitForFunction(() => document.getElementById("balance").textContent === "$1,000.00");
    for (const [link, status] of [["#stranger", "401"], ["#neighbour", "403"]]) {
      const opened = page.context().waitForEvent("page");
      await page.click(link);
      const forger = await opened;
      await forger.waitForFunction(() => document.getElementById("outcome").textContent.startsWith("It was sent"));
      await listed(page, status, "POST /api/payments");
      await shot(forger, `6-forger-${link.slice(1)}`);
      await forger.close();
    }
    assert.equal(await balance(page), "$1,000.00");
    await shot(page, "7-refused");
    // The same request from the page itself is good: it was refused for where it came from.
    await page.click("#pay");
    await page.waitForFunction(() => document.getElementById("balance").textContent === "$990.00");
  },

  async signing_out_ends_the_session_for_whoever_kept_its_cookies(browser) {
    const page = await visit(browser);
    await signIn(page, "bob");
    const kept = await cookies(page);
    assert.equal(await replay(browser, kept, me), 200);
    await page.click("#sign-out");
    await page.waitForSelector('[data-state="out"]');
    assert.deepEqual(await cookies(page), {});
    assert.equal(await replay(browser, kept, me), 401);
    assert.equal(await replay(browser, kept, renew), 401);
  },

  async signing_out_everywhere_ends_every_browser(browser) {
    const here = await visit(browser);
    const there = await visit(browser);
    const other = await visit(browser);
    for (const [page, user] of [[here, "bob"], [there, "bob"], [other, "alice"]]) await signIn(page, user);
    await here.click("#sign-out-everywhere");
    await here.waitForSelector('[data-state="out"]');
    await there.waitForSelector('[data-state="out"]');
    const goesOn = (page) => page.waitForResponse((response) => /session\/refresh/.test(response.url()) && response.ok());
    await goesOn(other);
    // Coming back works at once, in the very second of the cutoff too, and lasts.
    await signIn(here, "bob");
    await goesOn(here);
  },

  async a_refresh_token_works_once(browser) {
    const page = await visit(browser);
    await signIn(page, "bob");
    const kept = await cookies(page);
    await page.waitForResponse((response) => /session\/refresh/.test(response.url()) && response.ok());
    assert.equal(await replay(browser, { [REFRESH]: kept[REFRESH] }, renew), 401);
  },

  async a_wrong_password_is_told_and_slowed_down(browser) {
    const page = await visit(browser);
    await page.fill('[name="username"]', "bob");
    // Every ten seconds there is one attempt more, and a busy machine may need seconds for each.
    const began = Date.now();
    let [response, told] = [undefined, 0];
    do {
      await page.fill('[name="password"]', "not this one");
      [response] = await Promise.all([
        page.waitForResponse((response) => response.url() === `${base}/session`),
        page.click("#sign-in-form button"),
      ]);
      await page.waitForFunction(() => document.getElementById("sign-in-error").textContent !== "");
      told += Number(response.status() === 401);
    } while (response.status() === 401);
    assert.equal(response.status(), 429);
    const allowed = 5 + (Date.now() - began) / 10_000;
    assert.ok(told >= 5 && told <= allowed, `slowed down after ${told} of ${allowed}`);
    assert.ok(Number(response.headers()["retry-after"]) > 0);
    await shot(page, "8-slowed-down");
  },

  async the_policy_stops_a_script_in_the_page(browser) {
    const page = await visit(browser);
    const violated = page.evaluate(() => new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
      const script = document.createElement("script");
      script.textContent = "document.body.dataset.injected = 'yes'";
      document.body.append(script);
    }));
    assert.equal(await violated, "script-src-elem");
    assert.equal(await page.getAttribute("body", "data-injected"), null);
    complaints.length = 0;
    const framed = await page.context().newPage();
    await framed.goto(`${base.replace("localhost", "127.0.0.1")}/gate.svg`);
    assert.equal((await framed.request.get(base)).headers()["content-security-policy"].includes("frame-ancestors 'none'"), true);
  },
};

if (name === "--list") {
  console.log(Object.keys(scenarios).join("\n"));
  process.exit(0);
}
const browser = await chromium.launch({
  executablePath: process.env.PORTCULLIS_CHROMIUM,
  timeout: PATIENCE,
  // The last few keep it from calling home.
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run"],
});
try {
  await scenarios[name](browser);
  assert.deepEqual(complaints, []);
} finally {
  await browser.close();
}
