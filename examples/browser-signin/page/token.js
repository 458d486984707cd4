// Shows a token: what is in it can be read by anybody, so this needs no key.

/** The JSON in a part of a token. */
export function decode(part) {
  const base64 = part.replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Fills the page with a token of which the signature is missing. */
export function show({ header, payload, signature_length }) {
  const token = document.getElementById("token");
  token.replaceChildren(
    part("header", header), ".", part("payload", payload), ".", part("signature", "•".repeat(signature_length)),
  );
  document.getElementById("header").textContent = JSON.stringify(decode(header), null, 2);
  document.getElementById("payload").textContent = JSON.stringify(decode(payload), null, 2);
}

function part(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}
