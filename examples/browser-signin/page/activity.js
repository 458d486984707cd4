// The list of what the server answered, as it tells by server-sent events.

const LONGEST = 40;

/** Follows the server. `listener` is called for each answer. */
export function follow(listener) {
  const list = document.getElementById("activity");
  new EventSource("/activity").addEventListener("message", ({ data }) => {
    const answer = JSON.parse(data);
    list.prepend(row(answer));
    while (list.children.length > LONGEST) list.lastChild.remove();
    listener(answer);
  });
}

function row({ time, status, request, why }) {
  const item = document.createElement("li");
  item.append(cell("time", "", new Date(time).toLocaleTimeString()));
  item.append(cell("span", `status ${colour(status)}`, status));
  item.append(cell("code", "", request));
  item.append(cell("span", "why", why));
  return item;
}

function cell(tag, name, text) {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

function colour(status) {
  if (status < 400) return "good";
  return status === 401 ? "warn" : "bad";
}
