// Requests that renew the session by themselves: whoever calls `api` never sees that a token was over.

/** What a request was refused with. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? `status ${status}`);
    this.status = status;
  }
}

/** Sends a request. When its token is over, it is sent once more with a new one. */
export async function api(path, options = {}) {
  let response = await fetch(path, options);
  if (response.status === 401 && (await renew(path, options))) {
    response = await fetch(path, options);
  }
  return answer(response);
}

/** Sends a request that stands for itself: signing in and out. */
export async function plain(path, options = {}) {
  return answer(await fetch(path, options));
}

/** The body of a good answer; a `Refused` for any other. */
async function answer(response) {
  const json = response.headers.get("content-type")?.includes("json");
  const body = json ? await response.json() : undefined;
  if (!response.ok) throw new Refused(response.status, body);
  return body;
}

const renewed = new EventTarget();

/** Calls back whenever the session was renewed. */
export function onRenewed(listener) {
  renewed.addEventListener("renewed", listener);
}

/**
 * Gets a new token for the refresh token. The tabs of this browser share both, and a refresh token works once: so they take
 * turns, and whoever comes second looks whether the first has renewed it already.
 */
async function renew() {
  return navigator.locks.request("renew", async () => {
    if ((await fetch("/api/me")).ok) return true;
    const { ok } = await fetch("/session/refresh", { method: "POST" });
    if (ok) renewed.dispatchEvent(new Event("renewed"));
    return ok;
  });
}
